"""Live: parameters follow the event that changes them within a second, in Kafka and in Redis."""

import datetime as dt
import statistics
import time
from pathlib import Path
from typing import Any

import orjson
from redis import Redis

from sensing.machine_settings import DAY_MS, HOUR_MS
from tests.flows.kafka.places import produce, until
from tests.flows.kafka.service import Service, records
from tests.flows.kafka.shop import SKUS, cancelled, load_lines, noon_zone, now_ms, shop_days, shop_order
from tests.machines.streams import Line

FREE = 200


def date(days: int) -> str:
    """A date some days ahead."""
    return (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)).isoformat()


def event(kind: str, event_id: str, time_ms: int, sku: str, **fields: Any) -> bytes:
    """A message about an item at the shop's location."""
    about = {"event_id": event_id, "event_type": kind, "event_time": time_ms, "sku": sku, "location": "LON"}
    return orjson.dumps(about | fields)


def history(end: int) -> list[Line]:
    """Sales of 20 days, purchase orders of six days, and a count of 200 of each item."""
    lines = list(shop_days(end, 20))
    place = {"event_id": "l2", "event_type": "location.updated", "location": "LON", "time_zone": noon_zone()}
    lines.append(Line("reference", orjson.dumps(place)))
    for sku in SKUS:
        for n in range(3):
            start, po = end - (19 - 6 * n) * DAY_MS, {"po_id": f"{sku}{n}", "supplier": "ACME", "quantity": 80}
            lines.append(Line("suppliers", event("po.placed", f"p{sku}{n}", start, sku, **po)))
            lines.append(Line("suppliers", event("po.received", f"r{sku}{n}", start + 6 * DAY_MS, sku, **po)))
        lines.append(Line("inventory", event("inventory.counted", f"c{sku}", end, sku, quantity=FREE)))
    return lines


def test_parameters_follow_the_event_within_a_second(
    kafka: str, redis: str, topics: str, keys: str, tmp_path: Path
) -> None:
    """An order of 300 against 200 free: a stock-out. A purchase order that is delayed by 53 days: a longer lead time, a
    higher reorder point, and a stock-out where there was none. Both name the event, and come within a second.
    """
    names = load_lines(kafka, topics, tmp_path / "in", history(now_ms() - HOUR_MS))
    client: Any = Redis.from_url(redis, decode_responses=True)

    def document(sku: str) -> dict[str, Any]:
        found = client.hget(f"{keys}parameters:{sku}/LON", "document")
        return dict(orjson.loads(found)) if found else {}

    def published(topic: str, sku: str, message: bytes) -> tuple[dict[str, Any], float]:
        """The record that names an event as its cause, and the seconds until it was seen in Redis."""
        began, name = time.monotonic(), orjson.loads(message)["event_id"]
        produce(kafka, names[topic], [message])
        until(lambda: name in document(sku)["change"]["cause_event_ids"], lambda: time.sleep(0.005), seconds=15)
        return document(sku), time.monotonic() - began

    with Service(kafka, topics, tmp_path, redis=redis, keys=keys) as service, client:
        service.ready()
        until(lambda: all(document(sku) for sku in SKUS), seconds=60)
        seconds = []
        for number, sku in enumerate(SKUS):
            order = shop_order(number, now_ms(), sku, event_id=f"big-{sku}", order_id=f"big-{sku}", quantity=300)
            found, took = published("orders", sku, order)
            seconds.append(took)
            assert "large_order" in found["change"]["triggers"]
            assert found["stock"]["stockout_date"] is not None
        assert statistics.median(seconds) <= 1.0, seconds

        produce(kafka, names["orders"], [cancelled("big-HOSE", now_ms(), "HOSE")])
        po = {"po_id": "BIG", "supplier": "ACME"}
        placed = event("po.placed", "placed", now_ms(), "HOSE", promised_date=date(6), quantity=500, **po)
        before, _ = published("suppliers", "HOSE", placed)
        assert before["stock"]["stockout_date"] is None
        time.sleep(10.0)  # it is planned once in ten seconds
        late, took = published(
            "suppliers", "HOSE", event("po.delayed", "late", now_ms(), "HOSE", promised_date=date(59), **po)
        )
        assert took <= 2.0
        assert late["proposed"]["lead_time_days_mean"] > before["proposed"]["lead_time_days_mean"]
        assert late["proposed"]["reorder_point"] > before["proposed"]["reorder_point"]
        assert late["stock"]["stockout_date"] is not None
        assert service.stop() == 0
    in_kafka = {cause for record in records(kafka, f"{topics}planning-parameters")
                for cause in record.data["change"]["cause_event_ids"]}  # fmt: skip
    assert {"late", "placed", *(f"big-{sku}" for sku in SKUS)} <= in_kafka
