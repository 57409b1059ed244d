"""Routing by shard: splits a batch into one batch per shard. All locations of a SKU go to the same shard, in order."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import EVENT, NO_TRACES, Batch, ExceptionPublished, InfrequentEvent
from sensing.codec.keys import row_key
from sensing.codec.text_table import TopicPartitionOffset
from sensing.contracts.decisions import DecisionMade, ExecutionConfirmed
from sensing.contracts.subjects import sku_of

SHIFT = np.uint64(29)


def shard_of(sku: str, shards: int) -> int:
    """Shard of a SKU."""
    return int(row_key(sku, "")[0] >> SHIFT) % shards


def sku_of_event(event: Any) -> str | None:
    """SKU that routes an infrequent event; for a decision the SKU of its subject. None: the event goes to all
    shards.
    """
    if isinstance(event, (DecisionMade, ExecutionConfirmed)):
        return sku_of(event)
    if isinstance(event, ExceptionPublished):
        return event.owner_sku
    sku: str | None = getattr(event, "sku", None)
    return sku


def shards_of(event: Any, shards: int) -> list[int]:
    """Shards of an infrequent event, rising: those of its SKU and its substitute's SKU; all if it has no SKU."""
    sku = sku_of_event(event)
    if sku is None:
        return list(range(shards))
    substitute = getattr(event, "substitute_sku", sku)
    shard = shard_of(sku, shards)
    return [shard] if substitute == sku else sorted({shard, shard_of(substitute, shards)})


def split(batch: Batch, shards: int) -> list[Batch]:
    """Split a batch by the shard of each event's SKU.

    Infrequent events without a SKU go to all shards, those with a substitute to the shards of both SKUs. A trace goes
    with its record. The texts are shared, not split.

    Returns
    -------
    list
        One batch per shard. Empty ones carry the watermark.
    """
    records = batch.records
    of_record = ((records["row_hi"] >> SHIFT) % np.uint64(shards)).astype(np.uint16)
    order = np.argsort(of_record, kind="stable")
    bounds = np.concatenate(([0], np.cumsum(np.bincount(of_record, minlength=shards))))
    # Records are copied as rows of words: numpy copies records field by field, which is several times slower.
    words = records.view(np.uint64).reshape(len(records), EVENT.itemsize // 8)
    ordered = np.take(words, order, axis=0).view(EVENT).reshape(-1)
    infrequent: list[list[tuple[int, InfrequentEvent]]] = [[] for _ in range(shards)]
    for placed in batch.infrequent:
        for shard in shards_of(placed[1].event, shards):
            infrequent[shard].append(placed)
    if len(records):
        infrequent = [_among(order[bounds[s] : bounds[s + 1]], infrequent[s]) for s in range(shards)]
    parts = [ordered[bounds[s] : bounds[s + 1]] for s in range(shards)]
    return [
        batch._replace(records=parts[s], infrequent=infrequent[s], traces=traces_of(parts[s], batch.traces))
        for s in range(shards)
    ]


def _among(mine: NDArray[np.int64], infrequent: list[tuple[int, InfrequentEvent]]) -> list[tuple[int, InfrequentEvent]]:
    """Infrequent events with their places among the records at rising positions of a batch."""
    before = np.searchsorted(mine, [before for before, _ in infrequent]).tolist()
    return [(at, item) for at, (_, item) in zip(before, infrequent, strict=True)]


def traces_of(records: NDArray[Any], traces: Mapping[TopicPartitionOffset, str]) -> Mapping[TopicPartitionOffset, str]:
    """Traces of some records of a batch."""
    if not traces:
        return NO_TRACES
    positions = zip(records["topic"].tolist(), records["partition"].tolist(), records["offset"].tolist(), strict=True)
    return {position: traces[position] for position in positions if position in traces}
