"""Inputs of the models: the closed day and the days to come."""

import datetime as dt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import PROMOTED, Kind
from sensing.contracts.reference import CalendarUpdated, Holiday, LocationUpdated, PromotionApproved
from sensing.demand.demand_record import HORIZON
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines.day_inputs import (
    FIRST_SHARE_MIN,
    SHARE_MIN,
    inputs_of,
    known_days,
    observe_day,
    observed_shares,
    read_day,
    window_of,
)
from sensing.machines.promoted_days import NAMED, NOT_PROMOTED
from sensing.machines.row_lookup import resolve_records, row_of
from sensing.machines.shard_state import ShardState
from sensing.state.observed_hours import count_lines
from sensing.state.rows import DAYS_KEPT, HOURS_KEPT
from sensing.supply.stock_ledger import book_count
from tests.machines.made_tables import DAY, NOON, MadeTexts, events, shard, take

ROWS = np.arange(3)


def date(day: int) -> dt.date:
    """Date of a day number."""
    return dt.date(1970, 1, 1) + dt.timedelta(days=day)


def three_rows() -> ShardState:
    """Rows of A at L, B at L and A at M; L has a calendar that closes on Sundays and a special day a day ahead."""
    state = shard()
    resolve_records(state, events({"sku": "A"}, {"sku": "B"}, {"sku": "A", "location": "M"}), MadeTexts())
    state.locations.apply(LocationUpdated(event_id="l", location="L", calendar="C"))
    state.locations.apply(LocationUpdated(event_id="m", location="M"))
    special = [Holiday(date=date(DAY + 1), closed=False), Holiday(date=date(DAY + 3), closed=True)]
    state.calendars.apply(CalendarUpdated(event_id="c", calendar="C", closed_weekdays=[6], holidays=special))
    state.lines.ensure(64)
    return state


@given(seed=st.integers(0, 10_000), ahead=st.integers(-30, 30), stock=st.none() | st.integers(-5, 5))
def test_a_day_is_read_from_its_rings(seed: int, ahead: int, stock: int | None) -> None:
    """Units, lines and hours are the ring's where it reaches the day, else 0; empty is known stock at or below 0.

    Of eight days it is known whether an order named a promotion.
    """
    rng = np.random.default_rng(seed)
    state = three_rows()
    hot = state.rows.hot
    for row in range(3):
        hot["day"][row] = DAY + ahead + row
        hot["hour"][row] = hot["day"][row] * 24 + rng.integers(0, 24)
        hot["day_quantity"][row] = rng.integers(0, 10**9, DAYS_KEPT)
        hot["day_lines"][row] = rng.integers(0, 99, DAYS_KEPT)
        hot["hour_lines"][row] = rng.integers(0, 99, HOURS_KEPT)
        hot["promoted_days"][row] = rng.integers(0, 256)
    if stock is not None:
        book_count(state.supply.supply, 1, NOON, stock)
    quantity, lines, hours = np.full(3, np.nan), np.full(3, np.nan), np.full((3, 24), 7, np.uint16)
    empty, promoted = np.ones(3, np.bool_), np.full(3, np.nan)
    read_day(hot, state.supply.supply, ROWS, DAY, quantity, lines, hours, empty, promoted)

    for row in range(3):
        kept = range(int(hot["day"][row]) - DAYS_KEPT + 1, int(hot["day"][row]) + 1)
        of_hours = range(int(hot["hour"][row]) - HOURS_KEPT + 1, int(hot["hour"][row]) + 1)
        assert quantity[row] == (hot["day_quantity"][row, DAY % DAYS_KEPT] / 1000 if DAY in kept else 0.0)
        assert lines[row] == (hot["day_lines"][row, DAY % DAYS_KEPT] if DAY in kept else 0.0)
        assert hours[row].tolist() == [
            hot["hour_lines"][row, at % HOURS_KEPT] if at in of_hours else 0 for at in range(DAY * 24, DAY * 24 + 24)
        ]
        assert empty[row] == (row == 1 and stock is not None and stock <= 0)
        bits = f"{hot['promoted_days'][row]:08b}"[::-1]
        assert promoted[row] == (bits[ahead + row] == "1" if 0 <= ahead + row < 8 else 0.0)


