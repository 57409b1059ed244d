"""The simulated supply side is consistent with itself and with the orders.

An auditor with a notebook finds every unit.
"""

from collections import Counter
from typing import Any

import msgspec
import numpy as np
import pytest

from flows.demo.delays import load_delays
from flows.demo.inputs import LOCATION, SEED
from flows.demo.order_lines import Lines, order_ndjson
from flows.demo.retail import Retail
from flows.demo.supply_events import inventory_ndjson, reference_ndjson, shipment_ndjson, supplier_ndjson
from flows.demo.supply_side import DELAY_DAYS, ITEMS_MAX, MISSING_SHARE_MAX, Supply, simulate_supply
from flows.demo.surges import Surge
from sensing.contracts.inventory import InventoryEvent
from sensing.contracts.orders import OrderEvent
from sensing.contracts.reference import ItemUpdated, LocationUpdated, ReferenceRecord, SupplierUpdated
from sensing.contracts.shipments import ShipmentEvent
from sensing.contracts.suppliers import SupplierEvent


def decoded(content: bytes, kind: Any) -> list[Any]:
    """Events of a file, each decoded by its contract."""
    decoder = msgspec.json.Decoder(kind)
    return [decoder.decode(line) for line in content.splitlines()]


@pytest.fixture(scope="session")
def events(supply: Supply, planted: tuple[Lines, list[Surge]]) -> dict[str, list[Any]]:
    """All events of autumn by topic."""
    return {
        "orders": decoded(order_ndjson(planted[0]), OrderEvent),
        "shipments": decoded(shipment_ndjson(supply), ShipmentEvent),
        "suppliers": decoded(supplier_ndjson(supply), SupplierEvent),
        "inventory": decoded(inventory_ndjson(supply), InventoryEvent),
    }


def of_type(events: list[Any], tag: str) -> list[Any]:
    """Events of one type."""
    return [event for event in events if event.__struct_config__.tag == tag]


def test_files_are_in_event_time_order_and_ids_are_unique(events: dict[str, list[Any]]) -> None:
    """Every file is in the order of event times, and no two events share an id."""
    for topic, of_topic in events.items():
        times = [event.event_time for event in of_topic]
        assert times == sorted(times), topic
    ids = [event.event_id for of_topic in events.values() for event in of_topic]
    assert len(set(ids)) == len(ids)


def test_everything_simulated_says_so(events: dict[str, list[Any]]) -> None:
    """Ids of all events outside topic orders begin with SIM, and so do suppliers and purchase orders."""
    for topic in ("shipments", "suppliers", "inventory"):
        assert all(event.event_id.startswith("SIM-") for event in events[topic])
    assert all(event.po_id.startswith("SIM-") and event.supplier.startswith("SIM-") for event in events["suppliers"])


def test_stock_balances(events: dict[str, list[Any]]) -> None:
    """Counting shipments, receipts and returns from the opening stock, no row falls below zero and counts find 0 to 2 %
    missing.
    """
    stock: dict[str, float] = {}
    drifts = 0
    moves = [event for topic in ("inventory", "orders", "shipments", "suppliers") for event in events[topic]]
    for event in sorted(moves, key=lambda event: event.event_time):
        tag = event.__struct_config__.tag
        if event.location != LOCATION or (event.sku not in stock and tag != "inventory.counted"):
            continue
        if tag == "inventory.counted":
            before = stock.get(event.sku, event.quantity)
            assert before * (1 - MISSING_SHARE_MAX) - 1 < event.quantity <= before
            drifts += event.quantity < before
            stock[event.sku] = event.quantity
        elif tag in ("po.received", "order.returned"):
            stock[event.sku] += event.quantity
        elif tag == "shipment.shipped":
            stock[event.sku] -= event.quantity
        assert stock[event.sku] >= 0
    assert len(stock) == ITEMS_MAX
    assert drifts > 0


def test_shipments_serve_order_lines(events: dict[str, list[Any]]) -> None:
    """A line ships after it was ordered, never more than its quantity, and not at all if it is cancelled at any
    time.
    """
    lines = {(event.order_id, event.line): event for event in of_type(events["orders"], "order.placed")}
    cancelled = {(event.order_id, event.line) for event in of_type(events["orders"], "order.cancelled")}
    shipped: Counter[tuple[str, str]] = Counter()
    for event in events["shipments"]:
        name = (event.order_id, event.line)
        shipped[name] += event.quantity
        assert event.event_time > lines[name].event_time
        assert (event.sku, event.location) == (lines[name].sku, lines[name].location)
        assert name not in cancelled
    assert all(quantity <= lines[name].quantity for name, quantity in shipped.items())
    assert sum(shipped[name] == lines[name].quantity for name in shipped) > 0.99 * len(shipped)


