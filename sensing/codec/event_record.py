"""Event records and batches: what sources send to machines.

A frequent event is one record of fixed width with hashes, numbers and codes, so that the scanner can fill it without
Python objects. Its texts are in separate tables (see ``text_table``), found by topic, partition and offset.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.purchase_record import NO_PURCHASES
from sensing.codec.text_table import NO_TEXTS, TextTable, TopicPartitionOffset
from sensing.contracts import decisions, inventory, orders, reference, shipments, suppliers
from sensing.contracts.dead_letters import Reason
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.topic_registry import INPUTS


class Kind(IntEnum):
    """Kinds of frequent events. All other events are rare and stay structs."""

    PLACED = 1
    CHANGED = 2
    CANCELLED = 3
    CLOSED = 4
    RETURNED = 5
    LOST = 6
    SHIPPED = 7
    COUNTED = 8
    ADJUSTED = 9
    DAILY = 10


TOPICS = tuple(INPUTS)
"""Input topics by number, in merge order."""


class Topic(IntEnum):
    """Numbers of the input topics that code names."""

    DECISIONS = TOPICS.index(decisions.SPEC.name)
    INVENTORY = TOPICS.index(inventory.SPEC.name)
    ORDERS = TOPICS.index(orders.SPEC.name)
    REFERENCE = TOPICS.index(reference.SPEC.name)
    SHIPMENTS = TOPICS.index(shipments.SPEC.name)
    SUPPLIERS = TOPICS.index(suppliers.SPEC.name)


PROMOTED = 1
"""Flag of a record: the order names a promotion."""
NO_LINE = 2
"""Flag of a record: the event names an order and no line in it."""
DERIVED = 4
"""Flag of a record: the source made it from another event. It has an effect, and only the other event is counted."""
NOT_RESTOCKED = 8
"""Flag of a record: returned goods that do not go back to stock."""
KIT = 16
"""Flag of a record: the item is a kit. Its line is demand and never open: what is open of its parts is."""
SUPERSEDED = 32
"""Flag of a record: its texts name an item whose successor has taken over. The key of its row is the successor's, that
of its line is unchanged."""
BASE_UNIT = "\n"
"""Unit of derived infrequent events: the item's base unit, whichever it is. No unit has control characters."""
NOT_GIVEN = -1
"""Open quantity of an event that does not state it."""
NO_DAY = -(2**31)
THOUSANDTHS = 1000
BEFORE_ALL = 0
"""The clock before the first event, UTC ms; no event time is below it."""
AFTER_ALL = 2**62
"""Later than all events, UTC ms."""

PARTITION_MAX = 2**16 - 1

EVENT = np.dtype(
    [
        ("time", "i8"),  # event time, UTC ms
        ("watermark", "i8"),  # watermark in force when the record was read, UTC ms
        ("quantity", "i8"),  # thousandths of unit
        ("quantity_open", "i8"),  # thousandths of unit not yet shipped, or a daily sum's largest line; NOT_GIVEN
        ("price", "f8"),  # per unit; NaN unknown
        ("row_hi", "u8"),  # 128-bit key of (sku, location): the high half is the hash of the sku
        ("row_lo", "u8"),
        ("line_hi", "u8"),  # 128-bit key of (order_id, line, sku), or of (event_id) where there is no order_id
        ("line_lo", "u8"),
        ("id_hi", "u8"),  # 128-bit key of (event_id)
        ("id_lo", "u8"),
        ("party", "u8"),  # 64-bit hash: the customer of an order (0 unknown); the location in other topics
        ("offset", "i8"),
        ("unit", "S8"),
        ("requested_day", "i4"),  # days since 1970-01-01; NO_DAY: none
        ("version", "i4"),  # line version; order lines of a daily sum
        ("partition", "u2"),
        ("kind", "u1"),
        ("topic", "u1"),
        ("flags", "u1"),  # PROMOTED, NO_LINE, DERIVED, NOT_RESTOCKED, KIT, SUPERSEDED
        ("currency", "S3"),
    ],
    align=True,
)
"""128 bytes without gaps, two cache lines, every field of eight bytes on whole words."""

NO_TRACES: Mapping[TopicPartitionOffset, str] = {}


