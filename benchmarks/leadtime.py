"""Lead times: how often receipts stay within the stated .5 and .9 quantiles, against the mean and sd of each shard.

The orders are simulated around the promise with the scatter of real deliveries, see `receipts`. Each order is forecast
when it is placed, from what was received and is open by then, and scored when it is received. Orders of the first half
year are learned and not scored. ``unseen`` are orders of lanes without a receipt, ``drifted`` those of suppliers whose
lead times have changed. The peer is the rule that this one replaced: per shard exponentially discounted means and
variances of supplier and lane, shrunk to the stated lead time or 7 days, and the quantiles of a gamma distribution.
"""

import heapq
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.m5 import data_folder
from benchmarks.receipts import PRODUCT_LINES, SCATTER, Orders, scatter, simulate
from sensing.machine_settings import DAY_MS, Settings
from sensing.supply.lanes import Lanes
from sensing.supply.lead_time import in_days, include_open_lines, log_lead_times

SEED = 12
SIZES = {"smoke": (12, 400), "full": (150, 1095)}
"""Suppliers and days."""
SHARDS = 16
SCORED_FROM_DAY = 180
LEVEL = 0.9


class Forecast(NamedTuple):
    """Quantiles in days, and whether the lane had no receipt."""

    p50: float
    p90: float
    unseen: bool


class Engine:
    """The engine's lead times: lanes and corrections per shard, pools of suppliers in all shards alike."""

    def __init__(self) -> None:
        self.shards = [Lanes(1 << 20) for _ in range(SHARDS)]
        self._day = 0
        self._expected: dict[int, tuple[float, float, int]] = {}
        self._open: dict[int, dict[int, float]] = {}

    def place(self, order: int, orders: Orders) -> Forecast:
        """Forecast an order that is placed now."""
        now = orders.placed[order]
        self._take_in(int(now))
        lane_number = int(orders.lane[order])
        lanes = self.shards[lane_number % SHARDS]
        supplier = lanes.supplier(f"S{orders.supplier[order]}")
        lane = np.array([lanes.lane(lane_number, supplier)], np.int32)
        at = round(now * DAY_MS)
        found = log_lead_times(
            lanes, lane, np.array([supplier]), orders.stated[order : order + 1], Settings().lead_time_days, at
        )
        waiting = self._open.setdefault(lane_number, {})
        ages = np.array([now - placed for placed in waiting.values()])
        include_open_lines(
            found.mean, found.variance, found.weight, np.zeros(ages.size, np.int64), ages, np.ones(ages.size)
        )
        self._expected[order] = float(found.mean[0]), math.sqrt(found.variance[0]), int(found.known[0])
        waiting[order] = now
        days = in_days(lanes, found)
        return Forecast(float(days[2, 0]), float(days[3, 0]), found.known[0] == 0)

    def receive(self, order: int, orders: Orders) -> None:
        """Learn an order that is received now."""
        time = orders.placed[order] + orders.days[order]
        self._take_in(int(time))
        lane, days = int(orders.lane[order]), float(orders.days[order])
        del self._open[lane][order]
        own = self.shards[lane % SHARDS]
        own.received(own.lane(lane, own.supplier(f"S{orders.supplier[order]}")), days, 1.0, round(time * DAY_MS))
        own.calibrate(self._expected.pop(order), days, 1.0)
        for lanes in self.shards:
            lanes.heard(lanes.supplier(f"S{orders.supplier[order]}"), days, 1.0, round(time * DAY_MS))

    def _take_in(self, day: int) -> None:
        if day > self._day:
            self._day = day
            for lanes in self.shards:
                lanes.take_in()


class MeanAndSd:
    """The rule before: discounted moments of days per shard, lane shrunk to supplier to 7 days or what is stated."""

    POOL_MEMORY, LANE_MEMORY, PRIOR_WEIGHT, VARIATION = 0.98, 0.9, 3.0, 0.3

    def __init__(self) -> None:
        self._statistics: dict[tuple[str, int, int], tuple[float, float, float]] = {}

    def place(self, order: int, orders: Orders) -> Forecast:
        """Forecast an order that is placed now."""
        stated = float(orders.stated[order])
        mean = 7.0 if math.isnan(stated) else stated
        variance = (self.VARIATION * mean) ** 2
        for key in self._keys(order, orders):
            weight, own, squares = self._statistics.get(key, (0.0, 0.0, 0.0))
            total = weight + self.PRIOR_WEIGHT
            mean = (weight * own + self.PRIOR_WEIGHT * mean) / total
            variance = (squares + self.PRIOR_WEIGHT * variance) / total
        p50, p90 = stats.gamma.ppf([0.5, LEVEL], mean * mean / variance, scale=variance / mean)
        return Forecast(float(p50), float(p90), self._keys(order, orders)[1] not in self._statistics)

    def receive(self, order: int, orders: Orders) -> None:
        """Learn an order that is received now."""
        days = float(orders.days[order])
        for key, memory in zip(self._keys(order, orders), (self.POOL_MEMORY, self.LANE_MEMORY), strict=True):
            weight, mean, squares = self._statistics.get(key, (0.0, 0.0, 0.0))
            weight = weight * memory + 1.0
            gap = days - mean
            mean += gap / weight
            self._statistics[key] = weight, mean, squares * memory + gap * (days - mean)

    @staticmethod
    def _keys(order: int, orders: Orders) -> list[tuple[str, int, int]]:
        lane, supplier = int(orders.lane[order]), int(orders.supplier[order])
        return [("supplier", supplier, lane % SHARDS), ("lane", lane, 0)]


