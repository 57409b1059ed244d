"""Stocking locations of a shard by number: zone, calendar, region, and what their recent days were like."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.contracts.reference import LocationUpdated
from sensing.state.rows import DAYS_KEPT
from sensing.state.zones import Zones

USUAL_MIN = 20.0
USUAL_RATE = 0.2
CLEAR_AHEAD_DAYS = 3
"""Events run ahead of the clock by lateness and skew.

So the places of the next two days may be in use when a day is folded.
"""


class Location(msgspec.Struct):
    """One location; ``known`` when master data named it."""

    name: str
    zone: int = 0
    known: bool = False
    calendar: str | None = None
    region: str | None = None
    steward: str | None = None


class Locations:
    """Locations in order of first mention.

    Attributes
    ----------
    zone, accepted, lines, usual, idle
        Arrays by location number, for kernels: time zone; whether its events are taken, as :meth:`is_known`; order
        lines per local day (ring); lines a weekday usually has; days (ring) that taught nothing, because the location
        was closed or the feed silent.
    """

    def __init__(self, zones: Zones) -> None:
        self.zones = zones
        self.records: list[Location] = []
        self.numbers: dict[str, int] = {}
        self.any_known = False
        self.zone = np.zeros(8, np.int32)
        self.accepted = np.zeros(8, np.bool_)
        self.lines = np.zeros((8, DAYS_KEPT), np.int64)
        self.usual = np.zeros((8, 7))
        self.idle = np.zeros((8, DAYS_KEPT), np.bool_)

    def number(self, name: str) -> int:
        """Number of the location, new or not."""
        found = self.numbers.get(name)
        if found is None:
            found = self._add(Location(name))
        return found

    def _add(self, record: Location) -> int:
        number = len(self.records)
        if number == len(self.zone):
            self.zone = np.concatenate((self.zone, np.zeros_like(self.zone)))
            self.accepted = np.concatenate((self.accepted, np.zeros_like(self.accepted)))
            self.lines = np.concatenate((self.lines, np.zeros_like(self.lines)))
            self.usual = np.concatenate((self.usual, np.zeros_like(self.usual)))
            self.idle = np.concatenate((self.idle, np.zeros_like(self.idle)))
        self.records.append(record)
        self.numbers[record.name] = number
        self.zone[number] = record.zone
        self.accepted[number] = record.known or not self.any_known
        return number

    def apply(self, event: LocationUpdated) -> tuple[int, int, int]:
        """Put a location record in force; returns its number, old zone and new zone.

        ValueError when the zone is unknown.
        """
        zone = self.zones.number(event.time_zone)
        number = self.number(event.location)
        record = self.records[number]
        old = record.zone
        record.zone, record.known = zone, True
        record.calendar, record.region, record.steward = event.calendar, event.region, event.steward
        self.zone[number] = zone
        if not self.any_known:
            self.any_known = True
            self.accepted[:] = False
        self.accepted[number] = True
        return number, old, zone

    def is_known(self, name: str) -> bool:
        """Whether master data names the location; where it never named any, all are known."""
        if not self.any_known:
            return True
        number = self.numbers.get(name)
        return number is not None and self.records[number].known

    def silent(self, day: int) -> NDArray[np.bool_]:
        """Locations without a single order line on local ``day``, where the weekday usually has ``USUAL_MIN`` or more.

        There the feed, not the demand, was silent.
        """
        count = len(self.records)
        return np.asarray((self.lines[:count, day % DAYS_KEPT] <= 0) & (self.usual[:count, (day + 3) % 7] >= USUAL_MIN))

    def fold(self, numbers: NDArray[np.int64], day: int) -> None:
        """Let locations learn how many order lines a weekday usually has, and empty the ring place of a day to come.

        Days without any line teach nothing: they are either days off, which have none as a rule, or silent feeds.
        """
        weekday = (day + 3) % 7
        for number in numbers.tolist():
            lines = float(self.lines[number, day % DAYS_KEPT])
            if lines > 0:
                before = self.usual[number, weekday]
                self.usual[number, weekday] = lines if before == 0 else before + USUAL_RATE * (lines - before)
        self.lines[numbers, (day + CLEAR_AHEAD_DAYS) % DAYS_KEPT] = 0

    def parts(self) -> dict[str, Any]:
        """What a dump keeps."""
        return {
            "locations": msgspec.msgpack.encode(self.records),
            "location_lines": self.lines[: len(self.records)],
            "location_usual": self.usual[: len(self.records)],
            "location_idle": self.idle[: len(self.records)],
        }

    def restore(self, parts: dict[str, Any]) -> None:
        """Take over what :meth:`parts` gave."""
        records = msgspec.msgpack.decode(parts["locations"], type=list[Location])
        self.any_known = any(record.known for record in records)
        for record in records:
            self._add(record)
        self.lines[: len(self.records)] = parts["location_lines"]
        self.usual[: len(self.records)] = parts["location_usual"]
        self.idle[: len(self.records)] = parts["location_idle"]

    def in_zones(self, zones: tuple[int, ...]) -> NDArray[np.int64]:
        """Numbers of the locations in some zones, rising."""
        return np.array([number for number, record in enumerate(self.records) if record.zone in zones], np.int64)