def test_models_are_told_of_a_day() -> None:
    """Rows without lines learn nothing of a day off, others do; stock, promotion and holiday come along."""
    state = three_rows()
    sunday = DAY - 1
    time = sunday * DAY_MS + 12 * HOUR_MS
    take(
        state,
        events(
            {"sku": "A", "time": time, "quantity": 2500, "flags": PROMOTED},
            {"sku": "B", "time": time - DAY_MS},
            {"sku": "A", "location": "M", "time": time + DAY_MS},
            {"sku": "B", "time": time, "kind": Kind.COUNTED, "quantity": 0, "event_id": "c"},
        ),
    )
    assert not observe_day(state, sunday).hours[0].any()
    found, kind = inputs_of(state, ROWS, observe_day(state, sunday))
    assert (found.day, found.quantity.tolist(), found.lines.tolist()) == (sunday, [2.5, 0.0, 0.0], [1.0, 0.0, 0.0])
    assert (found.hours.sum(), found.hours[0, 12]) == (1, 1)
    assert found.pool.tolist() == [0, 0, 1]
    assert found.observed.tolist() == [1.0, 0.0, 0.0]
    assert state.locations.unobserved[0, sunday % DAYS_KEPT] == 1.0
    assert found.censored.tolist() == [False, True, False]
    assert kind.tolist() == [NAMED, NOT_PROMOTED, NOT_PROMOTED]
    assert found.uplift.tolist() == [1.0, 1.0, 1.0]
    assert found.holiday.tolist() == [0.0, 0.0, 0.0]
    special = inputs_of(state, ROWS, observe_day(state, DAY + 1))[0]
    assert special.holiday.tolist() == [1.0, 1.0, 0.0]
    assert special.observed.tolist() == [1.0, 1.0, 1.0]


def test_a_silent_feed_teaches_nothing() -> None:
    """Of a location without any line where its weekday usually has many, rows learn nothing."""
    state = three_rows()
    for location in range(2):
        count_lines(state.locations.lines, location, (DAY - 7) * 24 + 9, 1)
    state.locations.usual[1, 0] = 100.0
    assert observe_day(state, DAY).hours.all(axis=1).tolist() == [True, False]
    assert inputs_of(state, ROWS, observe_day(state, DAY))[0].observed.tolist() == [1.0, 1.0, 0.0]


def share_by_hand(first: int, observed: list[bool], shares: list[float], lines: int) -> float:
    """Share of a day in which a row was observed whose first event came in hour ``first`` (negative: a day before)."""
    of_location = sum(share for share, seen in zip(shares, observed, strict=True) if seen)
    if all(observed):
        of_location = 1.0
    found = of_location
    if first >= 0 and lines != 1:
        since = sum(share for hour, share in enumerate(shares) if hour >= first and observed[hour])
        found = min(of_location, since if lines == 0 else since * lines / (lines - 1))
    if found == 0.0 and lines > 0:
        return 1.0
    if first >= 0 and found > 0.0:
        found = max(found, FIRST_SHARE_MIN)
    return found if found >= SHARE_MIN else 0.0


