"""Stocking locations of a shard by number: time zone, calendar, region, and order lines of recent days.

The shard's state owns it. Kernels read the arrays.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import HEARD_SHIPMENT
from sensing.contracts.reference import LocationUpdated
from sensing.jit import kernel
from sensing.state.observed_hours import (
    LOCATION_LINES,
    count_lines,
    learn_silences,
    learn_usual,
    observed_hours,
)
from sensing.state.rows import DAYS_KEPT, HOURS_KEPT
from sensing.state.snapshot import Encoded, pack, unpack
from sensing.state.zones import Zones

WAITING_MAX = 10_000
"""Unknown locations of which it is noted what was heard."""
AHEAD_DAYS = 3
"""Windows of order lines may end up to this many days after the last closed day, since events may be ahead of the
clock."""


@kernel
def store_unobserved(
    unobserved: NDArray[np.float32], numbers: NDArray[np.int32], day: int, share: NDArray[np.float64]
) -> None:
    """See `Locations.store_unobserved`."""
    for number in numbers:
        unobserved[number, day % DAYS_KEPT] = share[number]
        for ahead in range(1, AHEAD_DAYS + 1):
            unobserved[number, (day + ahead) % DAYS_KEPT] = 0.0


class Location(msgspec.Struct):
    """One location. ``known`` is true once a ``location.updated`` record named it.

    ``shipments`` is what master data say of its shipments, ``heard`` the kinds of events that were heard of.
    """

    name: str
    zone: int = 0
    known: bool = False
    calendar: str | None = None
    region: str | None = None
    steward: str | None = None
    shipments: bool | None = None
    heard: int = 0


_Waiting = tuple[dict[str, int], int]
"""What was heard of unknown locations, and notices dropped."""


class Locations:
    """Locations in order of first mention.

    Attributes
    ----------
    accepts_unknown
        Whether policy accepts locations without a record; set it with :meth:`accept_unknown`.
    zone, calendar, accepted, ships, reports, lines, usual, unobserved
        Arrays by location number, for kernels: time zone; position of its calendar in ``calendars``; whether its events
        are accepted, as :meth:`is_accepted`; whether it reports shipments; whether shipments, deliveries or counts were
        heard of (or master data say that it reports shipments); order lines per local hour (`LOCATION_LINES`); usual
        lines per weekday; unobserved share of each local day (ring by day number). A day is unobserved while the
        location is closed or its source is silent. The share of future days is 0.
    calendars
        Names of the calendars in use; None means no calendar.
    """

    def __init__(self, zones: Zones) -> None:
        self.zones = zones
        self.records: list[Location] = []
        self.numbers: dict[str, int] = {}
        self.any_known = False
        self.waiting: dict[str, int] = {}
        self.notices_dropped = 0
        self.accepts_unknown = False
        self.calendars: list[str | None] = [None]
        self.zone = np.zeros(8, np.int32)
        self.calendar = np.zeros(8, np.int64)
        self.accepted = np.zeros(8, np.bool_)
        self.ships = np.zeros(8, np.bool_)
        self.reports = np.zeros(8, np.bool_)
        self.lines = np.zeros(8, LOCATION_LINES)
        self.usual = np.zeros((8, 7))
        self.unobserved = np.zeros((8, DAYS_KEPT), np.float32)

    def number(self, name: str) -> int:
        """Number of the location. A new location gets the next number."""
        found = self.numbers.get(name)
        if found is None:
            found = self._add(Location(name))
        return found

    def _add(self, record: Location) -> int:
        number = len(self.records)
        if number == len(self.zone):
            self.zone = np.concatenate((self.zone, np.zeros_like(self.zone)))
            self.calendar = np.concatenate((self.calendar, np.zeros_like(self.calendar)))
            self.accepted = np.concatenate((self.accepted, np.zeros_like(self.accepted)))
            self.ships = np.concatenate((self.ships, np.zeros_like(self.ships)))
            self.reports = np.concatenate((self.reports, np.zeros_like(self.reports)))
            self.lines = np.concatenate((self.lines, np.zeros_like(self.lines)))
            self.usual = np.concatenate((self.usual, np.zeros_like(self.usual)))
            self.unobserved = np.concatenate((self.unobserved, np.zeros_like(self.unobserved)))
        self.records.append(record)
        self.numbers[record.name] = number
        self.zone[number] = record.zone
        self.calendar[number] = self._calendar_number(record.calendar)
        self.accepted[number] = record.known or self.accepts_unknown or not self.any_known
        self._set_reporting(number)
        return number

    def hear(self, name: str, kind: int) -> None:
        """Note that a kind of event (HEARD_...) was heard of for a location, in any shard.

        What is heard of unknown locations waits for their master data; beyond WAITING_MAX it is dropped and counted.
        """
        if not self.is_accepted(name):
            if name in self.waiting or len(self.waiting) < WAITING_MAX:
                self.waiting[name] = self.waiting.get(name, 0) | kind
            else:
                self.notices_dropped += 1
            return
        number = self.number(name)
        self.records[number].heard |= kind
        self._set_reporting(number)

    def _set_reporting(self, number: int) -> None:
        record = self.records[number]
        learned = bool(record.heard & HEARD_SHIPMENT)
        self.ships[number] = learned if record.shipments is None else record.shipments
        self.reports[number] = record.heard != 0 or self.ships[number]

    def apply(self, event: LocationUpdated) -> tuple[int, int, int]:
        """Put a location record in force; returns the location's number, old zone and new zone.

        Raises
        ------
        ValueError
            The time zone is unknown.
        """
        zone = self.zones.number(event.time_zone)
        number = self.number(event.location)
        record = self.records[number]
        old = record.zone
        record.zone, record.known = zone, True
        record.calendar, record.region, record.steward = event.calendar, event.region, event.steward
        record.shipments = event.shipments
        record.heard |= self.waiting.pop(event.location, 0)
        self._set_reporting(number)
        self.zone[number] = zone
        self.calendar[number] = self._calendar_number(event.calendar)
        if not self.any_known:
            self.any_known = True
            self.accepted[:] = self.accepts_unknown
        self.accepted[number] = True
        return number, old, zone

    def accept_unknown(self, accepts: bool) -> None:
        """Accept locations without a record, or no more."""
        self.accepts_unknown = accepts
        for number, record in enumerate(self.records):
            self.accepted[number] = record.known or accepts or not self.any_known

    def _calendar_number(self, name: str | None) -> int:
        if name not in self.calendars:
            self.calendars.append(name)
        return self.calendars.index(name)

    def zone_of(self, name: str | None) -> int:
        """Time zone of a location; 0, which is UTC, if it is not known."""
        number = self.numbers.get(name or "")
        return 0 if number is None else int(self.zone[number])

    def is_accepted(self, name: str) -> bool:
        """Whether a location has a record or is accepted without. While there is no location record, all are."""
        if not self.any_known or self.accepts_unknown:
            return True
        number = self.numbers.get(name)
        return number is not None and self.records[number].known

    def observed(self, day: int, closed: NDArray[np.bool_], shares: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(locations, 24) hours of local ``day`` in which each location was observed; see `observed_hours`."""
        found = np.empty((len(self.records), 24), np.bool_)
        observed_hours(self.lines, self.usual, shares, closed, day, found)
        return found

    def are_summed(self, numbers: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether the newest demand heard of at each location was a daily sum."""
        return np.asarray(self.lines["summed"][numbers] == 1)

    def store_unobserved(self, numbers: NDArray[np.int32], day: int, share: NDArray[np.float64]) -> None:
        """Store the unobserved share (locations,) of a closed local day. Future days count as observed."""
        store_unobserved(self.unobserved, numbers, day, share)

    def add_observed(self, number: int, hot: Any, unobserved: NDArray[np.float32]) -> None:
        """Count the order lines of a row that comes from another shard, which has observed the location, too.

        Parameters
        ----------
        hot
            Its hot record.
        unobserved
            (days kept,) shares of local days that the other shard has not observed.
        """
        for hour in range(int(hot["hour"]) - HOURS_KEPT + 1, int(hot["hour"]) + 1):
            lines = int(hot["hour_lines"][hour % HOURS_KEPT])
            if lines:
                count_lines(self.lines, number, hour, lines)
        self.unobserved[number] = np.minimum(self.unobserved[number], unobserved)

    def learn_day(self, numbers: NDArray[np.int64], day: int, observed: NDArray[np.bool_]) -> None:
        """Update usual lines and silent hours of locations after a local day; ``observed`` has their observed hours."""
        learn_silences(self.lines, numbers, day, observed)
        learn_usual(self.lines, self.usual, numbers, day, observed)

    def dump(self) -> bytes:
        """All locations as bytes."""
        count = len(self.records)
        return pack(
            {
                "locations": Encoded(self.records, list[Location]),
                "waiting": Encoded((self.waiting, self.notices_dropped), _Waiting),
                "lines": self.lines[:count],
                "usual": self.usual[:count],
                "unobserved": self.unobserved[:count],
            }
        )

    def load(self, block: bytes) -> None:
        """Restore the locations of :meth:`dump`. Load the zones first, since locations refer to their numbers."""
        parts = unpack(block, {"locations": list[Location], "waiting": _Waiting, "lines": LOCATION_LINES})
        self.any_known = any(record.known for record in parts["locations"])
        for record in parts["locations"]:
            self._add(record)
        self.waiting, self.notices_dropped = parts["waiting"]
        count = len(self.records)
        self.lines[:count] = parts["lines"]
        self.usual[:count] = parts["usual"]
        self.unobserved[:count] = parts["unobserved"]

    def in_zones(self, zones: tuple[int, ...]) -> NDArray[np.int64]:
        """Numbers of the locations in some zones, rising."""
        zone = self.zone[: len(self.records)]
        return np.flatnonzero(np.logical_or.reduce([zone == number for number in zones]))
