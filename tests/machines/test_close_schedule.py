"""Times at which rows close; they do not depend on the cuts of the stream."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.machine_settings import HOUR_MS, MINUTE_MS
from sensing.machines.close_schedule import NEVER, CloseSchedule
from sensing.state.rows import SLOTS
from sensing.state.zones import Zones
from tests.machines.made_tables import DAY, NOON

NAMES = (
    "UTC",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Karachi",
    "Africa/Accra",
    "Pacific/Kiritimati",
    "Pacific/Honolulu",
)
UTC, KATHMANDU, KOLKATA, KARACHI, ACCRA = range(5)
AGGREGATE = -1
Entry = tuple[int, int, int]
"""Instant, row (FOLD for a fold) and local day."""
homes = st.lists(st.tuples(st.integers(0, len(NAMES) - 1), st.sampled_from((0, 1, 14, 15, 16, 59))), max_size=12)


@pytest.fixture(scope="module")
def zones() -> Zones:
    """Zones whose days end together, a quarter or half of an hour apart, or with another date."""
    found = Zones(NAMES[0])
    for name in NAMES:
        found.number(name)
    return found


def schedule(zones: Zones, rows: list[tuple[int, int]], clock: int = NOON) -> CloseSchedule:
    """Schedule of rows given as (zone, slot), all zones open."""
    made = CloseSchedule(zones)
    for zone in range(len(NAMES)):
        made.open(zone, clock)
    for row, (zone, slot) in enumerate(rows):
        made.add(zone, slot, row, clock)
    return made


def expected_closes(zones: Zones, rows: list[tuple[int, int]], days: int = 5) -> list[Entry]:
    """All closes of some days by hand, in order: instant, then the zones' first number, then row."""
    found = []
    for zone in range(len(NAMES)):
        first = zones.local_hour(zone, NOON) // 24
        for day in range(first, first + days):
            end = zones.day_end(zone, day)
            alike = [z for z in range(len(NAMES)) if zones.day_end(z, day) == end]
            found += [(end + slot * MINUTE_MS, min(alike), row, day) for row, (z, slot) in enumerate(rows) if z == zone]
            found += [(end + HOUR_MS, min(alike), AGGREGATE, day)] if zone == min(alike) else []
    return [(instant, row, day) for instant, _, row, day in sorted(found)]


def take_all(of: CloseSchedule, limit: int, *, final: bool = False) -> list[Entry]:
    """Every close up to a limit, one after the other."""
    found: list[Entry] = []
    while (due := of.take(limit, final=final)) is not None:
        found += [
            (instant, row, due.day) for row, instant in zip(due.rows.tolist(), due.instants.tolist(), strict=True)
        ]
        if due.aggregate:
            found.append((due.end + HOUR_MS, AGGREGATE, due.day))
        assert all(of.zones.day_end(zone, due.day) == due.end for zone in due.zones)
    assert final or of.next_instant > limit
    return found


@pytest.mark.compiled
@given(rows=homes, minutes=st.lists(st.integers(0, 600), max_size=12), restored=st.integers(0, 11))
def test_closes_do_not_hang_on_cuts(
    zones: Zones, rows: list[tuple[int, int]], minutes: list[int], restored: int
) -> None:
    """Rows close in the order of (instant, row), however the time is cut, and over a restore at any cut."""
    of, found, limit = schedule(zones, rows), list[Entry](), NOON
    for number, later in enumerate(minutes):
        limit += later * MINUTE_MS
        found += take_all(of, limit)
        if number == restored:
            again = CloseSchedule(zones)
            for row, (zone, slot) in enumerate(rows):
                again.add(zone, slot, row, limit)
            again.restore(of.positions)
            assert again.next_instant == of.next_instant
            of = again
    assert found == [entry for entry in expected_closes(zones, rows) if entry[0] <= limit]


@pytest.mark.compiled
@given(rows=homes, until=st.integers(0, 72 * 4), before=st.integers(0, 72 * 4))
def test_the_end_of_the_input_closes_days_that_have_ended(
    zones: Zones, rows: list[tuple[int, int]], until: int, before: int
) -> None:
    """At the end each day that has ended closes with all its minutes and its fold, and no other day does."""
    end = NOON + until * 15 * MINUTE_MS
    of = schedule(zones, rows)
    found = take_all(of, min(NOON + before * 15 * MINUTE_MS, end))
    last = take_all(of, end, final=True)
    assert [instant for instant, _, _ in last] == sorted(instant for instant, _, _ in last)
    found += last
    ended = {zone: [d for d in range(DAY - 1, DAY + 6) if zones.day_end(zone, d) <= end] for zone in range(len(NAMES))}
    zone_of = {row: zone for row, (zone, _) in enumerate(rows)}
    expected = [e for e in expected_closes(zones, rows) if e[1] == AGGREGATE or e[2] in ended[zone_of[e[1]]]]
    expected = [e for e in expected if e[1] != AGGREGATE or e[0] - HOUR_MS <= end]
    assert sorted(found) == sorted(expected)
    assert take_all(of, end, final=True) == []


