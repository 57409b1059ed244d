"""A day that has begun: which part of its demand is still to come, and what its order lines say of the near term.

`sensing.machines.plan_on_event` reads it for rows that are planned during the day.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import local_date
from sensing.contracts.forecast_parts import NearTermForecast
from sensing.demand.demand_record import HORIZON
from sensing.demand.model_inputs import Forecast, NearTerm
from sensing.machine_settings import DAY_MINUTES
from sensing.machines.shard_state import ShardState
from sensing.state.rows import DAYS_KEPT
from sensing.supply.projection import DAYS_LEFT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
CHANGE_MIN = 0.01
"""Smaller changes of a day are not stated."""


class BegunDay(NamedTuple):
    """Of n rows planned during the day after their last closed one.

    ``left`` (n, 2) is the share of the demand of the next two days that is still to come; ``factors`` (n, 28) change
    the forecast of each day; ``near`` is where they come from.
    """

    left: Floats
    factors: Floats
    near: NearTerm

    def applied(self, forecast: Forecast) -> Forecast:
        """A forecast with the factors."""
        return forecast._replace(mean=forecast.mean * self.factors, variance=forecast.variance * self.factors)

    def stated(self, at: int, day: int, mean: Floats) -> NearTermForecast | None:
        """What changed the forecast ``mean`` (28,) of the row at a position; None if nothing did."""
        factors = self.factors[at]
        changed = np.flatnonzero(np.abs(factors - 1.0) >= CHANGE_MIN)
        if not len(changed) or not mean.any():
            return None
        days = int(changed[-1]) + 1
        sensed = mean[:days].copy()
        sensed[0] *= self.left[at, 0]
        lines, expected = int(self.near.lines[at]), float(self.near.expected[at])
        half_life, until = float(self.near.half_life_days[at]), local_date(day + days)
        return NearTermForecast(
            baseline=(sensed / factors[:days]).tolist(), sensed=sensed.tolist(), until=until, lines=lines,
            expected_lines=expected, half_life_days=half_life,
            why=f"{lines} order line{'' if lines == 1 else 's'} came today where {expected:.3g} were usual by now: the"
            f" forecast is {100.0 * (factors[0] - 1.0):+.0f} % for the rest of the day and"
            f" {100.0 * (factors[1] - 1.0):+.0f} % for tomorrow.",
        )  # fmt: skip


def begun_day(s: ShardState, rows: Integers, day: int, instant: int) -> BegunDay:
    """What is known at ``instant`` (UTC ms) of the day after ``day``, the last local day that the rows have closed.

    Events of up to the lateness after the watermark have been heard. The day's demand comes in the hours in which
    orders come at the location. In the minutes after midnight, before a row closes, that day is over: it changes no
    forecast any more.
    """
    s.demand.ensure(s.rows.count, len(s.locations.records))
    left = days_left(s, rows, day, instant)
    hot = s.rows.hot
    begun = hot["day"][rows] >= day + 1
    lines = np.where(begun, hot["day_lines"][rows, (day + 1) % DAYS_KEPT], 0).astype(np.float64)
    near = s.demand.near_term(rows, day + 1, hot["location"][rows], lines, 1.0 - left[:, 0])
    factors = np.ones((rows.size, HORIZON))
    factors[:, : near.factors.shape[1]] = near.factors
    factors[left[:, 0] == 0.0] = 1.0
    return BegunDay(left, factors, near)


def days_left(s: ShardState, rows: Integers, day: int, instant: int) -> NDArray[np.float64]:
    """(n, 2) share of the demand of the two days after local ``day`` that is still to come at ``instant`` (UTC ms).

    Events of up to the lateness after the watermark have been heard. The day's demand comes in the hours in which
    orders come at the location.
    """
    s.demand.ensure(s.rows.count, len(s.locations.records))
    left = np.ones((rows.size, DAYS_LEFT))
    location = s.rows.hot["location"][rows]
    for zone in np.unique(s.locations.zone[location]).tolist():
        of_zone = s.locations.zone[location] == zone
        minute = s.zones.local_minute(zone, instant + s.settings.lateness_ms) - (day + 1) * DAY_MINUTES
        for at in range(DAYS_LEFT):
            gone = min(max(minute - at * DAY_MINUTES, 0), DAY_MINUTES)
            if gone:
                hours = 1.0 / 24.0 + s.demand.pool["share"][location[of_zone], (day + 1 + at + 3) % 7]
                left[of_zone, at] = _share_left(np.asarray(hours, np.float64), gone / 60.0)
    return left


def _share_left(hours: NDArray[np.float64], gone: float) -> NDArray[np.float64]:
    """(n,) share of a day after its first ``gone`` hours, of which each has the share ``hours`` (n, 24)."""
    whole = int(gone)
    if whole == 24:
        return np.zeros(len(hours))
    passed = hours[:, :whole].sum(axis=1) + (gone - whole) * hours[:, whole]
    return np.asarray(np.clip(1.0 - passed, 0.0, 1.0))