def test_pieces_add_up_to_what_left(supply: Supply, events: dict[str, list[Any]]) -> None:
    """Shipments of items with a supply side add up to the units that left the simulated stock."""
    stocked = {supply.shippable.skus[item] for item in supply.rows.item}
    units = [event.quantity for event in events["shipments"] if event.sku in stocked and event.location == LOCATION]

    assert sum(units) == supply.shipped.sum()


def test_purchase_orders_live_in_order(events: dict[str, list[Any]]) -> None:
    """A purchase order is placed, confirmed, perhaps delayed, and received at most once over, the last receipt saying
    so.
    """
    lives: dict[str, list[Any]] = {}
    for event in events["suppliers"]:
        lives.setdefault(event.po_id, []).append(event)
    complete = 0
    for life in lives.values():
        tags = [event.__struct_config__.tag for event in life]
        assert tags[0] == "po.placed"
        assert tags.count("po.placed") == 1
        assert tags.count("po.confirmed") <= 1
        receipts = of_type(life, "po.received")
        received = sum(event.quantity for event in receipts)
        assert received <= life[0].quantity
        assert [event.last for event in receipts] == [False] * (len(receipts) - 1) + [
            received == life[0].quantity
        ] * bool(receipts)
        complete += received == life[0].quantity
    assert complete > 0.7 * len(lives)
    assert any(len(of_type(life, "po.received")) == 2 for life in lives.values())


def test_one_supplier_is_late_once(supply: Supply, events: dict[str, list[Any]]) -> None:
    """The planted delay concerns open orders of one supplier, is announced on one day, and holds."""
    delay = supply.delay
    assert delay is not None
    delayed = of_type(events["suppliers"], "po.delayed")

    assert len(delayed) == len(delay.purchases) >= 5
    assert len({(event.supplier, event.event_time.date()) for event in delayed}) == 1
    for purchase in delay.purchases:
        assert purchase.delayed_to_day is not None
        assert 0 <= purchase.delayed_to_day - (purchase.promised_day + DELAY_DAYS) <= 2
        assert all(day >= purchase.placed_day + DELAY_DAYS for day, _ in purchase.received)


def test_lateness_is_that_of_real_suppliers(supply: Supply) -> None:
    """Receipts scatter around their promise as the drawn delays do, the planted delay left out."""
    usual = [p for p in supply.purchases if p.received and p.delayed_to_day is None]
    late = np.array([p.received[0][0] - p.promised_day for p in usual])
    # A receipt that falls on a closed day waits for the next trading day, so only clear lateness is compared.
    assert abs((late > 3).mean() - (load_delays() > 3).mean()) < 0.05
    assert late.max() <= 30 + 12


def test_shipped_delays_are_sane() -> None:
    """The array of delays is sorted, within its stated bounds, and has both early and late ones."""
    delays = load_delays()

    assert len(delays) == 23_325
    assert (np.diff(delays) >= 0).all()
    assert -14 <= delays.min() < 0
    assert 0 < delays.max() <= 30


def test_reference_names_everything(supply: Supply, planted: tuple[Lines, list[Surge]]) -> None:
    """Every location, supplier and ordered item has its record, in force from the beginning, and items have a price."""
    records = decoded(reference_ndjson(planted[0], supply), ReferenceRecord)
    items = [record for record in records if isinstance(record, ItemUpdated)]

    assert all(record.event_time is None for record in records)
    assert {record.time_zone for record in records if isinstance(record, LocationUpdated)} == {"Europe/London"}
    assert all(record.lead_time_days for record in records if isinstance(record, SupplierUpdated))
    assert {record.sku for record in items} == {planted[0].skus[item] for item in planted[0].item[planted[0].kind == 0]}
    assert sum(record.supplier is not None for record in items) == ITEMS_MAX
    assert all(record.unit_price for record in items)


def test_cancelled_lines_leave_no_trace(winter: Retail) -> None:
    """Without the giant order and its cancellation the whole supply side is the same, byte for byte."""
    ordinary = winter.lines.take(winter.lines.quantity < 50_000)
    with_giants, without = (simulate_supply(lines, LOCATION, load_delays(), SEED) for lines in (winter.lines, ordinary))

    assert winter.lines.size() == ordinary.size() + 2
    for encode in (shipment_ndjson, supplier_ndjson, inventory_ndjson):
        assert encode(with_giants) == encode(without)
