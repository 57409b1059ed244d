"""Notices of the first shipment, delivery and count of a location."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec import location_notices
from sensing.codec.event_record import (
    HEARD_COUNT,
    HEARD_DELIVERY,
    HEARD_SHIPMENT,
    Batch,
    InfrequentEvent,
    LocationHeard,
)
from sensing.codec.location_notices import LocationNotices
from sensing.codec.shard_split import split
from tests.machines.streams import MONDAY, Line, Stream, line

KINDS = {
    "shipment.shipped": HEARD_SHIPMENT, "shipment.delivered": HEARD_DELIVERY, "inventory.counted": HEARD_COUNT,
}  # fmt: skip
OTHERS = ("order.placed", "inventory.adjusted", "shipment.backordered", "location.updated")
SHARDS = 3

messages = st.lists(
    st.tuples(st.sampled_from((*KINDS, *OTHERS)), st.sampled_from("LMN\u00e9"), st.sampled_from("ABC")),
    min_size=1,
    max_size=14,
)


def stream_of(given_messages: Iterable[tuple[str, str, str]]) -> Stream:
    """Messages of a type, a location and a SKU, a minute apart, each of which moves the watermark."""
    lines: list[Line] = []
    for number, (kind, location, sku) in enumerate(given_messages):
        keys = {"location": location} if kind == "location.updated" else {"location": location, "sku": sku}
        more = {} if kind == "location.updated" else {"quantity": 1}
        lines.append(line(kind, f"e{number}", MONDAY + number * 3_600_000, **keys, **more))
    return Stream(lines)


def sequence(batches: Iterable[Batch]) -> list[Any]:
    """Everything in the order in which a machine takes it: notices, and where each event was read."""
    found: list[Any] = []
    for batch in batches:
        places = list(zip(*(batch.records[name].tolist() for name in ("topic", "partition", "offset")), strict=True))
        items: list[tuple[int, int, Any]] = [(at, 1, ("record", *place)) for at, place in enumerate(places)]
        for before, item in batch.infrequent:
            place = (item.topic, item.partition, item.offset)
            what = (item.event, *place) if isinstance(item.event, LocationHeard) else ("infrequent", *place)
            items.append((before, 0, what))
        found += [what for _, _, what in sorted(items, key=lambda each: each[:2])]
    return found


def cuts_of(stream: Stream, cuts: Iterable[int]) -> list[Batch]:
    """A stream cut into batches."""
    bounds = [0, *sorted(cuts), len(stream)]
    return [stream.cut(start, stop) for start, stop in pairwise(bounds)]


@given(messages, st.data())
def test_the_first_of_each_kind_is_announced_in_front_of_it(
    given_messages: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    """Once per location and kind, right in front of the event that causes it, however the stream is cut into batches.

    Nothing else changes its place, and the watermarks of what a machine takes never fall.
    """
    stream = stream_of(given_messages)
    expected, known = [], set()
    for (kind, location, _), plain in zip(
        given_messages, sequence(cuts_of(stream, range(1, len(stream)))), strict=True
    ):
        if kind in KINDS and (kind, location) not in known:
            known.add((kind, location))
            expected.append((LocationHeard(location, KINDS[kind]), *plain[1:]))
        expected.append(plain)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=4))
    notices = LocationNotices()
    announced = [notices.announce(batch) for batch in cuts_of(stream, cuts)]
    assert sequence(announced) == expected
    marks = []
    for batch in announced:
        at = [(k, 1, int(mark)) for k, mark in enumerate(batch.records["watermark"])]
        at += [(before, 0, item.watermark) for before, item in batch.infrequent]
        marks += [mark for *_, mark in sorted(at, key=lambda each: each[:2])]
    assert marks == sorted(marks)


@given(messages)
def test_every_shard_hears_the_same(given_messages: list[tuple[str, str, str]]) -> None:
    """A notice goes to all shards, in front of its event, with the event's time and watermark and without its trace."""
    stream = stream_of(given_messages)
    whole = stream.cut(0, len(stream))
    batch = LocationNotices().announce(whole)
    parts = split(batch, SHARDS)
    heard = [item for _, item in batch.infrequent if isinstance(item.event, LocationHeard)]
    for part in parts:
        assert [item for _, item in part.infrequent if isinstance(item.event, LocationHeard)] == heard
    times = {(int(r["topic"]), int(r["offset"])): (int(r["time"]), int(r["watermark"])) for r in whole.records}
    times |= {(item.topic, item.offset): (item.time, item.watermark) for _, item in whole.infrequent}
    for item in heard:
        assert (item.time, item.watermark) == times[item.topic, item.offset]
        assert item.trace is None


def test_a_batch_without_a_first_is_passed_on_as_it_is() -> None:
    """What was announced is not announced again, and the batch is the same object."""
    stream = stream_of(
        [("shipment.shipped", "L", "A"), ("shipment.delivered", "L", "A"), ("inventory.counted", "L", "A")]
    )
    notices, batch = LocationNotices(), stream.cut(0, 3)
    assert len(notices.announce(batch).infrequent) == 4
    assert notices.announce(batch) is batch
    empty = Batch(np.empty(0, batch.records.dtype), [], 5)
    assert notices.announce(empty) is empty


def test_many_locations_are_announced_up_to_a_bound(monkeypatch: Any) -> None:
    """The table grows with its locations; beyond the bound a location is announced with every event."""
    monkeypatch.setattr(location_notices, "LOCATIONS_MAX", 100)
    stream = stream_of([("shipment.shipped", f"L{number}", "A") for number in range(150)] * 2)
    notices = LocationNotices()
    found = [item.event.location for _, item in notices.announce(stream.cut(0, 300)).infrequent]
    assert found == [f"L{number}" for number in (*range(150), *range(100, 150))]


def test_a_delivery_and_its_trace() -> None:
    """The notice stands in front of a delivery, which keeps its trace."""
    stream = stream_of([("shipment.delivered", "L", "A")])
    ((_, delivery),) = stream.infrequent
    batch = stream.cut(0, 1)._replace(infrequent=[(0, delivery._replace(trace="00-t"))])
    first, second = LocationNotices().announce(batch).infrequent
    assert first == (0, InfrequentEvent(LocationHeard("L", HEARD_DELIVERY), *delivery[1:6]))
    assert second == batch.infrequent[0]