class CurrencyHeard(msgspec.Struct, frozen=True, tag="currency.heard", tag_field="event_type"):
    """A source group's notice to every shard: the first event that names a currency.

    It travels as an infrequent event and is not an input event, so it is not counted.
    """

    currency: str


class InfrequentEvent(NamedTuple):
    """An infrequent event with its origin. ``event`` is a contract struct, ``trace`` its W3C traceparent.

    ``named`` are the SKU and the substitute's SKU of the message where a successor stands for one of them in ``event``;
    empty texts stand for themselves.
    """

    event: Any
    time: int
    watermark: int
    topic: int
    partition: int
    offset: int
    trace: str | None = None
    named: tuple[str, str] = ("", "")


HEARD_SHIPMENT, HEARD_DELIVERY, HEARD_COUNT = 1, 2, 4
"""Kinds of events that tell what became of the order lines of a location."""


class LocationHeard(msgspec.Struct, frozen=True, tag="location.heard", tag_field="event_type"):
    """A source group's notice to every shard: the first event of a kind of a location (``HEARD_...``).

    It travels as an infrequent event and is not an input event, so it is not counted.
    """

    location: str
    kind: int


class SuccessionHeard(msgspec.Struct, frozen=True, tag="succession.heard", tag_field="event_type"):
    """A source group's notice to every shard: an item has a successor from ``since`` on (watermark, UTC ms).

    Without ``since`` the successor is withdrawn. ``refused`` says why the record changes nothing, if it does not. It
    travels as an infrequent event and is not an input event, so it is not counted.
    """

    old: str
    successor: str
    since: int | None
    event_id: str
    refused: str = ""


class ExceptionPublished(msgspec.Struct, frozen=True, tag="exception.published", tag_field="event_type"):
    """A source group's notice to the shard of ``owner_sku`` (None: to every shard): an exception that an earlier run
    has left in the topic, with its state there.

    It travels as an infrequent event and is not an input event, so it is not counted.
    """

    owner_sku: str | None
    state: ExceptionState


class HistoryHeard(msgspec.Struct, frozen=True, tag="history.heard", tag_field="event_type"):
    """A source group's notice to every shard, before its first event: all before ``until`` (UTC ms) is history.

    The input begins with a snapshot that was taken then. The notice travels as an infrequent event and is not an input
    event, so it is not counted.
    """

    until: int


def history_notices(ends: Iterable[int]) -> list[InfrequentEvent]:
    """The notice about inputs whose snapshots were taken at ``ends``; none if there are no snapshots."""
    until = max(ends, default=BEFORE_ALL)
    notice = InfrequentEvent(HistoryHeard(until), BEFORE_ALL, BEFORE_ALL, Topic.ORDERS, 0, 0)
    return [notice] if until > BEFORE_ALL else []


class Batch(NamedTuple):
    """Events for one machine: records in reading order, and infrequent events, each with the index of the record behind
    it.

    - ``watermark``: the watermark after the last message of the block (rejects included); every machine advances to it.
    - ``final``: the input has ended; the clock advances to ``watermark``, and days that end until then are closed.
    - ``reconciliation`` (0: none): requests the outcome counts after this batch.
    - ``group``: number of the source group that read the batch.
    - ``progress``: UTC ms; except for late events, the group sends no earlier event time after this batch.
    - ``newest_time``: newest event time of the batch.
    - ``reference_read``: the group has sent all reference records that existed when the run began.
    - ``traces``: W3C traceparents of records; most messages have none, so they are not in the record.
    - ``texts``: texts of all records, and maybe of others.
    - ``purchases``: records of `PURCHASE` of the purchase-order events of all shards, in reading order.
    """

    records: NDArray[Any]
    infrequent: list[tuple[int, InfrequentEvent]]
    watermark: int
    final: bool = False
    reconciliation: int = 0
    group: int = 0
    traces: Mapping[TopicPartitionOffset, str] = NO_TRACES
    texts: tuple[TextTable, ...] = NO_TEXTS
    progress: int = BEFORE_ALL
    newest_time: int = BEFORE_ALL
    reference_read: bool = False
    purchases: NDArray[Any] = NO_PURCHASES


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """A refused message: original bytes, origin, and reason."""

    value: bytes
    headers: dict[str, bytes]
    topic: str
    partition: int
    offset: int
    time: int
    reason: Reason
    field: str | None
    required: str
    got: str
    key: bytes | None = None
