"""Events of the simulated supply side as NDJSON in event-time order: topics ``shipments``, ``suppliers``, ``inventory``
and ``reference``. `flows.demo.inputs` writes them.
"""

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from flows.demo.clock import DAY_MINUTES, ZONE_NAME, date_of, rfc3339
from flows.demo.order_lines import CURRENCY, PLACED, Lines
from flows.demo.retail import EXPORT, HOME
from flows.demo.supply_side import CARTON, SHIP_MINUTE, SUPPLIER_LEAD_DAYS, Purchase, Supply, row_of_item, shipping_day

COUNT_MINUTE = 7 * 60
RECEIPT_MINUTE = 7 * 60 + 30
CONFIRM_MINUTE = 9 * 60
DELAY_MINUTE = 10 * 60
SHIPPING_MINUTES = 120
BUY_MINUTE = 20 * 60

Array = NDArray[np.int64]
TimedEvent = tuple[int, dict[str, Any]]


def supplier_name(supplier: int) -> str:
    """Id of a simulated supplier."""
    return f"SIM-SUPPLIER-{supplier + 1:02d}"


def purchase_name(purchase: Purchase) -> str:
    """Id of a simulated purchase order; each has one line."""
    return f"SIM-PO-{purchase.number:05d}"


def delay_event_id(purchase: Purchase) -> str:
    """Id of the event that announces the delay of ``purchase``."""
    return f"{purchase_name(purchase)}-delayed"


