"""One batch becomes one batch per shard."""

import datetime as dt
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import EVENT, Batch, InfrequentEvent, Topic
from sensing.codec.shard_split import shard_of, shards_of, split
from sensing.contracts.decisions import DecisionMade, ExecutionConfirmed
from sensing.contracts.reference import LocationUpdated, PromotionApproved
from sensing.contracts.suppliers import SupplierDisrupted
from tests.machines.made_tables import events, tables_of

SKUS = [f"S{number}" for number in range(12)]


def infrequent(number: int, sku: str | None) -> InfrequentEvent:
    """An infrequent event about a SKU, or about all."""
    if sku is None:
        event: Any = LocationUpdated(event_id=f"r{number}", location="L")
    else:
        event = SupplierDisrupted(event_id=f"r{number}", event_time=1, supplier="X", sku=sku)
    return InfrequentEvent(event, number, number, Topic.SUPPLIERS, 0, number)


@given(
    skus=st.lists(st.sampled_from(SKUS), max_size=30),
    rares=st.lists(st.tuples(st.integers(0, 30), st.sampled_from([*SKUS, None])), max_size=8),
    shards=st.sampled_from((1, 2, 5, 16)),
    final=st.booleans(),
)
def test_every_event_goes_to_its_shard_in_order(
    skus: list[str], rares: list[tuple[int, str | None]], shards: int, final: bool
) -> None:
    """Every shard gets its own records and infrequent events, in their order, and the tick; what concerns all goes
    to all.
    """
    records = events(*({"sku": sku, "event_id": f"e{number}"} for number, sku in enumerate(skus)))
    in_order = sorted(rares, key=lambda entry: entry[0])
    given_rare = [(min(at, len(skus)), infrequent(number, sku)) for number, (at, sku) in enumerate(in_order)]
    texts = tables_of(records)
    found = split(Batch(records, given_rare, 77, final, texts=texts), shards)

    assert len(found) == shards
    for shard, batch in enumerate(found):
        mine = [number for number, sku in enumerate(skus) if shard_of(sku, shards) == shard]
        assert batch.records.tobytes() == np.take(records, np.array(mine, np.int64)).tobytes()
        assert batch.texts is texts
        assert (batch.watermark, batch.final) == (77, final)
        expected = [
            (sum(number < before for number in mine), item)
            for before, item in given_rare
            if getattr(item.event, "sku", None) is None or shard_of(item.event.sku, shards) == shard
        ]
        assert batch.infrequent == expected


def test_a_batch_of_nothing_still_ticks() -> None:
    """Without any event each shard gets an empty batch with the watermark."""
    found = split(Batch(np.zeros(0, EVENT), [], 5), 3)
    assert [(len(batch.records), batch.infrequent, batch.watermark, batch.final) for batch in found] == 3 * [
        (0, [], 5, False)
    ]


@given(st.lists(st.sampled_from(SKUS), max_size=20), st.sets(st.integers(0, 25)), st.sampled_from((1, 5, 16)))
def test_traces_go_with_their_records(skus: list[str], traced: set[int], shards: int) -> None:
    """Each shard is told the traces of its own records and no others."""
    records = events(*({"sku": sku, "event_id": f"e{number}"} for number, sku in enumerate(skus)))
    records["partition"] = 3
    traces = {(int(Topic.ORDERS), 3, offset): f"trace {offset}" for offset in traced}
    for batch in split(Batch(records, [], 5, traces=traces), shards):
        offsets = set(batch.records["offset"].tolist())
        assert batch.traces == {place: trace for place, trace in traces.items() if place[2] in offsets}


def test_a_decision_goes_to_the_shard_of_what_it_is_about() -> None:
    """To one shard, that of the SKU which its subject names, or of the one that it says itself."""
    told: dict[str, Any] = {"event_id": "d", "event_time": 1, "decider": "ann", "role": "planner"}
    for shards in (1, 3, 16):
        for sku in SKUS:
            name = f"surge:{sku}|L:20260105"
            about: list[Any] = [
                DecisionMade(subject=name, decision="label", **told),
                DecisionMade(subject=f"{sku}/L", decision="approve", **told),
                DecisionMade(subject="?", sku=sku, decision="approve", **told),
                ExecutionConfirmed(event_id="x", event_time=1, subject=f"{sku}/L"),
            ]
            assert [shards_of(event, shards) for event in about] == [[shard_of(sku, shards)]] * 4


def test_reference_of_a_sku_goes_to_its_shard() -> None:
    """A promotion of one SKU concerns one shard, the one its orders go to."""
    day = dt.date(2024, 1, 1)
    event = PromotionApproved(event_id="p", promotion="P", sku="Ä-1", start=day, end=day)
    item = InfrequentEvent(event, 0, 0, Topic.REFERENCE, 0, 0)
    records = events({"sku": "Ä-1"})
    found = split(Batch(records, [(0, item)], 5), 16)
    concerned = [shard for shard, batch in enumerate(found) if batch.infrequent]
    assert concerned == [shard for shard, batch in enumerate(found) if len(batch.records)] == [shard_of("Ä-1", 16)]
