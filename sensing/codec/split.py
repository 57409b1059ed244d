"""Routing by shard: splits a batch into one batch per shard. All locations of a SKU go to the same shard, in order."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.keys import row_key
from sensing.codec.record import EVENT, NO_TRACES, Batch, Rare
from sensing.codec.text_table import Place
from sensing.contracts.decisions import DecisionMade, ExecutionConfirmed
from sensing.contracts.subjects import sku_of

SHIFT = np.uint64(29)


def shard_of(sku: str, shards: int) -> int:
    """Shard of a SKU."""
    return int(row_key(sku, "")[0] >> SHIFT) % shards


def sku_of_event(event: Any) -> str | None:
    """SKU that routes a rare event; for a decision the SKU of its subject. None: the event goes to all shards."""
    if isinstance(event, (DecisionMade, ExecutionConfirmed)):
        return sku_of(event)
    sku: str | None = getattr(event, "sku", None)
    return sku


def shards_of(event: Any, shards: int) -> list[int]:
    """Shards of a rare event, rising: those of its SKU and its substitute's SKU; all if it has no SKU."""
    sku = sku_of_event(event)
    if sku is None:
        return list(range(shards))
    substitute = getattr(event, "substitute_sku", sku)
    shard = shard_of(sku, shards)
    return [shard] if substitute == sku else sorted({shard, shard_of(substitute, shards)})


def split(batch: Batch, shards: int) -> list[Batch]:
    """Split a batch by the shard of each event's SKU.

    Rare events without a SKU go to all shards, those with a substitute to the shards of both SKUs. A trace goes with
    its record. The texts are shared, not split.

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
    rare: list[list[tuple[int, Rare]]] = [[] for _ in range(shards)]
    for placed in batch.rare:
        for shard in shards_of(placed[1].event, shards):
            rare[shard].append(placed)
    if len(records):
        rare = [_among(order[bounds[s] : bounds[s + 1]], rare[s]) for s in range(shards)]
    parts = [ordered[bounds[s] : bounds[s + 1]] for s in range(shards)]
    return [
        batch._replace(records=parts[s], rare=rare[s], traces=traces_of(parts[s], batch.traces)) for s in range(shards)
    ]


def _among(mine: NDArray[np.int64], rare: list[tuple[int, Rare]]) -> list[tuple[int, Rare]]:
    """Rare events with their places among the records at rising positions of a batch."""
    before = np.searchsorted(mine, [before for before, _ in rare]).tolist()
    return [(at, item) for at, (_, item) in zip(before, rare, strict=True)]


def traces_of(records: NDArray[Any], traces: Mapping[Place, str]) -> Mapping[Place, str]:
    """Traces of some records of a batch."""
    if not traces:
        return NO_TRACES
    places = zip(records["topic"].tolist(), records["partition"].tolist(), records["offset"].tolist(), strict=True)
    return {place: traces[place] for place in places if place in traces}
