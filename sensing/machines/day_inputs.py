"""Inputs of the demand models: a closed day as it was observed, and the coming days as calendars and promotions say.

Promotions are those of `sensing.machines.promoted_days`, signals those of `sensing.machines.signalled_days`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.demand.demand_record import HORIZON
from sensing.demand.model_inputs import DayInputs, Window
from sensing.jit import kernel
from sensing.machines.promoted_days import promote, uplifts_of
from sensing.machines.shard_state import ShardState
from sensing.machines.signalled_days import signal_factors
from sensing.state.rows import DAYS_KEPT, HOURS_KEPT, RECENT_DAYS
from sensing.supply.stock_ledger import on_hand
from sensing.supply.supply_record import NEVER

FIRST_SHARE_MIN = 0.5
SHARE_MIN = 0.25
"""If less of a day was observed, no model learns it."""


@kernel
def read_day(
    hot: NDArray[Any], supply: NDArray[Any], rows: NDArray[np.int64], day: int, quantity: NDArray[np.float64],
    lines: NDArray[np.float64], hours: NDArray[np.uint16], empty: NDArray[np.bool_], promoted: NDArray[np.float64],
) -> None:  # fmt: skip
    """Read what models learn of a local day of n rows from their rings.

    Fills units without the excess of lines far outside, lines, lines per hour (n, 24), whether stock was known to be
    empty at the day's end, and whether an order named a promotion. Days and hours outside a ring are zero.
    """
    for i in range(rows.shape[0]):
        record = hot[rows[i]]
        quantity[i] = 0.0
        lines[i] = 0.0
        if record.day - DAYS_KEPT < day <= record.day:
            quantity[i] = record.day_quantity[day % DAYS_KEPT] / THOUSANDTHS
            if day > record.day - RECENT_DAYS:
                quantity[i] = max(quantity[i] - record.excess[day % RECENT_DAYS], 0.0)
            lines[i] = record.day_lines[day % DAYS_KEPT]
        for h in range(24):
            hour = day * 24 + h
            within = record.hour - HOURS_KEPT < hour <= record.hour
            hours[i, h] = record.hour_lines[hour % HOURS_KEPT] if within else 0
        age_days = record.day - day
        promoted[i] = (record.promoted_days >> age_days) & 1 if 0 <= age_days < 8 else 0
        empty[i] = supply[rows[i]].count_time != NEVER and on_hand(supply, rows[i]) <= 0


class ObservedDay(NamedTuple):
    """Observed hours of local ``day``, by location."""

    day: int
    hours: NDArray[np.bool_]
    """(locations, 24) hours in which the location was open and its order lines arrived."""
    shares: NDArray[np.float64]
    """(locations, 24) usual share of the day's order lines in each hour; uniform if nothing is known."""


def hour_shares(s: ShardState, day: int, locations: slice | NDArray[np.int32]) -> NDArray[np.float64]:
    """(locations, 24) usual share of the order lines of local ``day`` in each hour; uniform if nothing is known."""
    return np.asarray(1.0 / 24.0 + s.demand.pool["share"][locations, (day + 3) % 7], np.float64)


def observe_day(s: ShardState, day: int) -> ObservedDay:
    """Observed hours of a local day, judged by the order lines that have arrived so far."""
    count = len(s.locations.records)
    s.demand.ensure(s.rows.count, count)  # a location may be known before its first row
    shares = hour_shares(s, day, slice(count))
    closed, _, of_location = _calendar_days(s, day, 1)
    return ObservedDay(day, s.locations.observed(day, closed[of_location, 0], shares), shares)


