"""Purchase records: what an event about a purchase-order line tells the pools of suppliers, as a record.

Every shard hears every purchase-order event so (`sensing.codec.purchase_notices`), while the event itself goes to the
shard of its SKU alone.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from sensing.contracts.common import ID_BYTES_MAX, LOCATION_BYTES_MAX, UNIT_BYTES_MAX


class PurchaseKind(IntEnum):
    """Kinds of events about a purchase-order line. Confirmations, delays and shipments promise a day, or nothing."""

    PLACED = 1
    PROMISED = 2
    RECEIVED = 3
    CANCELLED = 4


class Purchase(NamedTuple):
    """The fields of a purchase record, in its order, as Python values."""

    time: int
    watermark: int
    quantity: float
    order: int
    line: int
    event: int
    promised_day: int
    kind: int
    ends: int
    unit: bytes
    location: bytes
    supplier: bytes


PURCHASE = np.dtype(
    [
        ("time", "i8"),  # event time, UTC ms
        ("watermark", "i8"),  # watermark in force when the event was read, UTC ms
        ("quantity", "f8"),  # in the unit of the event; 0 if it states none
        ("order", "u8"),  # hash of the id of the purchase order
        ("line", "u8"),  # hash of the line's name, which defaults to its SKU
        ("event", "u8"),  # hash of the event's id
        ("promised_day", "i4"),  # days since 1970-01-01; NO_DAY: none
        ("kind", "u2"),  # of `PurchaseKind`
        ("ends", "u2"),  # 1: nothing more will arrive of the line
        ("unit", f"S{UNIT_BYTES_MAX}"),
        ("location", f"S{LOCATION_BYTES_MAX}"),
        ("supplier", f"S{ID_BYTES_MAX}"),  # empty: not named
    ],
    align=True,
)
assert PURCHASE.names == Purchase._fields
# Copies leave unused bytes as they were in memory, but saved states of equal machines must be equal.
assert PURCHASE.itemsize == sum(PURCHASE[name].itemsize for name in Purchase._fields)

NO_PURCHASES = np.zeros(0, PURCHASE)
