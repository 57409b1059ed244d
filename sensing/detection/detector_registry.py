"""Registry of all detectors. A new detector is a file with its spec and an entry here.

The life cycle, the closes of shards, the schemas and the README read the specs from ``DETECTORS``.
"""

from typing import Any

from sensing.detection.delay import SUPPLIER_DELAY
from sensing.detection.delay_digest import DELAY_DIGEST
from sensing.detection.detector import Detector
from sensing.detection.drop import DEMAND_DROP
from sensing.detection.forecast_variance import FORECAST_VARIANCE
from sensing.detection.large_order import LARGE_ORDER
from sensing.detection.master_data import MASTER_DATA
from sensing.detection.out_of_sync import INVENTORY_OUT_OF_SYNC
from sensing.detection.quality import DATA_QUALITY
from sensing.detection.stockout import STOCKOUT_PROJECTED
from sensing.detection.surge import ORDER_SURGE

DETECTORS: dict[str, Detector[Any]] = {
    detector.name: detector
    for detector in (
        ORDER_SURGE,
        DEMAND_DROP,
        FORECAST_VARIANCE,
        SUPPLIER_DELAY,
        DELAY_DIGEST,
        STOCKOUT_PROJECTED,
        LARGE_ORDER,
        INVENTORY_OUT_OF_SYNC,
        DATA_QUALITY,
        MASTER_DATA,
    )
}
"""By exception type, in the order in which their findings of one close are published."""

OVER_ALL_SHARDS = (MASTER_DATA, DELAY_DIGEST)
"""Detectors of problems that are one over all shards: the roll-up runs them and keeps their problems."""