def forecasts(rule: Engine | MeanAndSd, orders: Orders) -> list[Forecast]:
    """Forecasts of all orders, each at its placing, with receipts learned in between."""
    found: list[Forecast] = []
    coming: list[tuple[float, int]] = []
    for order, placed in enumerate(orders.placed.tolist()):
        while coming and coming[0][0] <= placed:
            rule.receive(heapq.heappop(coming)[1], orders)
        found.append(rule.place(order, orders))
        heapq.heappush(coming, (placed + float(orders.days[order]), order))
    return found


def scores(said: list[Forecast], days: NDArray[np.float64], chosen: NDArray[np.bool_]) -> dict[str, float]:
    """Coverage of both quantiles and pinball loss of the .9 quantile, in days, of the chosen orders."""
    p50, p90 = (np.array([getattr(each, name) for each in said])[chosen] for name in ("p50", "p90"))
    over = days[chosen] - p90
    return {
        "orders": int(chosen.sum()),
        "p50_coverage": round(float(np.mean(days[chosen] <= p50)), 4),
        "p90_coverage": round(float(np.mean(over <= 0.0)), 4),
        "pinball_90_days": round(float(np.mean(np.maximum(LEVEL * over, (LEVEL - 1.0) * over))), 3),
    }


def one_receipt() -> dict[str, float]:
    """Lead time of a lane after its one receipt, of 60 days; nothing else is known."""
    lanes = Lanes(1)
    supplier = lanes.supplier("S")
    lane = lanes.lane(0, supplier)
    lanes.received(lane, 60.0, 1.0, DAY_MS)
    lanes.heard(supplier, 60.0, 1.0, DAY_MS)
    lanes.take_in()
    found = log_lead_times(lanes, np.array([lane], np.int32), np.array([supplier]), np.array([math.nan]), 7.0, DAY_MS)
    names = ("mean_days", "sd_days", "p50_days", "p90_days")
    return {name: round(float(days), 1) for name, days in zip(names, in_days(lanes, found)[:, 0], strict=True)}


def run(size: str) -> dict[str, object]:
    """Score both rules on the same orders."""
    folder = data_folder()
    missing = [str(folder / path) for path in (SCATTER, PRODUCT_LINES) if not (folder / path).exists()]
    if missing:
        return {"missing": f"required {', '.join(missing)}; set TIDEGAUGE_DATA"}
    suppliers, days = SIZES[size]
    orders = simulate(SEED, suppliers, days, scatter(folder))
    rules: dict[str, Callable[[], Engine | MeanAndSd]] = {"engine": Engine, "mean_and_sd": MeanAndSd}
    said = {name: forecasts(rule(), orders) for name, rule in rules.items()}
    # An order that comes after the last day was not received.
    scored = (orders.placed >= SCORED_FROM_DAY) & (orders.placed + orders.days < days)
    unseen = np.array([each.unseen for each in said["engine"]])
    stated = ~np.isnan(orders.stated)
    groups = {
        "all": scored, "unseen": scored & unseen, "drifted": scored & orders.drifted,
        "steady": scored & ~orders.drifted, "stated": scored & stated, "not_stated": scored & ~stated,
    }  # fmt: skip
    figures = {
        rule: {group: scores(each, orders.days, chosen) for group, chosen in groups.items()}
        for rule, each in said.items()
    }
    return {
        "seed": SEED,
        "sizes": {
            "orders": len(orders.placed),
            "lanes": int(orders.lane.max()) + 1,
            "suppliers": suppliers,
            "days": days,
        },
        **figures,
        "one_receipt_of_60_days": one_receipt(),
        "answer": figures,
    }
