"""Simulated purchase orders whose receipts scatter around the promise as real deliveries do. `leadtime` scores them.

The scatter is that of causact: actual less planned ship date of 23,339 shipments, one value per shipment and product
line. Each supplier draws from one product line, times 0.5, 1 or 2; some are always late by 3 or 7 days. A lane
(supplier and item) has a promise of its own around that of its supplier, and orders at random intervals; half of the
lanes begin later than the others. One supplier in three drifts: from some day on its lead times are longer or shorter
by a factor. The promises do not follow. Half of the suppliers have lead times in master data, which are the promises.

Nothing is known of the lead times of any open firm, so all but the scatter is simulated.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

SCATTER = Path("causact") / "delivery_lines.parquet"
PRODUCT_LINES = Path("causact") / "product_lines.parquet"
SHIPMENTS_MIN = 200
"""Product lines with fewer shipments are left out."""
LEAST_DAYS = 0.3
BEGIN_DAYS = 90.0
"""Half of the lanes have their first order within so many days."""


class Orders(NamedTuple):
    """Orders of all lanes in order of placing; all arrays are (n,)."""

    placed: NDArray[np.float64]
    """Day of the order and, as a fraction, its time."""
    supplier: NDArray[np.int64]
    lane: NDArray[np.int64]
    stated: NDArray[np.float64]
    """Lead time in master data, in days; NaN: none."""
    promised: NDArray[np.float64]
    """Days from placing to the promised day."""
    days: NDArray[np.float64]
    """Lead time in days."""
    drifted: NDArray[np.bool_]
    """Whether the supplier's lead times had changed."""


def scatter(folder: Path) -> list[NDArray[np.int64]]:
    """Days from planned to actual ship date of each shipment, by product line."""
    deliveries, parts = pq.read_table(folder / SCATTER), pq.read_table(folder / PRODUCT_LINES)
    line_of = dict(zip(parts["partID"].to_pylist(), parts["productLine"].to_pylist(), strict=True))
    actual, planned = (deliveries[name].to_numpy().astype("M8[D]") for name in ("actualShipDate", "plannedShipDate"))
    late = (actual - planned).astype(np.int64).tolist()
    found: dict[str, dict[str, int]] = {}
    for shipment, part, days in zip(
        deliveries["shipID"].to_pylist(), deliveries["partID"].to_pylist(), late, strict=True
    ):
        if part in line_of:
            found.setdefault(line_of[part], {}).setdefault(shipment, days)
    return [np.array(list(days.values())) for _, days in sorted(found.items()) if len(days) >= SHIPMENTS_MIN]


def simulate(seed: int, suppliers: int, days: int, scatters: list[NDArray[np.int64]]) -> Orders:
    """Orders of ``days`` days; every supplier and lane has random numbers of its own seed."""
    found: list[tuple[float, int, int, float, float, float, bool]] = []
    lane = 0
    for supplier in range(suppliers):
        random = np.random.default_rng([seed, supplier])
        base = float(np.clip(random.lognormal(np.log(21.0), 0.7), 4.0, 90.0))
        deviations = scatters[random.integers(len(scatters))] * random.choice([0.5, 1.0, 2.0])
        always, stated = random.choice([0.0, 0.0, 0.0, 3.0, 7.0]), random.random() < 0.5
        drift_day = days * random.uniform(0.4, 0.7) if random.random() < 1 / 3 else np.inf
        factor = random.choice([0.7, 1.5, 2.0])
        for _ in range(int(np.clip(random.pareto(1.0) * 3.0 + 2.0, 2, 80))):
            promised = max(1.0, round(base * random.lognormal(0.0, 0.25)))
            gap = random.uniform(15.0, 90.0)
            placed = random.uniform(0.0, 0.9 * days if random.random() < 0.5 else BEGIN_DAYS)
            while placed < days:
                drifted = placed > drift_day
                off = always + float(random.choice(deviations)) + random.uniform(-0.4, 0.4)
                taken = max(promised * (factor if drifted else 1.0) + off, LEAST_DAYS)
                found.append((placed, supplier, lane, promised if stated else np.nan, promised, taken, drifted))
                placed += 1.0 + random.exponential(gap)
            lane += 1
    columns = [np.array(column) for column in zip(*sorted(found), strict=True)]
    return Orders(*columns)