@given(
    first=st.integers(-30, 23), observed=st.lists(st.booleans(), min_size=24, max_size=24), lines=st.integers(0, 9),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_the_share_of_a_day_that_a_row_was_observed(first: int, observed: list[bool], lines: int, seed: int) -> None:
    """A first day counts from the row's first event, the wait for a first order as one gap, and at least as half."""
    state = three_rows()
    shares = np.random.default_rng(seed).dirichlet(np.ones(24), 2)
    state.rows.hot["first_hour"][0] = DAY * 24 + first
    out, of_location = np.empty(1), np.empty(2)
    seen = np.array([observed, observed])
    observed_shares(state.rows.hot, ROWS[:1], DAY, seen, shares, np.array([float(lines)]), of_location, out)
    hour = first if first >= 0 else -1
    assert out[0] == pytest.approx(share_by_hand(hour, observed, shares[0].tolist(), lines))
    assert of_location[0] == pytest.approx(float(shares[0][observed].sum()))


@given(st.integers(0, 12), st.integers(0, 3))
def test_promoted_orders_are_remembered_for_eight_days(age: int, newer: int) -> None:
    """A day on which an order named a promotion is promoted at its close, if its row is at most seven days on."""
    state = three_rows()
    promoted: dict[str, Any] = {"sku": "A", "flags": PROMOTED}
    take(state, events(promoted, {"sku": "A", "time": NOON + age * DAY_MS}))
    assert inputs_of(state, ROWS[:1], observe_day(state, DAY))[1].tolist() == [NAMED if age < 8 else NOT_PROMOTED]
    assert inputs_of(state, ROWS[:1], observe_day(state, DAY + age + 1 + newer))[1].tolist() == [NOT_PROMOTED]


def test_what_is_known_of_the_days_to_come() -> None:
    """Closed days and holidays by location, promotions by row, for exactly the 28 days after the closed one."""
    state = three_rows()
    promotion = PromotionApproved(
        event_id="p", promotion="P", sku="A", location="M", start=date(DAY + 2), end=date(DAY + 90), uplift=0.5
    )
    state.promotions.apply(promotion, NOON)
    found = window_of(state, ROWS, DAY)
    days = range(DAY + 1, DAY + 1 + HORIZON)
    closed = [(day + 3) % 7 == 6 or day == DAY + 3 for day in days]
    holidays = [float(day in (DAY + 1, DAY + 3)) for day in days]
    assert found.closed.tolist() == [closed, closed, [False] * HORIZON]
    assert found.holiday.tolist() == [holidays, holidays, [0.0] * HORIZON]
    assert found.uplift.tolist() == [[1.0] * HORIZON, [1.0] * HORIZON, [1.0 + 0.5 * (day >= DAY + 2) for day in days]]
    again = known_days(state, ROWS[2:], DAY + 2, 1)
    assert [part.tolist() for part in again] == [[[False]], [[0.0]]]
    assert found.closed.shape[1] == HORIZON


def test_every_location_has_the_days_of_its_calendar() -> None:
    """Locations that share a calendar, have another, one that is not known or none; and no location at all."""
    state = ShardState(0, Settings(shards=1))
    assert observe_day(state, DAY).hours.shape == (0, 24)
    state.calendars.apply(CalendarUpdated(event_id="1", calendar="A", closed_weekdays=[5, 6]))
    state.calendars.apply(CalendarUpdated(event_id="2", calendar="B", holidays=[Holiday(date=date(DAY + 2))]))
    calendars = ("B", None, "A", "unknown", "A", "B")
    for number, calendar in enumerate(calendars):
        state.locations.apply(LocationUpdated(event_id=f"l{number}", location=f"L{number}", calendar=calendar))
        assert row_of(state, "S", f"L{number}") == number
        count_lines(state.locations.lines, number, (DAY - 1) * 24, 1)

    closed, holiday = known_days(state, np.arange(len(calendars)), DAY, 9)
    for number, calendar in enumerate(calendars):
        expected = state.calendars.days(calendar, DAY, 9)
        assert closed[number].tolist() == expected[0].tolist()
        assert holiday[number].tolist() == expected[1].tolist()
    for day in range(DAY, DAY + 7):
        open_days = [not state.calendars.days(calendar, day, 1)[0][0] for calendar in calendars]
        assert observe_day(state, day).hours.all(axis=1).tolist() == open_days
