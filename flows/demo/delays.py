"""How late suppliers are: real differences between planned and actual dates, from a warehouse of CRAN's causact (see
data/SOURCES.txt).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DELAYS_FILE = Path(__file__).parent / "data" / "delivery_delays.npy"


def load_delays() -> NDArray[np.int64]:
    """Days late of the shipped array, sorted ascending."""
    return np.asarray(np.load(DELAYS_FILE), dtype=np.int64)
