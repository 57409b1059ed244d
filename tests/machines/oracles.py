"""Oracle of a shard's kernels: order lines, stock and open demand on plain dictionaries.

It keeps all lines and makes no running sums. Tests sum over the lines at the end.
"""

from dataclasses import dataclass, field
from typing import Any

from sensing.codec.event_record import NO_DAY, NOT_GIVEN, Kind
from sensing.machine_settings import HOUR_MS

DAYS_AWAY_MAX = 3653
IMPOSSIBLE_UNITS = 1000
"""Tests only use lines of a few units, or of at least this many."""
MOVEMENTS = (Kind.RETURNED, Kind.SHIPPED, Kind.COUNTED, Kind.ADJUSTED)


@dataclass
class Line:
    """An order line: the newest version, the earliest placement, and what was shipped."""

    row: str
    lost: bool = False
    version: int = 0
    event_id: str = ""
    content: tuple[Any, ...] = ()
    stated: bool = False
    quantity: int = 0
    shipped: int = 0
    requested: int = NO_DAY
    hour: int = 0
    placed: int | None = None
    held: bool = False
    counted: bool = False
    closed: bool = False
    tracked: bool = False
    settled: bool = False

    @property
    def booked_hour(self) -> int:
        """Hour of the placement, or of the first version without one."""
        return self.hour if self.placed is None else self.placed

    @property
    def demand(self) -> int:
        """Thousandths of demand; 0 for a line without a placement or whose first version is held."""
        if self.placed is None or not self.counted:
            return 0
        return self.shipped if self.closed else self.quantity

    @property
    def open(self) -> int:
        """Thousandths ordered and not shipped."""
        if self.closed or self.settled or not self.tracked:
            return 0
        return max(self.quantity - self.shipped, 0)

    @property
    def requested_day(self) -> int:
        """Requested day, or the booked day without one."""
        return self.booked_hour // 24 if self.requested == NO_DAY else self.requested


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

    def __init__(self, horizon_days: int = 35) -> None:
        self.horizon_days = horizon_days
        self.lines: dict[tuple[str, ...], Line] = {}
        self.rows: dict[str, Row] = {}
        self.ids: set[str] = set()
        self.outcomes: list[str] = []
        self.notes: list[tuple[int, str]] = []
        self.unknown = 0

    def take(self, event: dict[str, Any]) -> None:
        """Apply one event, given as the fields of its record."""
        hour, row = event["time"] // HOUR_MS, event["location"]
        self.rows.setdefault(row, Row())
        outcome = self._move(event, hour, row) if event["kind"] in MOVEMENTS else self._order(event, hour, row)
        late = event["time"] < event["watermark"]
        self.outcomes.append("absorbed_late" if outcome == "absorbed" and late else outcome)

    def _order(self, event: dict[str, Any], hour: int, row: str) -> str:
        lost, gone = event["kind"] == Kind.LOST, event["kind"] in (Kind.CANCELLED, Kind.CLOSED)
        key = (event["event_id"],) if lost or not event["order_id"] else (event["order_id"], event["line"])
        line = self.lines.setdefault(key, Line(row, lost=lost))
        places = event["kind"] in (Kind.PLACED, Kind.LOST) or (event["kind"] == Kind.CHANGED and event["version"] == 1)
        requested = event["requested_day"]
        if requested != NO_DAY and abs(requested - hour // 24) > DAYS_AWAY_MAX:
            requested = NO_DAY
        content = ("gone",) if gone else (event["quantity"], row, requested, event.get("price"))
        if event["version"] < line.version:
            self._older(line, event, hour, row, requested, places=places)
            return "superseded"
        if event["version"] == line.version:
            # Quantity, location and day of a held version are not kept if an earlier version counts.
            unheld = 3 if line.held and ((line.counted and line.demand) or line.tracked) and not gone else 0
            if event["event_id"] == line.event_id or content[unheld:] == line.content[unheld:]:
                return "duplicate"
            self.notes.append((len(self.outcomes), "conflict"))
            return "rejected"
        known, line.version, line.event_id, line.content = (
            line.version > 0,
            event["version"],
            event["event_id"],
            content,
        )
        giant = event["quantity"] >= IMPOSSIBLE_UNITS * 1000
        if not gone and giant and (line.held or event["quantity"] > line.quantity):
            self._hold(line, event, hour, row, requested, places=places)
            self.notes.append((len(self.outcomes), "impossible"))
            return "held"
        if line.held:
            line.held = False
            self.notes.append((len(self.outcomes), "release"))
        self.rows[row].mark_seen("orders", event["time"])
        if known and not gone:
            line.hour = min(line.hour, hour)
        if not known:
            line.hour = hour
            self.unknown += not gone and not places
        line.closed = gone
        if not gone:
            line.row, line.quantity, line.requested, line.stated = row, event["quantity"], requested, True
            if places:
                self._place(line, hour)
            line.tracked |= line.placed is not None and not line.lost
            if line.placed is None and requested != NO_DAY and requested >= hour // 24 - self.horizon_days:
                line.tracked = True
            if not known and event["quantity_open"] != NOT_GIVEN:
                line.tracked = True
                line.shipped = max(line.shipped, line.quantity - event["quantity_open"])
        line.counted = line.placed is not None
        self._advance(line)
        return "absorbed"

    def _older(self, line: Line, event: dict[str, Any], hour: int, row: str, requested: int, *, places: bool) -> None:
        """A placement that comes after newer versions says when the demand arose; before it, a day opens the line."""
        if not places:
            self._unplaced(line, event, hour, row, requested)
            return
        if line.held and not (line.counted and line.demand):
            line.quantity = event["quantity"]
        if line.closed and not line.stated and line.placed is None:
            line.row = row
        self._place(line, hour)
        line.counted = True
        self._advance(line)

    def _unplaced(self, line: Line, event: dict[str, Any], hour: int, row: str, requested: int) -> None:
        """An older version that places nothing: the earliest begins the line, any that names a day opens it."""
        if line.placed is not None:
            return
        line.hour = min(line.hour, hour)
        sane = event["kind"] == Kind.CHANGED and event["quantity"] < IMPOSSIBLE_UNITS * 1000
        if line.tracked or not sane or requested == NO_DAY or requested < hour // 24 - self.horizon_days:
            return
        line.tracked = True
        if line.held:
            line.row, line.quantity, line.requested = row, event["quantity"], requested

    @staticmethod
    def _hold(line: Line, event: dict[str, Any], hour: int, row: str, requested: int, *, places: bool) -> None:
        line.held = True
        if (line.counted and line.demand) or line.tracked:
            return
        line.row, line.quantity, line.requested, line.hour, line.stated = row, event["quantity"], requested, hour, True
        line.counted = False
        if places:
            line.placed = hour if line.placed is None else min(line.placed, hour)

    @staticmethod
    def _place(line: Line, hour: int) -> None:
        line.placed = hour if line.placed is None else min(line.placed, hour)
        line.tracked = not line.lost

    def _advance(self, line: Line) -> None:
        if line.demand:
            self.rows[line.row].advance_row(line.booked_hour)

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
            line = self.lines.setdefault((event["order_id"], event["line"]), Line(row))
            line.shipped += event["quantity"]
            if line.closed:
                self._advance(line)
        return "absorbed"

    def of_row(self, row: str) -> list[Line]:
        """Lines of a row."""
        return [line for line in self.lines.values() if line.row == row]
