"""Messages to and from machines besides batches: input of the ledger, totals of the shards, final parameters, reports
of the shards to the roll-up, and what an item hands over to its successor.
"""

from typing import Any, NamedTuple

import msgspec

from sensing.codec.event_record import Reject
from sensing.contracts.decisions import DecisionMade
from sensing.contracts.exceptions import ExceptionState
from sensing.demand.models import GivenDemand
from sensing.detection.master_data import UnknownName
from sensing.state.late_lines import LateLine
from sensing.state.quarantine import HandedEvent
from sensing.supply.lanes import Statistic
from sensing.supply.purchase_line import PurchaseLine

OUTCOMES = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter", "released", "unknown_line")


MOVEMENTS_MAX = 32
"""Movements kept of a part of a balance. A count older than all of them is not exact."""


class LedgerBatch(NamedTuple):
    """Rejects of one block, and its read counts: (topic, partition, messages read).

    ``reconciliation`` (0: none) asks for control totals of everything that source group ``group`` has read up to and
    including this block. Shards get the same number at the same position of the group's stream. With ``publish`` the
    totals go to the topic ``audit``; else only metrics show them.
    """

    rejects: list[Reject]
    read: list[tuple[str, int, int]]
    watermark: int
    reconciliation: int = 0
    group: int = 0
    publish: bool = True


class Totals(NamedTuple):
    """Outcomes that a shard has counted since its start, up to a reconciliation that a source group asked for.

    ``counts`` holds (topic, partition, counts in the order of ``OUTCOMES``), also for partitions of other groups.
    """

    machine: int
    counts: list[tuple[str, int, tuple[int, ...]]]
    reconciliation: int
    group: int = 0


class OldStock(msgspec.Struct, array_like=True):
    """Thousandths of a row's balance under the name of an old item, and its newest movements: time, thousandths."""

    quantity: int
    movements: list[tuple[int, int]] = []

    def move(self, time: int, quantity: int) -> None:
        """Add a movement."""
        self.quantity += quantity
        self.movements.append((time, quantity))
        del self.movements[:-MOVEMENTS_MAX]

    def times(self, factor: float) -> "OldStock":
        """The same in other units."""
        moved = [(time, round(quantity * factor)) for time, quantity in self.movements]
        return OldStock(round(self.quantity * factor), moved)

    def at(self, time: int) -> int:
        """Thousandths as of an instant."""
        return self.quantity - self.later(time)

    def later(self, time: int) -> int:
        """Thousandths moved after an instant."""
        return sum(quantity for moved, quantity in self.movements if moved > time)


class HandedLine(msgspec.Struct):
    """A purchase-order line that is handed over, with the name of its supplier."""

    po_id: str
    name: str
    supplier: str
    line: PurchaseLine


class HandedRow(msgspec.Struct):
    """What one row of a superseded item hands over. A record is the bytes of one, empty if there is none."""

    location: str
    unobserved: bytes
    """Share of each local day of the ring that was not observed at the location (f4)."""
    hot: bytes
    supply: bytes
    demand: GivenDemand
    lines: bytes
    """Order lines, in the order of their slots; their codes are positions in ``units`` and ``currencies``."""
    units: list[str]
    currencies: list[str]
    lanes: list[tuple[str, Statistic]]
    """Supplier and statistic of each lane."""
    purchases: list[HandedLine]
    allocations: list[tuple[int, int, int]]
    old_stock: list[tuple[str, OldStock]]
    """Parts of the balance under the names of items that the row's item has taken over from."""
    summed_until: int


class HandOver(msgspec.Struct):
    """To the shard of a successor: all rows of the superseded item, once. ``since`` is its instant (watermark, UTC ms).

    ``base_unit`` and ``units`` are those of the old item's record, ``old_names`` the items that it has taken over from,
    ``old_units`` base units of it in each of their units.
    """

    old: str
    successor: str
    since: int
    event_id: str
    base_unit: str
    units: dict[str, float]
    old_names: list[str]
    old_units: dict[str, dict[str, float]]
    rows: list[HandedRow]
    held: list[HandedEvent]
    """Events of it in quarantine."""


class ParameterRows(NamedTuple):
    """Planning parameters of all rows of a shard at the end of the input; every column has one entry per row."""

    machine: int
    columns: dict[str, Any]


class UnknownEvent(msgspec.Struct, frozen=True, kw_only=True, tag="unknown_event"):
    """To the roll-up: an event with an unknown name was put in quarantine (``held``) or became a dead letter.

    Only of an order placed: ``quantity`` in thousandths of ``quantity_unit``, ``money`` in hundredths of ``currency``;
    ``money_base`` is the same in the base currency, if a rate is known.
    """

    name: UnknownName
    held: bool
    time: int
    event_id: str
    sku: str | None
    quantity: int | None
    quantity_unit: str
    money: int | None
    currency: str
    trace: str | None
    money_base: int | None = None
    base_currency: str | None = None


class NameKnown(msgspec.Struct, frozen=True, kw_only=True, tag="name_known"):
    """To the roll-up: a name that the shard had reported as unknown is accepted from now on.

    Of the shard's events that waited for it, ``released`` are applied and ``moved`` wait for another name.
    """

    name: UnknownName
    released: int
    moved: int
    time: int
    event_id: str


class ForwardedDecision(msgspec.Struct, frozen=True, kw_only=True, tag="decision"):
    """To the roll-up: a person's decision about one of its exceptions."""

    event: DecisionMade
    time: int
    trace: str | None


class LateLineEnded(msgspec.Struct, frozen=True, kw_only=True, tag="late_line_ended"):
    """To the roll-up: a purchase-order line that the shard had reported as a `LateLine` is none any more."""

    supplier: str
    sku: str
    location: str
    po_id: str
    line: str

    @property
    def name(self) -> tuple[str, str, str, str]:
        """What tells the line from all others."""
        return self.po_id, self.line, self.sku, self.location


class EarlierException(msgspec.Struct, frozen=True, kw_only=True, tag="earlier_exception"):
    """To the roll-up: one of its exceptions that an earlier run has left in the topic."""

    state: ExceptionState


class HistoryReport(msgspec.Struct, frozen=True, tag="history"):
    """To the roll-up: the input begins with a snapshot, and all before ``until`` (UTC ms) is history."""

    until: int


class NameReport(msgspec.Struct, frozen=True, tag="name"):
    """To the roll-up: a SKU and a location that the shard may not have known; an empty one is none."""

    sku: str
    location: str


RollUpMessage = (
    UnknownEvent
    | NameKnown
    | ForwardedDecision
    | EarlierException
    | LateLine
    | LateLineEnded
    | HistoryReport
    | NameReport
)


class ShardReport(NamedTuple):
    """Messages of a shard to the roll-up, each with its instant, in the order in which they arose.

    All later messages of the shard have instants of at least ``clock`` (UTC ms). ``final``: there are none.
    """

    machine: int
    clock: int
    messages: list[tuple[int, RollUpMessage]]
    final: bool = False
