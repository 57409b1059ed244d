"""Locations: master data, and order lines of recent days."""

from typing import Any

import numpy as np
import pytest

from sensing.contracts.reference import LocationUpdated
from sensing.state.locations import AHEAD_DAYS, Locations
from sensing.state.observed_hours import count_lines
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
    assert locations.is_accepted("A")


def test_where_no_location_was_named_all_are_known() -> None:
    """The first location record makes all others unknown."""
    locations = Locations(Zones("UTC"))
    locations.number("B")
    assert locations.is_accepted("A")
    assert locations.is_accepted("B")
    locations.apply(updated("A"))
    assert [locations.is_accepted(name) for name in "ABC"] == [True, False, False]


def test_the_array_of_accepted_locations_is_what_is_known() -> None:
    """Kernels see of every location what is asked by name: before and after the first record, and after a restore."""
    locations = Locations(Zones("UTC"))
    for step, name in enumerate("ABCDEFGHIJKL"):
        if step in (3, 7):
            locations.apply(updated(name))
        else:
            locations.number(name)
        known = [locations.is_accepted(record.name) for record in locations.records]
        assert locations.accepted[: len(known)].tolist() == known
        again = Locations(Zones("UTC"))
        again.load(locations.dump())
        assert again.accepted[: len(known)].tolist() == known
        assert again.any_known == locations.any_known


def test_many_locations() -> None:
    """Arrays grow with their locations and keep what they hold."""
    locations = Locations(Zones("UTC"))
    for number in range(100):
        assert locations.number(f"L{number}") == number
        count_lines(locations.lines, number, MONDAY * 24, number)
        locations.usual[number, 2] = number
        locations.unobserved[number, 1] = number % 2
    assert locations.lines["hour_lines"][:100].sum(axis=1).tolist() == list(range(100))
    assert locations.usual[:100, 2].tolist() == list(range(100))
    assert locations.unobserved[:100, 1].sum() == 50
    assert len(locations.in_zones((0,))) == 100


def test_what_was_not_observed_is_kept_for_windows() -> None:
    """A closed day keeps its share; the places of the next days are those of days that count as observed."""
    locations = Locations(Zones("UTC"))
    for name in "AB":
        locations.number(name)
    locations.unobserved[:2] = 1.0
    locations.store_unobserved(np.array([0]), MONDAY, np.array([0.25, 0.5]))
    ahead = [(MONDAY + days) % DAYS_KEPT for days in range(1, AHEAD_DAYS + 1)]
    assert locations.unobserved[0, MONDAY % DAYS_KEPT] == 0.25
    assert np.flatnonzero(locations.unobserved[0] == 0.0).tolist() == sorted(ahead)
    assert locations.unobserved[1].all()


def test_parts_restore_everything() -> None:
    """Locations go on from their parts as they were."""
    locations = Locations(Zones("UTC"))
    for number in range(20):
        locations.number(f"L{number}")
    locations.apply(updated("L3", time_zone="Asia/Tokyo", calendar="K"))
    for number in range(20):
        count_lines(locations.lines, number, MONDAY * 24 + number, number)
    locations.usual[:20] = np.linspace(0, 99, 140).reshape(20, 7)
    locations.unobserved[:20, 4] = 0.5
    zones = Zones("UTC")
    zones.number("Asia/Tokyo")
    again = Locations(zones)
    again.load(locations.dump())

    assert again.dump() == locations.dump()
    assert again.zone[:20].tolist() == locations.zone[:20].tolist()
    assert again.numbers == locations.numbers
    assert (again.is_accepted("L3"), again.is_accepted("L4")) == (True, False)
