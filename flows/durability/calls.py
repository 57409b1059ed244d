"""A call of a machine as an entry of its journal: the loads that the machine accepts before it proceeds.

A call without loads lets a busy machine proceed. The same calls in the same order give the same outputs and state.
"""

from typing import Any

import msgspec

from sensing.codec.event_record import Batch
from sensing.machines.machine_messages import HandOver, LedgerBatch, ShardReport, Totals
from sensing.state.stored_batch import StoredBatch

TYPES: tuple[Any, ...] = (Batch, HandOver, LedgerBatch, ShardReport, Totals)
"""Types of loads; an entry names a type by its place here."""


class _StoredInput(msgspec.Struct, array_like=True):
    batch: StoredBatch
    final: bool


_Entry = list[tuple[int, msgspec.Raw]]


def encode_call(loads: list[Any]) -> bytes:
    """Entry of a call."""
    return msgspec.msgpack.encode([_stored(load) for load in loads])


def decode_call(entry: bytes) -> list[Any]:
    """Loads of a call."""
    return [_load(kind, body) for kind, body in msgspec.msgpack.decode(entry, type=_Entry)]


def _stored(load: Any) -> tuple[int, msgspec.Raw]:
    stored = _StoredInput(StoredBatch.of(load), load.final) if isinstance(load, Batch) else load
    return TYPES.index(type(load)), msgspec.Raw(msgspec.msgpack.encode(stored))


def _load(kind: int, body: msgspec.Raw) -> Any:
    if TYPES[kind] is Batch:
        stored = msgspec.msgpack.decode(body, type=_StoredInput)
        return stored.batch.batch()._replace(final=stored.final)
    return msgspec.msgpack.decode(body, type=TYPES[kind])
