"""Local time against the standard library's zoneinfo."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.instants import EPOCH, local_date, rfc3339
from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS
from sensing.state.zones import TRANSITIONS_MAX, Zones, first_at, offset_at, span_at, transitions

NAMES = (
    "UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago",
    "Asia/Beirut", "Pacific/Auckland", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns", "Antarctica/Troll",
    "Asia/Tehran", "Pacific/Kiritimati", "Etc/GMT+12",
)  # fmt: skip
FAR = 2**62


@pytest.fixture(scope="module")
def zones() -> Zones:
    """All zones of the tests."""
    found = Zones(NAMES[0])
    assert [found.number(name) for name in NAMES] == list(range(len(NAMES)))
    return found


def offset_by_zoneinfo(name: str, instant: int) -> int:
    """Offset in ms that the standard library knows."""
    offset = (EPOCH + dt.timedelta(milliseconds=instant)).astimezone(ZoneInfo(name)).utcoffset()
    assert offset is not None
    return round(offset.total_seconds() * 1000)


def day_by_zoneinfo(name: str, instant: int) -> int:
    """Local day number that the standard library knows."""
    return (instant + offset_by_zoneinfo(name, instant)) // DAY_MS


def instant_of(text: str) -> int:
    """Milliseconds of an ISO date or time in UTC."""
    return round((dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) - EPOCH).total_seconds() * 1000)


RANGE = st.integers(instant_of("1990-01-02"), instant_of("2059-12-01"))


@given(instant=RANGE, name=st.sampled_from(NAMES))
def test_offsets_are_zoneinfos(zones: Zones, instant: int, name: str) -> None:
    """At any instant of 70 years offset and local hour are those of the standard library."""
    zone = NAMES.index(name)
    expected = offset_by_zoneinfo(name, instant)
    assert offset_at(zones.starts, zones.offsets, zone, instant) == expected
    assert zones.local_hour(zone, instant) == (instant + expected) // HOUR_MS


@given(
    instant=RANGE | st.just(-FAR),
    name=st.sampled_from(NAMES),
    likely=st.integers(0, TRANSITIONS_MAX - 1),
    away=st.integers(-1, 1),
)
def test_a_span_is_found_from_any_guess(zones: Zones, instant: int, name: str, likely: int, away: int) -> None:
    """The guess, right, near or wrong, changes nothing: the span is the last one that begins by the instant."""
    zone = NAMES.index(name)
    starts = zones.starts[zone]
    expected = int(np.searchsorted(starts, instant, "right")) - 1
    for guess in (likely, min(max(expected + away, 0), TRANSITIONS_MAX - 1)):
        assert span_at(zones.starts, zone, instant, guess) == expected


@pytest.mark.parametrize("name", NAMES)
def test_offsets_are_exact_at_every_change(zones: Zones, name: str) -> None:
    """The millisecond before a change of the clock has the old offset, the change the new one."""
    starts, offsets = transitions(name)
    zone = NAMES.index(name)
    assert len(starts) <= TRANSITIONS_MAX
    for start, before, after in zip(starts[1:].tolist(), offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        for instant, expected in ((start - 1, before), (start, after)):
            assert offset_at(zones.starts, zones.offsets, zone, instant) == expected
            assert offset_by_zoneinfo(name, instant) == expected


@pytest.mark.parametrize("name", NAMES)
def test_day_ends_are_the_first_instant_of_the_next_day(zones: Zones, name: str) -> None:
    """For every day of four years: the first instant whose local day is later, found by walking quarter by quarter."""
    zone, first = NAMES.index(name), 17_532
    instant = zones.day_end(zone, first - 1)
    for day in range(first, first + 4 * 365):
        instant += 20 * HOUR_MS
        assert day_by_zoneinfo(name, instant) == day
        while day_by_zoneinfo(name, instant) == day:
            instant += 15 * MINUTE_MS
        assert zones.day_end(zone, day) == instant


@pytest.mark.parametrize(
    ("name", "day", "end"),
    [
        ("Australia/Lord_Howe", "2024-10-05", "2024-10-05T13:30"),  # its clock changes by half an hour
        ("Australia/Lord_Howe", "2024-10-06", "2024-10-06T13:00"),
        ("Australia/Lord_Howe", "2024-04-06", "2024-04-06T13:00"),
        ("America/Santiago", "2024-04-06", "2024-04-07T04:00"),  # set back from midnight to 23:00
        ("America/Santiago", "2024-09-07", "2024-09-08T04:00"),  # set forward from midnight to 1:00
        ("Asia/Beirut", "2024-03-30", "2024-03-30T22:00"),
        ("Asia/Kathmandu", "2024-05-05", "2024-05-05T18:15"),
        ("Pacific/Apia", "2011-12-29", "2011-12-30T10:00"),  # the day after was skipped
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00"),
        ("America/St_Johns", "2010-11-06", "2010-11-07T02:30"),  # a minute into the next day the clock went back
    ],
)
def test_days_with_odd_ends(zones: Zones, name: str, day: str, end: str) -> None:
    """Clocks that change at midnight, by half an hour, or by a day."""
    assert zones.day_end(NAMES.index(name), instant_of(day) // DAY_MS) == instant_of(end)


@given(
    changes=st.lists(st.tuples(st.integers(1, 60), st.integers(-20, 20)), max_size=5),
    offset=st.integers(-20, 20),
    local=st.integers(-50, 200),
)
def test_first_at_is_the_first(changes: list[tuple[int, int]], offset: int, local: int) -> None:
    """In any made-up zone it is the first instant at which the clock shows that time or later, found by counting up."""
    starts, offsets = np.full((1, 6), FAR), np.zeros((1, 6), np.int64)
    starts[0, 0], offsets[0, 0] = -FAR, offset
    at = 0
    for number, (later, changed) in enumerate(changes, 1):
        at += later
        starts[0, number], offsets[0, number] = at, changed
    instant = -100
    while instant + offset_at(starts, offsets, 0, instant) < local:
        instant += 1
    assert first_at(starts, offsets, 0, local) == instant


def test_zones_are_numbered_by_first_use() -> None:
    """The default zone is 0; a name keeps its number."""
    zones = Zones("Asia/Tokyo")
    assert (zones.number("UTC"), zones.number("Asia/Tokyo"), zones.number("UTC")) == (1, 0, 1)
    assert zones.names == ["Asia/Tokyo", "UTC"]
    assert zones.local_hour(0, 0) == 9


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "Europe", "../etc/passwd", "UTC\0"])
def test_unknown_zones_are_refused(name: str) -> None:
    """A name that is no zone says what is required and what was got."""
    with pytest.raises(ValueError, match="time zone: required a name of the IANA database such as Europe/London, got"):
        Zones(name)
    zones = Zones("UTC")
    with pytest.raises(ValueError, match="time zone: required a name of the IANA database"):
        zones.number(name)
    assert zones.names == ["UTC"]


def test_dates_and_instants_as_text() -> None:
    """Day numbers and instants are written as ISO dates and RFC 3339, those before 1970 included."""
    assert [local_date(day) for day in (-1, 0, 19_782)] == ["1969-12-31", "1970-01-01", "2024-02-29"]
    assert rfc3339(instant_of("2024-02-29T12:34:56") + 7) == "2024-02-29T12:34:56.007Z"
    assert [rfc3339(time_ms) for time_ms in (0, 999, -1)] == [
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:00.999Z",
        "1969-12-31T23:59:59.999Z",
    ]
