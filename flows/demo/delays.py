"""Supplier delays of the demo: real differences between planned and actual dates, from a warehouse data set of CRAN's
causact (see data/SOURCES.txt).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DELAYS_FILE = Path(__file__).parent / "data" / "delivery_delays.npy"


def load_delays() -> NDArray[np.int64]:
    """Days late, from the array shipped with the demo, in ascending order."""
    return np.asarray(np.load(DELAYS_FILE), dtype=np.int64)
