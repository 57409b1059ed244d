"""The opening state of a business, made from its tables and its history as the page "Going live" says."""

import datetime as dt
from collections import defaultdict
from pathlib import Path
from typing import Any

import orjson

from tests.opening.business import FIRST, OPENING, ZONES, Business, Event, instant, keys, stamp

Topics = dict[str, list[Event]]


def is_live(event: Event) -> bool:
    """Whether an event happened after the opening, which is at the start of a local day."""
    return dt.datetime.fromisoformat(event["event_time"]) >= instant(event["location"], OPENING)


def daily_sums(before: Business, history: list[tuple[str, Event]]) -> list[Event]:
    """Demand of the days before the opening: what was ordered, less what was cancelled, and what was sent to others."""
    ordered: dict[tuple[str, str, dt.date], list[float]] = defaultdict(list)
    for line in before.lines:
        quantity = line.shipped if line.cancelled else line.quantity
        if quantity > 0:
            ordered[line.sku, line.location, line.placed.astimezone(ZONES[line.location]).date()].append(quantity)
    for _, event in history:
        if event["event_type"] == "shipment.transferred":
            at = dt.datetime.fromisoformat(event["event_time"]).astimezone(ZONES[event["location"]])
            ordered[event["sku"], event["location"], at.date()].append(event["quantity"])
    return [
        {"event_id": f"d|{sku}|{location}|{day}", "event_type": "demand.daily", "sku": sku, "location": location,
         "event_time": stamp(instant(location, day)), "quantity": sum(lines), "order_lines": len(lines),
         "largest_line": max(lines), "unit_price": 9.5, "currency": "EUR"}
        for (sku, location, day), lines in ordered.items()
    ]  # fmt: skip


def open_lines(before: Business) -> list[Event]:
    """Order lines with something to ship."""
    return [
        {"event_id": f"open|{line.order_id}", "event_type": "order.placed", "event_time": stamp(line.placed),
         **keys(line), "line_version": line.version, "quantity": line.quantity, "quantity_open": line.open,
         "requested_date": line.due.isoformat(), "unit_price": 9.5, "currency": "EUR"}
        for line in before.lines if line.open > 0
    ]  # fmt: skip


def purchases(before: Business, history: list[tuple[str, Event]]) -> list[Event]:
    """Finished purchase orders as they happened, which teach lead times; open ones as they stand."""
    still_open = {order.po_id: order for order in before.purchases if order.received < order.quantity}
    found: list[Event] = []
    for topic, event in history:
        order = still_open.get(event["po_id"]) if topic == "suppliers" else None
        if topic == "suppliers" and order is None:
            found.append(event)
        elif order is not None and event["event_type"] == "po.placed":
            found.append({**event, "quantity_open": order.quantity - order.received})
    return found


def counts(before: Business) -> list[Event]:
    """Stock in the evening of the days without any, of the day after, and of the last day."""
    found: list[Event] = []
    for number, stock in enumerate(before.evenings):
        day, earlier = FIRST + dt.timedelta(days=number), before.evenings[max(number - 1, 0)]
        found += [
            {"event_id": f"c|{sku}|{location}|{day}", "event_type": "inventory.counted", "sku": sku,
             "location": location, "event_time": stamp(instant(location, day, 23.9)), "quantity": quantity}
            for (sku, location), quantity in stock.items()
            if sku != "SET" and (number == len(before.evenings) - 1 or quantity <= 0 or earlier[sku, location] <= 0)
        ]  # fmt: skip
    return found


def opened(before: Business, whole: Business) -> Topics:
    """Topics of an installation that begins with the opening state and goes on with live events."""
    history = [(topic, event) for topic, event in whole.events if not is_live(event)]
    topics: Topics = defaultdict(list)
    topics["orders"] = daily_sums(before, history) + open_lines(before)
    topics["suppliers"] = purchases(before, history)
    topics["inventory"] = counts(before)
    for topic, event in whole.events:
        if is_live(event):
            topics[topic].append(event)
    return topics


def observed(whole: Business) -> Topics:
    """Topics of an installation that saw the whole history."""
    topics: Topics = defaultdict(list)
    for topic, event in whole.events:
        topics[topic].append(event)
    return topics


def write(folder: Path, topics: Topics, reference: list[Event], until: dt.datetime) -> None:
    """Write topics up to an instant as files, each in order of event time."""
    folder.mkdir()
    for topic, events in {**topics, "reference": reference}.items():
        kept = [event for event in events if event.get("event_time", "") < stamp(until)]
        kept.sort(key=_event_time)
        (folder / f"{topic}.ndjson").write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in kept))


def _event_time(event: dict[str, Any]) -> str:
    return str(event.get("event_time", ""))
