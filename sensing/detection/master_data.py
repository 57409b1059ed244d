"""Detector master_data: events name an item, location, supplier or unit that master data do not name.

There is one problem per name over all shards. The roll-up machine adds up what the shards report and calls the detector
when a name is first met, when more events name it, once a day while events wait, and when the name is known.
"""

import math

import msgspec

from sensing.codec.event_record import THOUSANDTHS
from sensing.codec.instants import rfc3339
from sensing.contracts.exception_details import NameDetails, NameKind
from sensing.detection.detector import Detector, Evaluation, Hysteresis
from sensing.detection.finding import DetectionContext
from sensing.detection.sentences import are, number, plural
from sensing.machine_settings import DAY_MINUTES, DAY_MS

EVENTS_STEPS = (1.0, 10.0, 100.0, 1_000.0)
"""One severity point each."""
HUNDREDTHS = 100


class UnknownName(msgspec.Struct, frozen=True, order=True):
    """A name that master data do not name; for a unit ``name`` is its item."""

    kind: NameKind
    name: str
    unit: str = ""

    def __str__(self) -> str:
        """The name in a sentence."""
        return f"unit {self.unit} of item {self.name}" if self.kind == "unit" else f"{self.kind} {self.name}"


SUM_MAX = 2**62
"""Bound of quantities, money and their sums, kept as 64-bit integers. None is negative, so their order is no matter."""


class NamedEvents(msgspec.Struct, kw_only=True):
    """Evidence: the events that name an unknown name.

    Parameters
    ----------
    waiting, refused
        Events in quarantine; events that became dead letters.
    released, moved
        Events that waited and were applied; that waited and now wait for another name.
    first, last
        (event time, event id) of the earliest and the latest event.
    quantity
        Orders placed, in thousandths of their unit; None if there are orders of several items or in several units.
    money
        Value of the orders with a price, in hundredths of their currency; None if there are several currencies.
    item, currency
        Item and unit of the orders, and their currency; None before the first.
    money_base, base_currency
        The same value in the base currency; None if some rate is not known.
    known
        Whether the name is known now.
    """

    name: UnknownName
    waiting: int = 0
    refused: int = 0
    released: int = 0
    moved: int = 0
    first: tuple[int, str]
    last: tuple[int, str]
    quantity: int | None = 0
    item: tuple[str, str] | None = None
    money: int | None = 0
    currency: str | None = None
    money_base: int | None = 0
    base_currency: str | None = None
    known: bool = False

    @property
    def events(self) -> int:
        """All events that named it."""
        return self.waiting + self.refused + self.released + self.moved

    @property
    def ordered(self) -> float | None:
        """Units of the orders among them; None if there is none or they do not add up."""
        return self.quantity / THOUSANDTHS if self.quantity else None

    def add_order(
        self, item: tuple[str, str], quantity: int, money: int | None, currency: str, money_base: int | None = None
    ) -> None:
        """Add an order of ``item`` (SKU, unit); the sums do not depend on the order of the calls.

        A sum stays at SUM_MAX when it has reached it.
        """
        other = self.quantity is None or self.item not in (None, item)
        self.quantity = None if other else min((self.quantity or 0) + quantity, SUM_MAX)
        self.item = item
        if money is not None:
            known = self.money if self.currency in (None, currency) else None
            self.money = None if known is None else min(known + money, SUM_MAX)
            self.currency = currency
            unknown = self.money_base is None or money_base is None
            self.money_base = None if unknown else min((self.money_base or 0) + (money_base or 0), SUM_MAX)


def evaluate_names(evidence: NamedEvents) -> Evaluation:
    """Every unknown name is a problem; it ends when the name is known."""
    name, known = evidence.name, evidence.known
    # The key begins with the SKU or location of the context, if there is one.
    key = (name.name, name.kind) if name.kind == "supplier" else (name.kind, name.unit) if name.unit else (name.kind,)
    details = NameDetails(
        kind=name.kind, name=name.unit or name.name, events=evidence.events, waiting=evidence.waiting,
        dead_letters=evidence.refused, released=evidence.released, first_event=evidence.first[1],
        first_event_time=rfc3339(evidence.first[0]), last_event=evidence.last[1],
        last_event_time=rfc3339(evidence.last[0]), ordered_quantity=evidence.ordered,
        unit_of_measure=None if evidence.item is None or evidence.ordered is None else evidence.item[1] or None,
    )  # fmt: skip
    return Evaluation(
        active=not known,
        cleared=known,
        final=known,
        resolution="known",
        start=evidence.first[0] // DAY_MS,
        severity_points=float(sum(evidence.events >= step for step in EVENTS_STEPS)),
        key=key,
        observed=float(evidence.events),
        # The price of the context is 1: the money of the events is known as a whole.
        money_units=evidence.money / HUNDREDTHS if evidence.money else math.nan,
        details=details,
    )


def names_sentence(_context: DetectionContext, evidence: NamedEvents, _: Evaluation) -> str:
    """Sentence: what is not named, how many events name it, and what becomes of them."""
    name = str(evidence.name)
    name = name[0].upper() + name[1:]
    if evidence.known:
        return f"{name} is known now{_ended(evidence)}."
    record = "item" if evidence.name.kind == "unit" else evidence.name.kind
    orders = ""
    if evidence.ordered is not None and evidence.item is not None:
        orders = f", among them orders of {number(evidence.ordered)} {evidence.item[1] or 'base units'}"
    verb = "names" if evidence.events == 1 else "name"
    parts = [f"{name} is in no {record}.updated record, but {plural(evidence.events, 'event')} {verb} it{orders}"]
    if evidence.waiting:
        parts.append(f"{number(evidence.waiting)} {are(evidence.waiting)} held until the record takes effect")
    if evidence.refused:
        became = "a dead letter" if evidence.refused == 1 else "dead letters"
        parts.append(f"{number(evidence.refused)} became {became}, to be sent again after the record")
    return "; ".join(parts) + "."


def _ended(evidence: NamedEvents) -> str:
    parts = []
    if evidence.released:
        parts.append(f"released {plural(evidence.released, 'event')}")
    if evidence.moved:
        parts.append(f"{plural(evidence.moved, 'event')} still {_wait(evidence.moved)} for other master data")
    if evidence.refused:
        parts.append(f"{plural(evidence.refused, 'dead letter')} can be sent again")
    return ": " + ", ".join(parts) if parts else ""


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"


MASTER_DATA = Detector(
    name="master_data",
    prefix="master_data",
    opens="an event names an item, location, supplier or unit that master data do not name; one per name",
    ends="the record takes effect or policy accepts the name; the events that waited are released",
    route="data_steward",
    details=NameDetails,
    hysteresis=Hysteresis(1, 1, 0, 1 * DAY_MS, 30 * DAY_MS),
    deadline_minutes=(DAY_MINUTES, 8 * 60, 4 * 60, 60),
    reserved=True,
    evaluate=evaluate_names,
    sentence=names_sentence,
)
