"""Conversion of decoded frequent events to columns of event records and to text entries, with the contract's defaults.

Without ``order_id`` an event is its own line: version 1, whatever ``line_version`` says. ``line`` is the sku where none
is given. A cancellation without a version comes after all others. Events that are keyed by their ``event_id``
(returned, lost, shipped, counted, adjusted) have version 1; a shipment names the order line it serves by ``order_id``
and ``line``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, NO_DAY, NOT_GIVEN, NOT_RESTOCKED, PROMOTED, Kind
from sensing.codec.identifiers import column, text_hashes
from sensing.codec.instants import days
from sensing.codec.keys import fill_keys, joined
from sensing.codec.swar import Bytes
from sensing.codec.thousandths import exact_thousandths, thousandths
from sensing.contracts.common import VERSION_LAST
from sensing.contracts.inventory import Adjusted, Counted
from sensing.contracts.orders import (
    DemandDaily,
    OrderCancelled,
    OrderChanged,
    OrderClosed,
    OrderLost,
    OrderPlaced,
    OrderReturned,
)
from sensing.contracts.shipments import Shipped

KINDS: dict[type, Kind] = {
    OrderPlaced: Kind.PLACED,
    OrderChanged: Kind.CHANGED,
    DemandDaily: Kind.DAILY,
    OrderCancelled: Kind.CANCELLED,
    OrderClosed: Kind.CLOSED,
    OrderReturned: Kind.RETURNED,
    OrderLost: Kind.LOST,
    Shipped: Kind.SHIPPED,
    Counted: Kind.COUNTED,
    Adjusted: Kind.ADJUSTED,
}
"""Frequent event types; events of all other types travel as structs."""

VERSIONED = (Kind.PLACED, Kind.CHANGED, Kind.CANCELLED, Kind.CLOSED)

Records = NDArray[Any]
Events = Sequence[Any]


def fill(records: Records, topic: str, events: Events, kinds: NDArray[np.uint8]) -> tuple[Bytes, NDArray[np.uint32]]:
    """Fill the fields of events into ``records``. The caller fills event time, topic, partition and offset.

    Returns the text entries of the records, and the start of each.

    Parameters
    ----------
    records
        EVENT, zeroed, one per event.
    topic
        Topic of all events; events of a topic have the same fields.
    events
        Structs of the types in ``KINDS``.
    kinds
        Kind of every event.
    """
    records["kind"] = kinds
    _put(records, "unit", [event.unit_of_measure for event in events])
    quantities = np.fromiter([event.quantity for event in events], np.float64, len(events))
    records["quantity"] = thousandths(quantities)
    records["version"] = 1
    records["price"] = np.nan
    records["requested_day"] = NO_DAY
    records["quantity_open"] = NOT_GIVEN
    if topic == "orders":
        _fill_order(records, events, kinds)
    else:
        records["party"] = text_hashes([event.location for event in events])
    texts: list[str] = []
    for event in events:
        order_id, line = getattr(event, "order_id", None) or "", getattr(event, "line", None) or ""
        customer = getattr(event, "customer", None) or ""
        texts += (event.sku, event.location, order_id, line, event.event_id, customer)
    return fill_keys(records, *joined(texts))


def _fill_order(records: Records, events: Events, kinds: NDArray[np.uint8]) -> None:
    """Fill the fields of orders."""
    count = len(events)
    versions = list(map(_version, events, kinds.tolist()))
    records["version"] = np.fromiter(versions, np.int32, count)
    prices = [np.nan if event.unit_price is None else event.unit_price for event in events]
    records["price"] = np.fromiter(prices, np.float64, count) + 0.0  # A price of -0.0 becomes 0.0.
    records["requested_day"] = days([getattr(event, "requested_date", None) for event in events])
    records["party"] = text_hashes([getattr(event, "customer", None) or "" for event in events])
    records["flags"] = list(map(_flags, events))
    stated = [getattr(event, "largest_line" if kind == Kind.DAILY else "quantity_open", None) for kind, event in
              zip(kinds.tolist(), events, strict=True)]  # fmt: skip
    records["quantity_open"] = [NOT_GIVEN if each is None else exact_thousandths(each) for each in stated]
    _put(records, "currency", [event.currency or "" for event in events])


def _version(event: Any, kind: int) -> int:
    """Version of an order event; order lines of a daily sum."""
    if kind == Kind.DAILY:
        lines: int = event.order_lines
        return lines
    return (event.line_version or VERSION_LAST) if kind in VERSIONED and event.order_id else 1


def _flags(event: Any) -> int:
    """Flags of an order event that its fields say."""
    promoted = PROMOTED if getattr(event, "promotion", None) is not None else 0
    return promoted | (0 if getattr(event, "restocked", True) else NOT_RESTOCKED)


def _put(records: Records, field: str, texts: Sequence[str]) -> None:
    records[field] = column(texts, EVENT[field].itemsize)
