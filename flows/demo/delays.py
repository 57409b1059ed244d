"""How late suppliers are: real differences between planned and actual dates, from a warehouse of CRAN's causact (see
data/SOURCES.txt).
"""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

DELAYS_FILE = Path(__file__).parent / "data" / "delivery_delays.npy"
DELAY_DAYS_MIN = -14
DELAY_DAYS_MAX = 30


def delays_from_causact(delivery_lines: Path) -> NDArray[np.int8]:
    """Days late (negative: early), sorted, from causact's ``delivery_lines``.

    Lines of one shipment that were late by the same number of days are one observation, so that a shipment of a hundred
    lines does not count a hundred times. Differences outside -14 to +30 days are entry errors (60 lines are exactly a
    year early) and left out.
    """
    table = pq.read_table(delivery_lines, columns=["shipID", "plannedShipDate", "actualShipDate"])
    shipment = table["shipID"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    planned = table["plannedShipDate"].to_numpy().astype("datetime64[D]").astype(np.int64)
    actual = table["actualShipDate"].to_numpy().astype("datetime64[D]").astype(np.int64)
    days = actual - planned
    sane = (days >= DELAY_DAYS_MIN) & (days <= DELAY_DAYS_MAX)
    pairs = np.unique(np.stack([shipment[sane], days[sane]]), axis=1)
    return np.sort(pairs[1]).astype(np.int8)


def load_delays() -> NDArray[np.int64]:
    """Days late of the shipped array, sorted ascending."""
    return np.asarray(np.load(DELAYS_FILE), dtype=np.int64)
