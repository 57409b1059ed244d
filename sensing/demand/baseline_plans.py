"""Baseline plans of SKU-locations and how well they have forecast; a part of a shard's state.

Reference records put plans in force, closes of days measure them, forecasts are blended with them. Plans are kept by
the key of their row, since a plan may come before its row.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import day_number
from sensing.contracts.reference import PlanPublished
from sensing.demand.plan_blend import ERROR_DAYS_MAX, learn_mean
from sensing.state.snapshot import Encoded, pack, unpack

Key = tuple[int, int]
"""Key of a row: hashes of SKU and location."""


class BaselinePlan(msgspec.Struct):
    """The plan in force of a SKU-location: ``quantity`` per day on local days ``start`` to ``end``, both included.

    ``time`` is its effective time. ``days`` were measured; the errors are mean squares over them. They outlast a plan
    that is replaced: they say how well this SKU-location is planned. So do the mean absolute errors, for metrics only,
    and the demand class on the newest day that was measured.
    """

    sku: str
    location: str
    time: int
    event_id: str
    start: int
    end: int
    quantity: float
    days: float = 0.0
    plan_error: float = 0.0
    sensed_error: float = 0.0
    plan_absolute: float = 0.0
    sensed_absolute: float = 0.0
    demand_class: int = 0


class RowPlans(NamedTuple):
    """Plans of some rows: their positions among the rows asked for, and the plans."""

    at: NDArray[np.int64]
    plans: list[BaselinePlan]

    def column(self, name: str) -> NDArray[np.float64]:
        """(n,) one field of the plans."""
        return np.array([getattr(plan, name) for plan in self.plans], np.float64)

    def covered(self, first: int, count: int) -> NDArray[np.bool_]:
        """(n, count) whether each plan covers each local day from ``first`` on."""
        days = np.arange(first, first + count)
        return np.asarray((days >= self.column("start")[:, None]) & (days <= self.column("end")[:, None]))


class BaselineColumns(NamedTuple):
    """Plans of n forecast rows, over the days that each covers of the next 28; zero for rows without a plan."""

    days: NDArray[np.int64]
    """(n,) days covered."""
    weight: NDArray[np.float64]
    """(n,) weight of the plan in the forecast of these days."""
    sensed: NDArray[np.float64]
    """(n,) units of the sensed forecast."""
    variance: NDArray[np.float64]
    """(n,) variance of the sensed demand."""
    planned: NDArray[np.float64]
    """(n,) units of the plan."""
    price: NDArray[np.float64]
    """(n,) price of a unit in the base currency; NaN unknown."""
    plans: dict[int, BaselinePlan]
    """Plan by position."""


class BaselinePlans:
    """Plans by key of a row, at most ``plans_max``; records of further SKU-locations are ``refused``.

    ``waiting`` are SKU-locations whose row has no events yet.
    """

    def __init__(self, plans_max: int) -> None:
        self.plans_max = plans_max
        self.plans: dict[Key, BaselinePlan] = {}
        self.waiting: dict[Key, tuple[str, str]] = {}
        self.refused = 0

    def apply(self, key: Key, event: PlanPublished, time: int) -> bool:
        """Put a plan in force that is effective at ``time``; False if a newer one is, or the table is full."""
        kept = self.plans.get(key)
        if kept is not None and kept.time > time:
            return False
        if kept is None and len(self.plans) >= self.plans_max:
            self.refused += 1
            return False
        start = day_number(event.start)
        plan = BaselinePlan(
            sku=event.sku, location=event.location, time=time, event_id=event.event_id, start=start,
            end=start + event.days - 1, quantity=event.quantity_per_day,
        )  # fmt: skip
        if kept is not None:
            for name in _MEASURED:
                setattr(plan, name, getattr(kept, name))
        self.plans[key] = plan
        return True

    def find(self, keys: Iterable[Key], first: int, last: int) -> RowPlans:
        """Plans of rows, by key, that cover one of the local days ``first`` to ``last``."""
        found = [
            (at, plan)
            for at, plan in enumerate(map(self.plans.get, keys))
            if plan is not None and plan.start <= last and plan.end >= first
        ]
        return RowPlans(np.array([at for at, _ in found], np.int64), [plan for _, plan in found])

    def learn(
        self, found: RowPlans, planned: NDArray[np.float64], sensed: NDArray[np.float64], units: NDArray[np.float64],
        demand_class: NDArray[np.uint8],
    ) -> None:  # fmt: skip
        """Add the errors (n,) of one day, forecast as ``planned`` and ``sensed``, with demand of ``units``."""
        days = found.column("days")
        errors = {"plan": planned - units, "sensed": sensed - units}
        learned: dict[str, list[float]] = {}
        for name, error in errors.items():
            learned[f"{name}_error"] = learn_mean(found.column(f"{name}_error"), days, error * error).tolist()
            learned[f"{name}_absolute"] = learn_mean(found.column(f"{name}_absolute"), days, np.abs(error)).tolist()
        for at, (plan, code) in enumerate(zip(found.plans, demand_class.tolist(), strict=True)):
            plan.days, plan.demand_class = min(plan.days + 1.0, ERROR_DAYS_MAX), code
            for name, means in learned.items():
                setattr(plan, name, means[at])

    def convert(self, key: Key, factor: float) -> None:
        """Multiply a plan and its errors by ``factor``, when the base unit of the item has changed."""
        plan = self.plans.get(key)
        if plan is not None:
            plan.quantity *= factor
            plan.plan_error *= factor * factor
            plan.sensed_error *= factor * factor
            plan.plan_absolute *= factor
            plan.sensed_absolute *= factor

    def dump(self) -> bytes:
        """The whole state as bytes."""
        state = (list(self.plans.items()), list(self.waiting.items()), self.refused)
        return pack({"plans": Encoded(state, _State)})

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        plans, waiting, self.refused = unpack(block, {"plans": _State})["plans"]
        self.plans, self.waiting = dict(plans), dict(waiting)


_MEASURED = ("days", "plan_error", "sensed_error", "plan_absolute", "sensed_absolute", "demand_class")
"""Fields that a plan takes over from the one it replaces."""
_State = tuple[list[tuple[Key, BaselinePlan]], list[tuple[Key, tuple[str, str]]], int]
