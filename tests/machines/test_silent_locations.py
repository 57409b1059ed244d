"""Locations that fall silent: their proposals become stale, once, until they are heard of again."""

import datetime as dt
from typing import Any

import orjson
import pytest

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines.silent_locations import STALE_DAYS
from sensing.outputs import PARAMETERS
from tests.machines.streams import MONDAY, Line, Stream, line, run

pytestmark = pytest.mark.compiled

FIRST = dt.date(2026, 2, 2)
SILENT, BACK, END = 40, 62, 70


def order(day: int, location: str, n: int) -> Line:
    """One order line, at 09:00 or later."""
    time = MONDAY + day * DAY_MS + (9 + n) * HOUR_MS
    return line("order.placed", f"{location}{day}-{n}", time, sku="A", location=location, quantity=2)


def silence(*master: Line, a_day: int = 3, every: int = 1) -> list[Line]:
    """Lines of two locations; L has none from day SILENT to day BACK, else some on every so many days."""
    lines = list(master)
    for day in range(END):
        if not SILENT <= day < BACK and day % every == 0:
            lines += [order(day, "L", n) for n in range(a_day)]
        lines.append(order(day, "M", a_day))
    return lines


def told(lines: list[Line], *cuts: int) -> list[tuple[str, int, str]]:
    """Location, local day and status of the planning parameters whose status differs from that before."""
    found, latest = [], dict[str, str]()
    for record in run(Stream(lines), Settings(shards=1), cuts or None, restarts=cuts[1:2]).outputs[0]:
        if record.topic == PARAMETERS:
            data: dict[str, Any] = orjson.loads(record.data)
            if latest.get(data["location"], "proposed") != data["status"]:
                day = (dt.date.fromisoformat(data["as_of"]) - FIRST).days
                found.append((data["location"], day, data["status"]))
            latest[data["location"]] = data["status"]
    return found


def test_proposals_of_a_silent_location_become_stale_once() -> None:
    """At the close of the last of so many days without lines; the first line brings them back; others stay."""
    expected = [("L", SILENT - 1 + STALE_DAYS, "stale"), ("L", BACK, "proposed")]

    assert told(silence()) == expected
    assert told(silence(), 50, 130, 150, len(silence())) == expected


def test_a_location_with_few_lines_is_given_more_days() -> None:
    """A line every other day: three weeks without one are no proof, and change no status."""
    assert told(silence(a_day=1, every=2)) == []


def test_closed_days_are_no_silence() -> None:
    """A calendar that closes the location for the time."""
    days = [{"date": (FIRST + dt.timedelta(days=day)).isoformat()} for day in range(SILENT, BACK)]
    master = (line("calendar.updated", "c", None, calendar="shut", holidays=days),
              line("location.updated", "l", None, location="L", calendar="shut"),
              line("location.updated", "m", None, location="M"))  # fmt: skip
    assert told(silence(*master)) == []