def shipment_ndjson(supply: Supply) -> bytes:
    """``shipment.shipped`` events: one per piece of an order line and evening, spread over two hours."""
    shipments = _shipments(supply)
    evenings, evening, pieces = np.unique(shipments.minute, return_inverse=True, return_counts=True)
    number = np.arange(shipments.size()) - (np.cumsum(pieces) - pieces)[evening]
    minutes = np.asarray(evenings[evening] + number * SHIPPING_MINUTES // pieces[evening], dtype=np.int64)
    texts = (
        f'{{"event_id":"SIM-SHIPMENT-{number:07d}","event_type":"shipment.shipped","event_time":"{time}",'
        f'"order_id":"{order}","line":"{line}","sku":"{shipments.skus[item]}",'
        f'"location":"{shipments.locations[place]}","quantity":{quantity}}}\n'
        for number, time, order, line, item, place, quantity in zip(
            range(1, shipments.size() + 1),
            rfc3339(minutes),
            shipments.order.tolist(),
            shipments.line.tolist(),
            shipments.item.tolist(),
            shipments.place.tolist(),
            shipments.quantity.tolist(),
            strict=True,
        )
    )
    return "".join(texts).encode()


def _shipments(supply: Supply) -> Lines:
    """Shipped pieces of order lines by evening: stocked rows first, both groups in the order of their orders."""
    line, at, quantity = shipped_pieces(supply)
    stocked = supply.shippable.take(line)._replace(quantity=quantity, minute=_evening(supply, at))
    stocked = stocked.take(np.lexsort((line, at)))
    at = shipping_day(supply.others, supply.days)
    leaves = at < len(supply.days)
    others = supply.others.take(leaves)._replace(minute=_evening(supply, at[leaves]))
    return stocked.merged([others])


def _evening(supply: Supply, at: Array) -> Array:
    return np.asarray(supply.days[at] * DAY_MINUTES + SHIP_MINUTE)


def shipped_pieces(supply: Supply) -> tuple[Array, Array, Array]:
    """Line (index of ``supply.shippable``), trading day (index) and units of every shipped piece.

    The units of a row are numbered in the order of its orders. A line is a span of these numbers, and so is the
    shipment of one evening. The pieces are the spans between neighbouring borders of either kind. The rows' numbers are
    laid end to end, so that one search covers all rows.
    """
    lines = supply.shippable
    by_row = np.argsort(row_of_item(lines, supply.rows)[lines.item], kind="stable")
    row = row_of_item(lines, supply.rows)[lines.item[by_row]]
    line_end = np.cumsum(lines.quantity[by_row])
    units_of_row = np.bincount(row, weights=lines.quantity[by_row], minlength=len(supply.rows.item)).astype(np.int64)
    row_start = np.cumsum(units_of_row) - units_of_row
    day_end = (row_start + np.cumsum(supply.shipped, axis=0)).T.ravel()
    ends = np.unique(np.concatenate([line_end, day_end]))
    ends = ends[ends > 0]
    starts = np.concatenate([[0], ends[:-1]])
    at_line = np.searchsorted(line_end, ends, "left")
    at_cell = np.minimum(np.searchsorted(day_end, ends, "left"), len(day_end) - 1)
    shipped = (at_cell // len(supply.days) == row[at_line]) & (ends <= day_end[at_cell])
    return by_row[at_line[shipped]], (at_cell % len(supply.days))[shipped], (ends - starts)[shipped]


def supplier_ndjson(supply: Supply) -> bytes:
    """Events of purchase orders: placed, confirmed the next trading morning, delayed if planted, received in one or two
    parts.
    """
    events: list[TimedEvent] = []
    for purchase in supply.purchases:
        events.extend(_purchase_events(supply, purchase))
    return _ndjson(events)


def _purchase_events(supply: Supply, purchase: Purchase) -> list[TimedEvent]:
    spread = purchase.number % 30
    name = purchase_name(purchase)
    promised = date_of(purchase.promised_day)
    common = {
        "po_id": name,
        "supplier": supplier_name(int(supply.rows.supplier[purchase.row])),
        "sku": supply.shippable.skus[supply.rows.item[purchase.row]],
        "location": supply.shippable.locations[supply.rows.place],
    }

    def event(what: str, suffix: str, day: int, minute: int, **fields: object) -> TimedEvent:
        head = {"event_id": f"{name}-{suffix}", "event_type": f"po.{what}"}
        return day * DAY_MINUTES + minute + spread, head | common | fields

    events = [
        event("placed", "placed", purchase.placed_day, BUY_MINUTE, quantity=purchase.quantity, promised_date=promised)
    ]
    after = np.searchsorted(supply.days, purchase.placed_day, "right")
    if after < len(supply.days):
        events.append(event("confirmed", "confirmed", int(supply.days[after]), CONFIRM_MINUTE, promised_date=promised))
    if purchase.delayed_to_day is not None and supply.delay is not None:
        later = date_of(purchase.delayed_to_day)
        events.append(event("delayed", "delayed", supply.delay.day, DELAY_MINUTE, promised_date=later))
    outstanding = purchase.quantity
    for number, (day, quantity) in enumerate(purchase.received, start=1):
        outstanding -= quantity
        events.append(
            event("received", f"received-{number}", day, RECEIPT_MINUTE, quantity=quantity, last=outstanding == 0)
        )
    return events


def inventory_ndjson(supply: Supply) -> bytes:
    """``inventory.counted`` events: opening stocks and stocktakes, before the shop opens."""
    location = supply.shippable.locations[supply.rows.place]
    events: list[TimedEvent] = []
    for day, row, on_hand in supply.counts:
        sku = supply.shippable.skus[supply.rows.item[row]]
        head = {"event_id": f"SIM-COUNT-{sku}-{date_of(day)}", "event_type": "inventory.counted"}
        fields = {"sku": sku, "location": location, "quantity": on_hand}
        events.append((day * DAY_MINUTES + COUNT_MINUTE, head | fields))
    return _ndjson(events)


def reference_ndjson(lines: Lines, supply: Supply) -> bytes:
    """Reference records without event time: locations in the shop's time zone, simulated suppliers, and items with
    their median prices.
    """
    records: list[dict[str, Any]] = [
        {"event_id": f"location-{location}", "event_type": "location.updated", "location": location}
        | {"time_zone": ZONE_NAME, "region": region}
        for location, region in ((HOME, "home"), (EXPORT, "abroad"))
    ]
    records += [
        {"event_id": f"{supplier_name(n)}-1", "event_type": "supplier.updated", "supplier": supplier_name(n)}
        | {"lead_time_days": lead_days}
        for n, lead_days in enumerate(SUPPLIER_LEAD_DAYS)
    ]
    supplier_of_item = dict(zip(supply.rows.item.tolist(), supply.rows.supplier.tolist(), strict=True))
    for item, price in _median_prices(lines):
        sku = lines.skus[item]
        record = {"event_id": f"item-{sku}", "event_type": "item.updated", "sku": sku, "unit_price": price}
        record |= {"base_unit": "EA", "currency": CURRENCY}
        if item in supplier_of_item:
            supplier = supplier_of_item[item]
            record |= {"supplier": supplier_name(supplier), "lead_time_days": SUPPLIER_LEAD_DAYS[supplier]}
            record |= {"order_quantity_multiple": CARTON}
        records.append(record)
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


def _median_prices(lines: Lines) -> list[tuple[int, float]]:
    """Every ordered item with its median price (the lower one of two middle prices)."""
    ordered = lines.take(lines.kind == PLACED)
    order = np.lexsort((ordered.price, ordered.item))
    items, starts, counts = np.unique(ordered.item[order], return_index=True, return_counts=True)
    middle = ordered.price[order][starts + (counts - 1) // 2]
    return list(zip(items.tolist(), middle.tolist(), strict=True))


def _ndjson(events: list[TimedEvent]) -> bytes:
    events.sort(key=lambda event: event[0])
    times = rfc3339(np.array([minute for minute, _ in events], dtype=np.int64))
    timed = zip(times, events, strict=True)
    return b"".join(orjson.dumps(event | {"event_time": time}) + b"\n" for time, (_, event) in timed)
