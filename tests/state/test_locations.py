"""Locations: master data, and what their recent days were like."""

from typing import Any

import numpy as np
import pytest

from sensing.contracts.reference import LocationUpdated
from sensing.state.blob import pack, unpack
from sensing.state.locations import CLEAR_AHEAD_DAYS, USUAL_MIN, USUAL_RATE, Locations
from sensing.state.rows import DAYS_KEPT
from sensing.state.zones import Zones

MONDAY = 20_003
assert (MONDAY + 3) % 7 == 0


def updated(location: str, **fields: Any) -> LocationUpdated:
    """Location record."""
    return LocationUpdated(event_id="e", location=location, **fields)


def test_numbers_are_given_by_first_mention() -> None:
    """A location keeps its number, named by an event or by master data first."""
    locations = Locations(Zones("UTC"))
    assert [locations.number(name) for name in ("B", "A", "B")] == [0, 1, 0]
    assert locations.apply(updated("C", time_zone="Asia/Tokyo")) == (2, 0, 1)
    assert locations.apply(updated("B", time_zone="Asia/Tokyo", calendar="K", region="R", steward="S")) == (0, 0, 1)
    assert locations.apply(updated("B")) == (0, 1, 0)
    assert locations.in_zones((0,)).tolist() == [0, 1]
    assert locations.in_zones((1,)).tolist() == [2]
    assert locations.in_zones((0, 1)).tolist() == [0, 1, 2]
    record = locations.records[0]
    assert (record.calendar, record.region, record.steward) == (None, None, None)


def test_an_unknown_zone_changes_nothing() -> None:
    """A record whose zone does not exist is refused before anything of it takes effect."""
    locations = Locations(Zones("UTC"))
    with pytest.raises(ValueError, match=r"time zone: required a name of the IANA database .* got 'Mars'"):
        locations.apply(updated("A", time_zone="Mars"))
    assert locations.records == []
    assert locations.is_known("A")


def test_where_no_location_was_named_all_are_known() -> None:
    """The first location record makes all others unknown."""
    locations = Locations(Zones("UTC"))
    locations.number("B")
    assert locations.is_known("A")
    assert locations.is_known("B")
    locations.apply(updated("A"))
    assert [locations.is_known(name) for name in "ABC"] == [True, False, False]


def test_the_array_of_accepted_locations_is_what_is_known() -> None:
    """Kernels see of every location what is asked by name: before and after the first record, and after a restore."""
    locations = Locations(Zones("UTC"))
    for step, name in enumerate("ABCDEFGHIJKL"):
        if step in (3, 7):
            locations.apply(updated(name))
        else:
            locations.number(name)
        known = [locations.is_known(record.name) for record in locations.records]
        assert locations.accepted[: len(known)].tolist() == known
        again = Locations(Zones("UTC"))
        again.restore(unpack(pack(locations.parts())))
        assert again.accepted[: len(known)].tolist() == known
        assert again.any_known == locations.any_known


def test_many_locations() -> None:
    """Arrays grow with their locations and keep what they hold."""
    locations = Locations(Zones("UTC"))
    for number in range(100):
        assert locations.number(f"L{number}") == number
        locations.lines[number, 3] = number
        locations.usual[number, 2] = number
        locations.idle[number, 1] = number % 2
    assert locations.lines[:100, 3].tolist() == list(range(100))
    assert locations.usual[:100, 2].tolist() == list(range(100))
    assert locations.idle[:100, 1].sum() == 50
    assert len(locations.in_zones((0,))) == 100


def test_usual_lines_follow_the_weekday() -> None:
    """Each weekday learns its mean: first the day's lines, then a fifth of the difference; empty days teach nothing."""
    locations = Locations(Zones("UTC"))
    locations.number("A")
    expected = 0.0
    for week, lines in enumerate((40, 60, 0, 10)):
        day = MONDAY + 7 * week
        locations.lines[0, day % DAYS_KEPT] = lines
        locations.fold(np.array([0]), day)
        if lines:
            expected = lines if expected == 0.0 else expected + USUAL_RATE * (lines - expected)
        assert locations.usual[0, 0] == pytest.approx(expected)
    assert not locations.usual[0, 1:].any()


def test_a_fold_makes_room_for_a_day_to_come() -> None:
    """The place of the day after the next two is emptied; theirs may be in use already."""
    locations = Locations(Zones("UTC"))
    locations.number("A")
    locations.number("B")
    locations.lines[:2] = 5
    locations.fold(np.array([0]), MONDAY)
    emptied = np.flatnonzero(locations.lines[0] == 0).tolist()
    assert emptied == [(MONDAY + CLEAR_AHEAD_DAYS) % DAYS_KEPT]
    assert locations.lines[1].all()


@pytest.mark.parametrize(
    ("lines", "usual", "silent"),
    [(0, USUAL_MIN, True), (0, USUAL_MIN - 0.1, False), (1, 1000.0, False), (-2, 1000.0, True), (0, 0.0, False)],
)
def test_silence_is_a_usual_day_without_lines(lines: int, usual: float, silent: bool) -> None:
    """The feed was silent where twenty lines are usual and none is left; cancellations of old lines do not hide it."""
    locations = Locations(Zones("UTC"))
    locations.number("A")
    locations.lines[0, MONDAY % DAYS_KEPT] = lines
    locations.usual[0, 0] = usual
    locations.usual[0, 1:] = 500.0 - usual
    assert locations.silent(MONDAY).tolist() == [silent]


def test_parts_restore_everything() -> None:
    """Locations go on from their parts as they were."""
    locations = Locations(Zones("UTC"))
    for number in range(20):
        locations.number(f"L{number}")
    locations.apply(updated("L3", time_zone="Asia/Tokyo", calendar="K"))
    locations.lines[:20] = np.arange(20 * DAYS_KEPT).reshape(20, DAYS_KEPT)
    locations.usual[:20] = np.linspace(0, 99, 140).reshape(20, 7)
    locations.idle[:20, 4] = True
    zones = Zones("UTC")
    zones.number("Asia/Tokyo")
    again = Locations(zones)
    again.restore(unpack(pack(locations.parts())))

    assert pack(again.parts()) == pack(locations.parts())
    assert again.zone[:20].tolist() == locations.zone[:20].tolist()
    assert again.numbers == locations.numbers
    assert (again.is_known("L3"), again.is_known("L4")) == (True, False)
