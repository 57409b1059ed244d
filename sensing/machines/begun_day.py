"""A day that has begun: what came of its demand, which part is still to come, and what its order lines say of both it
and the days after it.

`sensing.machines.plan_on_event` reads it for rows that are planned during the day.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.codec.instants import local_date
from sensing.contracts.forecast_parts import NearTermForecast
from sensing.demand.demand_record import HORIZON
from sensing.demand.model_inputs import Forecast, NearTerm, Window
from sensing.detection.sentences import plural
from sensing.detection.surge import customers_of
from sensing.machine_settings import DAY_MINUTES
from sensing.machines.day_inputs import hour_shares
from sensing.machines.shard_state import ShardState
from sensing.state.rows import DAYS_KEPT, RECENT_DAYS
from sensing.supply.projection import DAYS_LEFT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CHANGE_MIN = 0.01
"""Smaller changes of a day are not stated."""
LINES_PER_CUSTOMER = 2.0
"""Lines of a customer and day that count: an order split into many lines says little of what others will order."""
CUSTOMERS_COUNTED_MAX = 40.0
"""More customers are not counted well enough, and need not be: no few of them make up the lines."""


class BegunDay(NamedTuple):
    """Of n rows planned during the day after their last closed one.

    ``left`` and ``come`` (n, 2) are the share of the demand of the next two days that is still to come, and the units
    that have come. ``factors`` (n, 28) change the forecast of each day; ``near`` says where they come from. ``lines``
    and ``customers`` (n,) are those of the day, customers about; NaN: not known.
    """

    left: Floats
    come: Floats
    factors: Floats
    near: NearTerm
    lines: Integers
    customers: Floats

    def sensed(self, forecast: Forecast) -> Forecast:
        """A forecast with the factors."""
        return forecast._replace(mean=forecast.mean * self.factors, variance=forecast.variance * self.factors)

    def still_to_come(self, forecast: Forecast) -> Forecast:
        """A forecast of what is still to come of each day."""
        mean, variance = forecast.mean.copy(), forecast.variance.copy()
        mean[:, :DAYS_LEFT] *= self.left
        variance[:, :DAYS_LEFT] *= self.left
        return forecast._replace(mean=mean, variance=variance)

    def stated(self, at: int, day: int, mean: Floats, baseline: Floats) -> NearTermForecast | None:
        """What is published of the row at a position; None if its day has not begun, or is over.

        Parameters
        ----------
        day
            Last closed local day.
        mean, baseline
            (28,) units still to come with the factors, and units forecast for whole days without them.
        """
        left = float(self.left[at, 0])
        if left <= 0.0 or left >= 1.0:
            return None
        changed = np.flatnonzero(np.abs(self.factors[at] - 1.0) >= CHANGE_MIN)
        days = 1 + int(changed[-1]) if len(changed) else 1
        usual = np.where(mean[:days] > 0.0, baseline[:days], 0.0)
        usual[0] *= left
        return NearTermForecast(
            baseline=usual.tolist(), sensed=mean[:days].tolist(), until=local_date(day + days),
            come=float(self.come[at, 0]), lines=int(self.lines[at]), expected_lines=float(self.near.expected[at]),
            share=self.near.share, half_life_days=self.near.half_life_days, why=self._sentence(at, days),
        )  # fmt: skip

    def _sentence(self, at: int, days: int) -> str:
        lines, customers = int(self.lines[at]), float(self.customers[at])
        came = f"{plural(lines, 'order line')} came today"
        if not math.isnan(customers):
            came += f" from about {plural(min(round(customers), lines), 'customer')}"
        came += f", where {float(self.near.expected[at]):.3g} were usual by now"
        if self.near.share < CHANGE_MIN:
            return f"{came}; such deviations have not lasted so far, so the days to come stay as they were forecast."
        if days == 1:
            return f"{came}; the days to come stay as they were forecast."
        rest, tomorrow = (100.0 * (float(self.factors[at, k]) - 1.0) for k in range(2))
        return (
            f"{came}: the rest of the day is forecast {rest:+.0f} %, tomorrow {tomorrow:+.0f} %; such deviations lose "
            f"half of their effect in {plural(max(round(self.near.half_life_days), 1), 'day')}."
        )


def begun_day(s: ShardState, rows: Integers, day: int, instant: int, window: Window) -> BegunDay:
    """What is known at ``instant`` (UTC ms) of the day after ``day``, the last local day that the rows have closed.

    Events of up to the lateness after the watermark have been heard. The day's demand comes in the hours in which
    orders come at the location. In the minutes after midnight, before a row closes, that day is over: it changes no
    forecast any more. ``window`` starts with the day.
    """
    left = days_left(s, rows, day, instant)
    hot = s.rows.hot
    come = np.empty((rows.size, DAYS_LEFT))
    for at in range(DAYS_LEFT):
        units = hot["day_quantity"][rows, (day + 1 + at) % DAYS_KEPT]
        come[:, at] = np.where(hot["day"][rows] >= day + 1 + at, units / THOUSANDTHS, 0.0)
    begun = hot["day"][rows] >= day + 1
    lines = np.where(begun, hot["day_lines"][rows, (day + 1) % DAYS_KEPT], 0).astype(np.int64)
    bits = hot["customers"][rows, (day + 1) % RECENT_DAYS, np.newaxis]
    customers = np.where(begun, [customers_of(each) for each in bits], np.nan)
    few = customers <= CUSTOMERS_COUNTED_MAX
    said = np.where(few, np.minimum(lines, LINES_PER_CUSTOMER * customers), lines)
    near = s.demand.near_term(rows, day + 1, hot["location"][rows], window, said, 1.0 - left[:, 0])
    factors = np.ones((rows.size, HORIZON))
    factors[:, : near.factors.shape[1]] = near.factors
    factors[left[:, 0] <= 0.0] = 1.0
    return BegunDay(left, come, factors, near, lines, customers)


def days_left(s: ShardState, rows: Integers, day: int, instant: int) -> Floats:
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
                hours = hour_shares(s, day + 1 + at, location[of_zone])
                left[of_zone, at] = _share_left(hours, gone / 60.0)
    return left


def _share_left(hours: Floats, gone: float) -> Floats:
    """(n,) share of a day after its first ``gone`` hours, of which each has the share ``hours`` (n, 24)."""
    whole = int(gone)
    if whole == 24:
        return np.zeros(len(hours))
    passed = hours[:, :whole].sum(axis=1) + (gone - whole) * hours[:, whole]
    return np.asarray(np.clip(1.0 - passed, 0.0, 1.0))