@kernel
def observed_shares(
    hot: NDArray[Any], rows: NDArray[np.int64], day: int, observed: NDArray[np.bool_], shares: NDArray[np.float64],
    lines: NDArray[np.float64], location_share: NDArray[np.float64], out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill ``out`` (n,) with the share of local ``day`` in which each row was observed.

    - On its first day a row is observed from its first event on. If that was an order, the wait for it counts as one
      mean gap between the lines: n lines cover n / (n - 1) times the hours behind the first line. A single line does
      not say when the row began, so the row takes the share of its location.
    - A share below one half of a first day is raised to one half: few lines in a short time say little about a day.
    - A row with order lines on an unobserved day learns them; its share is 1.

    Parameters
    ----------
    observed, shares
        (locations, 24) whether each hour was observed, and its share of the day.
    lines
        (n,) order lines of the day.
    location_share
        (locations,) output: share of the day in which each location was observed.
    """
    for location in range(observed.shape[0]):
        total = 0.0
        whole = True
        for h in range(24):
            whole &= observed[location, h]
            total += shares[location, h] * observed[location, h]
        location_share[location] = 1.0 if whole else total
    for i in range(rows.shape[0]):
        record = hot[rows[i]]
        share = location_share[record.location]
        starts_here = day * 24 + 23 >= record.first_hour >= day * 24
        if starts_here and lines[i] != 1.0:
            since = 0.0
            for h in range(record.first_hour - day * 24, 24):
                since += shares[record.location, h] * observed[record.location, h]
            share = min(share, since * lines[i] / (lines[i] - 1.0) if lines[i] > 1.0 else since)
        if share == 0.0 and lines[i] > 0.0:
            share = 1.0
        elif share > 0.0 and share < FIRST_SHARE_MIN and starts_here:
            share = FIRST_SHARE_MIN
        out[i] = share if share >= SHARE_MIN else 0.0


def inputs_of(s: ShardState, rows: NDArray[np.int64], observed: ObservedDay) -> tuple[DayInputs, NDArray[np.int8]]:
    """Inputs of the demand models for a closed day; also stores the unobserved share at the rows' locations.

    Returns
    -------
    tuple
        The inputs, and (n,) the kind of each row's promotion, see `sensing.machines.promoted_days.promote`.
    """
    n, day = len(rows), observed.day
    quantity, lines, hours = np.empty(n), np.empty(n), np.empty((n, 24), np.uint16)
    empty, named = np.empty(n, np.bool_), np.empty(n)
    hot = s.rows.hot
    read_day(hot, s.supply.supply, rows, day, quantity, lines, hours, empty, named)
    location = hot["location"][rows]
    _, holiday = known_days(s, rows, day, 1)
    uplift, explained, kind = promote(s, rows, day, named)
    location_share, share = np.empty(len(observed.hours)), np.empty(n)
    observed_shares(hot, rows, day, observed.hours, observed.shares, lines, location_share, share)
    s.locations.store_unobserved(location, day, 1.0 - location_share)
    if s.supply.master.any_kit:
        empty[s.supply.kits(rows)] = False
    found = DayInputs(day, quantity, lines, hours, location, share, empty, holiday[:, 0], uplift, explained)
    return found, kind


def window_of(s: ShardState, rows: NDArray[np.int64], day: int) -> Window:
    """Closed days, holidays, promotions and signals of the 28 days after ``day``."""
    closed, holiday = known_days(s, rows, day + 1, HORIZON)
    uplift = uplifts_of(s, rows, day + 1, HORIZON)
    if s.signals.version:
        uplift *= signal_factors(s, rows, day, HORIZON)
    return Window(closed, holiday, uplift)


def known_days(
    s: ShardState, rows: NDArray[np.int64], first: int, count: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Closed days and holidays, (n, count) each, from local day ``first`` on."""
    closed, holiday, of_location = _calendar_days(s, first, count)
    of_row = of_location[s.rows.hot["location"][rows]]
    return closed[of_row], holiday[of_row]


def _calendar_days(
    s: ShardState, first: int, count: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]:
    """Closed days and holidays of the calendars in use, (calendars, count) each, and the calendar of each location.

    There are many locations and few calendars, so the days of each calendar are computed once.
    """
    days = [s.calendars.days(name, first, count) for name in s.locations.calendars]
    closed = np.array([found[0] for found in days], np.bool_)
    holiday = np.array([found[1] for found in days], np.float64)
    return closed, holiday, s.locations.calendar[: len(s.locations.records)]
