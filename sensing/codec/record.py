"""The record that frequent events become, and the batch that travels through the flow.

One record per event, fixed width, so that a scanner over message memory can fill it as well as a decoder. It holds
hashes, numbers and codes; texts are in tables of their own (see ``text_table``) and are found by topic, partition and
offset.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.text_table import NO_TEXTS, Place, TextTable
from sensing.contracts import inventory, orders, reference, shipments, suppliers
from sensing.contracts.dead_letters import Reason
from sensing.contracts.topics import INPUTS


class Kind(IntEnum):
    """Frequent kinds; every other event is rare and travels as a struct."""

    PLACED = 1
    CHANGED = 2
    CANCELLED = 3
    RETURNED = 4
    LOST = 5
    SHIPPED = 6
    COUNTED = 7
    ADJUSTED = 8


TOPICS = tuple(INPUTS)
"""Input topics by number, in merge order."""


class Topic(IntEnum):
    """Numbers of the input topics that code names."""

    INVENTORY = TOPICS.index(inventory.SPEC.name)
    ORDERS = TOPICS.index(orders.SPEC.name)
    REFERENCE = TOPICS.index(reference.SPEC.name)
    SHIPMENTS = TOPICS.index(shipments.SPEC.name)
    SUPPLIERS = TOPICS.index(suppliers.SPEC.name)


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
        ("price", "f8"),  # per unit; NaN unknown
        ("row_hi", "u8"),  # 128-bit key of (sku, location): the high half is the hash of the sku
        ("row_lo", "u8"),
        ("line_hi", "u8"),  # 128-bit key of (order_id, line, sku), or of (event_id) where there is no order_id
        ("line_lo", "u8"),
        ("id_hi", "u8"),  # 128-bit key of (event_id)
        ("id_lo", "u8"),
        ("customer", "u8"),  # 64-bit hash, 0 unknown
        ("offset", "i8"),
        ("unit", "S8"),
        ("requested_day", "i4"),  # days since 1970-01-01; NO_DAY: none
        ("version", "i4"),  # line version
        ("partition", "u2"),
        ("kind", "u1"),
        ("topic", "u1"),
        ("promoted", "u1"),  # 1 where the order names a promotion
        ("currency", "S3"),
    ],
    align=True,
)
"""120 bytes without gaps, every field of eight bytes on whole words."""

NO_TRACES: Mapping[Place, str] = {}


class Rare(NamedTuple):
    """A rare event with where it came from; ``event`` is one of the contract structs, ``trace`` its W3C traceparent."""

    event: Any
    time: int
    watermark: int
    topic: int
    partition: int
    offset: int
    trace: str | None = None


class Batch(NamedTuple):
    """What one step hands to the next: records in reading order, and rare events.

    A rare event comes with the index of the record that it comes before.

    ``watermark`` is the one in force after the last message of the block (rejects included): the tick for every
    machine. ``final`` marks the end of the input: the clock runs on to ``watermark``, and whatever is due at that
    instant or before closes. ``account`` (0: none) asks for the outcome counts as they are behind this batch, ``group``
    is the number of the source group that read it. ``progress`` is how far that group could send (UTC ms): nothing that
    is still to come from it is earlier in event time, late events aside. ``reach`` is the event time up to which this
    batch goes. ``reference_read`` says that the group has sent the reference as it was when the run began. ``traces``
    has the W3C traceparent of those records whose message came with one: records have a fixed width, and most messages
    have none. ``texts`` has the texts of all records, and perhaps of others.
    """

    records: NDArray[Any]
    rare: list[tuple[int, Rare]]
    watermark: int
    final: bool = False
    account: int = 0
    group: int = 0
    traces: Mapping[Place, str] = NO_TRACES
    texts: tuple[TextTable, ...] = NO_TEXTS
    progress: int = BEFORE_ALL
    reach: int = BEFORE_ALL
    reference_read: bool = False


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """A message that was not taken: as it came, from where, and why."""

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
