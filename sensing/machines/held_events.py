"""Held events: what is said about one, and the batch in which released ones are applied. `unknown_names` uses it."""

import math
from typing import NamedTuple

import numpy as np

from sensing.codec.event_record import EVENT, THOUSANDTHS, Batch, InfrequentEvent, Kind
from sensing.codec.shard_split import sku_of_event
from sensing.codec.text_table import TextTable
from sensing.detection.master_data import HUNDREDTHS, SUM_MAX
from sensing.state.quarantine import HeldEvent


class Facts(NamedTuple):
    """What a record and an infrequent event say alike.

    Of an order placed also its quantity in thousandths of its unit, and its value in hundredths of its currency.
    """

    event_id: str
    time: int
    sku: str | None
    location: str | None
    supplier: str | None
    quantity: int | None = None
    unit: str = ""
    money: int | None = None
    currency: str = ""


def facts_of(event: HeldEvent) -> Facts:
    """Facts of an event."""
    if event.infrequent is not None:
        given = event.infrequent.event
        names = (sku_of_event(given), getattr(given, "location", None), getattr(given, "supplier", None))
        return Facts(given.event_id, event.infrequent.time, *names)
    assert event.record is not None, "an event is a record or infrequent"
    assert event.texts is not None, "a record has texts"
    record, texts = event.record[0], event.texts
    facts = Facts(texts.event_id, int(record["time"]), texts.sku, texts.location, None)
    if record["kind"] != Kind.PLACED:
        return facts
    units, price = int(record["quantity"]), float(record["price"])
    money = None if math.isnan(price) else min(round(units / THOUSANDTHS * price * HUNDREDTHS), SUM_MAX)
    unit, currency = bytes(record["unit"]).decode(), bytes(record["currency"]).decode()
    return facts._replace(quantity=units, unit=unit, money=money, currency=currency)


def as_batch(events: list[HeldEvent], clock: int) -> Batch:
    """Events in order of arrival as one batch, read at ``clock`` (UTC ms)."""
    records = [event for event in events if event.record is not None]
    joined = np.concatenate([np.empty(0, EVENT), *(event.record for event in records if event.record is not None)])
    joined["watermark"] = clock
    infrequent: list[tuple[int, InfrequentEvent]] = []
    before = 0
    for event in events:
        if event.infrequent is None:
            before += 1
        else:
            infrequent.append((before, event.infrequent._replace(watermark=clock)))
    places = list(zip(joined["topic"].tolist(), joined["partition"].tolist(), joined["offset"].tolist(), strict=True))
    traces = {
        place: event.trace for place, event in zip(places, records, strict=True) if event.trace is not None
    }  # fmt: skip
    texts = TextTable.of(places, [event.texts for event in records if event.texts is not None])
    return Batch(joined, infrequent, clock, traces=traces, texts=texts)
