"""End of life: demand, orders and projection of items that end on a known local day. Plans call it.

After the last day the forecast is zero, also where a lead time is longer than the forecast. An order covers no demand
beyond it: its quantity is at most the demand from the end of the protection time to the last day, rounded down to the
multiple and the decimals of its unit, and zero if that is below the minimum.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.codec.instants import day_number
from sensing.contracts.reference import ItemUpdated
from sensing.supply.lead_time_demand import protection_time_demand, sum_of_days
from sensing.supply.projection import COVER_DAYS, project, projected_days
from sensing.supply.rounding import step_of, to_steps

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

WEEK = 7
WHOLE = 1e-9
"""Relative tolerance of multiples, as in `sensing.supply.order_quantity`."""


def last_day_of(item: ItemUpdated | None) -> float:
    """Last local day with demand that an item's record says; infinite if it says none."""
    return math.inf if item is None or item.end_of_life is None else float(day_number(item.end_of_life))


def without_ended_days(mean: Floats, variance: Floats, day: int, last_day: Floats) -> tuple[Floats, Floats]:
    """Forecasts (n, 28) of the days after ``day``, without demand after each row's last day (n,)."""
    ahead = day + 1 + np.arange(mean.shape[1])
    over = (ahead > last_day[:, np.newaxis]) & ~np.isnan(mean)
    return np.where(over, 0.0, mean), np.where(over, 0.0, variance)


def until_the_end(daily: Floats, days_left: float, days: int) -> Floats:
    """(days) daily values, at least 28: the forecast, its last week repeated, zero after ``days_left``."""
    weeks = max(math.ceil((days - daily.size) / WEEK), 0)
    found = np.concatenate((daily, np.tile(daily[-WEEK:], weeks)))[: max(days, daily.size)]
    found[int(min(max(days_left, 0.0), found.size)) :] = 0.0
    return np.ascontiguousarray(found)


def demand_left(mean: Floats, days_left: float) -> float:
    """Expected demand from tomorrow through the last day."""
    return float(sum_of_days(mean, max(days_left, 0.0)))


def capped_quantity(quantity: float, rest: float, policy: Any) -> float:
    """An order quantity that covers at most ``rest`` units."""
    if not quantity > rest:
        return quantity
    decimals, multiple = float(policy["decimals"]), float(policy["multiple"])
    step = step_of(decimals, multiple)[1] / THOUSANDTHS
    found = math.floor(max(rest, 0.0) / step * (1.0 + WHOLE)) * step
    kept = to_steps(found, decimals, multiple, False)
    while kept > found * (1.0 + WHOLE):  # of so many last decimals that the step has grown
        found -= step
        kept = to_steps(found, decimals, multiple, False)
    return 0.0 if kept < policy["minimum"] else kept


class EndingRows(NamedTuple):
    """Rows of a plan that end: their positions ``at`` (k), and the forecasts (n, 28) and ``days_left`` (n,) of all."""

    at: list[int]
    mean: Floats
    variance: Floats
    sums: Floats
    step: Floats
    days_left: Floats

    @classmethod
    def of(cls, mean: Floats, variance: Floats, sums: Floats, step: Floats, last_day: Floats, day: int) -> "EndingRows":
        """The rows with a last day, planned after local ``day``."""
        return cls(np.flatnonzero(np.isfinite(last_day)).tolist(), mean, variance, sums, step, last_day - day)

    def protect(self, lead_days: Singles, sd_days: Singles, review: Singles, service: Singles, out: Floats) -> None:
        """Fill in the columns of `protection_time_demand` again; no demand repeats after the last day."""
        for at in self.at:
            one = slice(at, at + 1)
            days = math.ceil(float(lead_days[at]) + float(review[at])) + 1
            if self.days_left[at] >= days:
                continue
            mean, variance = self._daily(at, days, WEEK)
            protection_time_demand(
                mean,
                variance,
                self.sums[one],
                lead_days[one],
                sd_days[one],
                review[one],
                service[one],
                self.step[one],
                out[one],
            )

    def cap(self, policy: NDArray[Any], out: Floats, quantity: Floats) -> None:
        """Cap order quantities (n,) in place; ``out`` is that of `protection_time_demand`."""
        for at in self.at:
            rest = demand_left(self.mean[at], float(self.days_left[at])) - float(out[at, 2])
            quantity[at] = capped_quantity(float(quantity[at]), rest, policy[at])

    def project(
        self, stock: tuple[Floats, Floats, Floats], due: Floats, receipts: Floats, lead_days_mean: Singles,
        found: NDArray[np.int64], projected: Floats,
    ) -> None:  # fmt: skip
        """Fill in the projection again; ``stock`` is on hand and owed (n,), and the share of
        the demand of the first two days that is still to come (n, 2). Cover that outlasts the row is NaN.
        """
        for at in self.at:
            one = slice(at, at + 1)
            days = projected_days(self.mean.shape[1], lead_days_mean[at])
            if self.days_left[at] < days:
                mean, variance = self._daily(at, days, 0)
                project(
                    stock[0][one], stock[1][one], due[one, :days].copy(), receipts[one, :days].copy(), mean, variance,
                    stock[2][one], self.sums[one], self.step[one], lead_days_mean[one], found[one], projected[one],
                )  # fmt: skip
            if projected[at, COVER_DAYS] > self.days_left[at]:
                projected[at, COVER_DAYS] = np.nan

    def left_over(self, on_hand: Floats, on_order: Floats, open_demand: Floats) -> Floats:
        """(n,) units of stock and orders that will be left when rows end; NaN: no end, or stock is not known."""
        found = np.full(on_hand.size, np.nan)
        for at in self.at:
            needed = max(np.nan_to_num(demand_left(self.mean[at], float(self.days_left[at]))), open_demand[at])
            found[at] = np.maximum(on_hand[at] + on_order[at] - needed, 0.0)
        return found

    def _daily(self, at: int, days: int, zeros: int) -> tuple[Floats, Floats]:
        """(1, days + zeros) mean and variance of the days of a row, at least 28, then zeros."""
        left = float(self.days_left[at])
        both = [until_the_end(column[at], left, days) for column in (self.mean, self.variance)]
        mean, variance = (np.concatenate((column, np.zeros(zeros)))[np.newaxis] for column in both)
        return mean, variance