def test_a_day_that_ends_soon_does_not_keep_another_open(zones: Zones) -> None:
    """Karachi's day ends half an hour after Kolkata's; an input that ends between the two closes all of Kolkata's."""
    of = schedule(zones, [(KOLKATA, 45), (KARACHI, 0), (KOLKATA, 5)])
    end = zones.day_end(KOLKATA, DAY)
    found = [row for _, row, _ in take_all(of, end + 10 * MINUTE_MS, final=True) if row != AGGREGATE]
    assert found == [2, 0]


def test_zones_whose_days_end_together_close_as_one(zones: Zones) -> None:
    """Rows of Accra and of UTC in one minute close in the order of rows."""
    of = schedule(zones, [(ACCRA, 7), (UTC, 7), (ACCRA, 7), (UTC, 3)])
    due = of.take(zones.day_end(UTC, DAY) + HOUR_MS, final=False)
    while due is not None and UTC not in due.zones:
        due = of.take(zones.day_end(UTC, DAY) + HOUR_MS, final=False)
    assert due is not None
    assert (due.zones, due.rows.tolist(), due.day, due.aggregate) == ((UTC, ACCRA), [3, 0, 1, 2], DAY, True)
    assert due.instants.tolist() == [due.end + minute * MINUTE_MS for minute in (3, 7, 7, 7)]


def test_a_row_that_moves_closes_with_its_new_zone(zones: Zones) -> None:
    """It leaves its old zone, keeps its minute, and comes in the order of rows there."""
    of = schedule(zones, [(UTC, 7), (KARACHI, 7), (UTC, 7)])
    of.move(np.array([0]), np.array([7], np.uint8), UTC, KARACHI, NOON)
    closes = take_all(of, NOON + 24 * HOUR_MS)
    assert [entry for entry in closes if entry[1] != AGGREGATE] == [
        (zones.day_end(KARACHI, DAY) + 7 * MINUTE_MS, 0, DAY),
        (zones.day_end(KARACHI, DAY) + 7 * MINUTE_MS, 1, DAY),
        (zones.day_end(UTC, DAY) + 7 * MINUTE_MS, 2, DAY),
    ]


def test_a_zone_that_lost_its_rows_survives_a_restore(zones: Zones) -> None:
    """Its folds go on, and rows may come back."""
    of = schedule(zones, [(UTC, 7)])
    of.move(np.array([0]), np.array([7], np.uint8), UTC, KARACHI, NOON)
    again = CloseSchedule(zones)
    again.add(KARACHI, 7, 0, NOON)
    again.restore(of.positions)
    again.move(np.array([0]), np.array([7], np.uint8), KARACHI, UTC, NOON)
    of.move(np.array([0]), np.array([7], np.uint8), KARACHI, UTC, NOON)
    assert take_all(again, NOON + 48 * HOUR_MS) == take_all(of, NOON + 48 * HOUR_MS)


def test_closes_begin_with_the_day_of_the_clock(zones: Zones) -> None:
    """A zone opens once, with the local day that the clock lies in; its first row opens it where nobody did."""
    opened, added = CloseSchedule(zones), CloseSchedule(zones)
    opened.open(KATHMANDU, NOON)
    opened.open(KATHMANDU, NOON + 100 * HOUR_MS)
    added.add(KATHMANDU, 0, 0, NOON)
    for of in (opened, added):
        assert of.positions == {KATHMANDU: (DAY, 0)}
        assert of.next_instant == zones.day_end(KATHMANDU, DAY)


@pytest.mark.parametrize("final", [False, True])
def test_nothing_is_due_before_its_time(zones: Zones, final: bool) -> None:
    """Without zones, or before the first day has ended, nothing closes."""
    assert CloseSchedule(zones).take(NEVER - 1, final=final) is None
    of: Any = schedule(zones, [(UTC, 0)])
    assert (
        of.take(min(zones.day_end(zone, zones.local_hour(zone, NOON) // 24) for zone in range(5)) - 1, final=final)
        is None
    )
    assert SLOTS == 60
