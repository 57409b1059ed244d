"""Oracle of a shard's kernels: order lines, stock and open demand on plain dictionaries.

It keeps all lines and makes no running sums. Tests sum over the lines at the end.
"""

from dataclasses import dataclass, field
from typing import Any

from sensing.codec.event_record import NO_DAY, Kind
from sensing.machine_settings import HOUR_MS

IMPOSSIBLE_UNITS = 1000
"""Tests only use lines of a few units, or of at least this many."""
MOVEMENTS = (Kind.RETURNED, Kind.SHIPPED, Kind.COUNTED, Kind.ADJUSTED)


@dataclass
class Line:
    """An order line in its newest absorbed version."""

    hour: int
    row: str
    tracked: bool
    version: int = 0
    quantity: int = 0
    shipped: int = 0
    requested: int = NO_DAY
    held: bool = False

    @property
    def open(self) -> int:
        """Thousandths ordered and not shipped; 0 if the line is not tracked."""
        return max(self.quantity - self.shipped, 0) if self.tracked and self.quantity else 0

    @property
    def requested_day(self) -> int:
        """Requested day, or the booked day without one."""
        return self.hour // 24 if self.requested == NO_DAY else self.requested


@dataclass
class Row:
    """Events of a row besides order lines."""

    newest_hour: int | None = None
    moves: list[tuple[int, int]] = field(default_factory=list)
    counts: list[tuple[int, int]] = field(default_factory=list)
    last_seen: dict[str, int] = field(default_factory=lambda: {"orders": 0, "inventory": 0})

    def mark_seen(self, source: str, time: int) -> None:
        """Update the newest event time of an input, in seconds."""
        self.last_seen[source] = max(self.last_seen[source], time // 1000)

    def advance_row(self, hour: int) -> None:
        """Advance the rings to a booked hour."""
        self.newest_hour = hour if self.newest_hour is None else max(self.newest_hour, hour)

    @property
    def on_hand(self) -> int:
        """Newest count plus later movements. Of two counts at the same time the smaller is used."""
        time, quantity = min(self.counts, key=lambda count: (-count[0], count[1]), default=(-(2**62), 0))
        return quantity + sum(moved for at, moved in self.moves if at > time)


class Book:
    """All lines and rows, and the outcome of every event."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, ...], Line] = {}
        self.rows: dict[str, Row] = {}
        self.ids: set[str] = set()
        self.outcomes: list[str] = []
        self.notes: list[tuple[int, str]] = []

    def take(self, event: dict[str, Any]) -> None:
        """Apply one event, given as the fields of its record."""
        hour, row = event["time"] // HOUR_MS, event["location"]
        self.rows.setdefault(row, Row())
        outcome = self._move(event, hour, row) if event["kind"] in MOVEMENTS else self._order(event, hour, row)
        late = event["time"] < event["watermark"]
        self.outcomes.append("absorbed_late" if outcome == "absorbed" and late else outcome)

    def _order(self, event: dict[str, Any], hour: int, row: str) -> str:
        lost = event["kind"] == Kind.LOST
        key = (event["event_id"],) if lost or not event["order_id"] else (event["order_id"], event["line"])
        quantity = 0 if event["kind"] == Kind.CANCELLED else event["quantity"]
        line = self.lines.setdefault(key, Line(hour, row, tracked=not lost))
        if line.version == 0:
            line.hour = hour
        if event["version"] == line.version:
            return "duplicate"
        if event["version"] < line.version:
            line.hour = min(line.hour, hour)
            return "superseded"
        line.version = event["version"]
        if quantity > line.quantity and quantity >= IMPOSSIBLE_UNITS * 1000:
            if line.quantity == 0:
                line.hour, line.row = min(line.hour, hour), row
            line.held = True
            self.notes.append((len(self.outcomes), "impossible"))
            return "held"
        if line.held:
            line.held = False
            self.notes.append((len(self.outcomes), "release"))
        self.rows[row].mark_seen("orders", event["time"])
        line.hour, line.row = min(line.hour, hour), row
        line.quantity, line.requested = quantity, event["requested_day"]
        if quantity:
            self.rows[row].advance_row(line.hour)
        return "absorbed"

    def _move(self, event: dict[str, Any], hour: int, row: str) -> str:
        if event["event_id"] in self.ids:
            return "duplicate"
        self.ids.add(event["event_id"])
        reached = self.rows[row]
        reached.advance_row(hour)
        reached.mark_seen("inventory", event["time"])
        if event["kind"] == Kind.COUNTED:
            reached.counts.append((event["time"], event["quantity"]))
        else:
            sign = -1 if event["kind"] == Kind.SHIPPED else 1
            reached.moves.append((event["time"], sign * event["quantity"]))
        if event["kind"] == Kind.SHIPPED and event["order_id"]:
            key = (event["order_id"], event["line"])
            self.lines.setdefault(key, Line(hour, row, tracked=True)).shipped += event["quantity"]
        return "absorbed"

    def of_row(self, row: str) -> list[Line]:
        """Lines booked at a row."""
        return [line for line in self.lines.values() if line.row == row and line.quantity]
