"""Lines of a folder as they are, in the order of a replay, each with the key that a message of it has."""

from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import numpy as np

from flows.sources.folder import Input
from flows.sources.lines import LineReader
from flows.sources.merge import Merge
from flows.sources.run import RARE, RECORD, Run
from flows.sources.stream import PARTITION, Position, Stream
from sensing.codec.decode import Block, decode
from sensing.codec.record import TOPICS, Topic
from sensing.codec.text_table import TextLookup
from sensing.contracts.decisions import DecisionMade, ExecutionConfirmed
from sensing.contracts.reference import (
    CalendarUpdated,
    CustomerUpdated,
    LocationUpdated,
    ParametersInForce,
    PlanPublished,
    PolicyUpdated,
    PromotionApproved,
    SignalObserved,
    SupplierUpdated,
)
from sensing.contracts.suppliers import SupplierDisrupted
from sensing.settings import Settings

CHUNK_BYTES = 1 << 20
REFERENCE = TOPICS[Topic.REFERENCE]

_PAIR = ("sku", "location")
# What an event is about that is not about one SKU. A later disruption of a supplier replaces an earlier one, whatever
# SKUs they name, so they must stay in order.
_ABOUT: dict[type, tuple[str, ...]] = {
    DecisionMade: ("subject",),
    ExecutionConfirmed: ("subject",),
    SupplierDisrupted: ("supplier",),
    LocationUpdated: ("location",),
    SupplierUpdated: ("supplier",),
    CustomerUpdated: ("customer",),
    CalendarUpdated: ("calendar",),
    PromotionApproved: ("promotion",),
    SignalObserved: ("signal",),
    PolicyUpdated: _PAIR,
    PlanPublished: _PAIR,
    ParametersInForce: _PAIR,
}


class Originals(NamedTuple):
    """Consecutive lines of all inputs, at least one.

    Attributes
    ----------
    topics, numbers
        Which input each line is of, and its number there, from 0.
    values
        The lines, without line ends.
    keys
        The SKU of an event, the subject of a decision, what a record of reference is about, parts of a name joined by
        a slash; None of a line that cannot be decoded, or that is about all there are.
    clock
        Largest event time up to here, UTC ms; None before the first event.
    bytes_read
        Bytes of all files behind these lines.
    """

    topics: list[str]
    numbers: list[int]
    values: list[bytes]
    keys: list[bytes | None]
    clock: int | None
    bytes_read: int


def originals(inputs: list[Input], settings: Settings) -> Iterator[Originals]:
    """All lines that are not blank: reference first, then all others as a replay merges them.

    Raises
    ------
    TidegaugeError
        When a file cannot be read to its end.
    """
    read = 0
    for file in inputs:
        if file.topic == REFERENCE:
            yield from _reference(file)
            read += file.path.stat().st_size
    files = [file for file in inputs if file.topic != REFERENCE]
    merge = Merge([Stream(at, file, settings, CHUNK_BYTES, Position(), None) for at, file in enumerate(files)])
    # What is merged keeps no bytes of what it decoded, so the files are read twice, side by side.
    lines = [_lines(file) for file in files]
    try:
        while (run := merge.next_run()) is not None:
            sources = run.sources.tolist()
            topics = [files[at].topic for at in sources]
            values = [next(lines[at]) for at in sources]
            keys = _keys(run, topics, values)
            clock = int(run.keys[-1])
            yield Originals(topics, run.numbers.tolist(), values, keys, clock or None, read + merge.bytes_read)
    finally:
        merge.close()
        for one in lines:
            one.close()


def _reference(file: Input) -> Generator[Originals]:
    reader = LineReader(file.path, CHUNK_BYTES)
    try:
        while (lines := reader.read()) is not None:
            if len(lines):
                values = lines.values()
                keys = [key_of(file.topic, value) for value in values]
                topics = [file.topic] * len(keys)
                yield Originals(topics, lines.offsets.tolist(), values, keys, None, reader.bytes_read)
    finally:
        reader.close()


def _lines(file: Input) -> Generator[bytes]:
    reader = LineReader(file.path, CHUNK_BYTES)
    try:
        while (lines := reader.read()) is not None:
            yield from lines.values()
    finally:
        reader.close()


def _keys(run: Run, topics: list[str], values: list[bytes]) -> list[bytes | None]:
    skus = (texts.sku.encode() for texts in TextLookup(run.texts).all(run.records))
    rare = iter(run.rare)
    keys: list[bytes | None] = []
    for kind, topic, value in zip(run.kinds.tolist(), topics, values, strict=True):
        if kind == RECORD:
            keys.append(next(skus))
        elif kind == RARE:
            keys.append(_about(next(rare).event))
        else:
            # Refused for its time perhaps, which says nothing about its key.
            keys.append(key_of(topic, value))
    return keys


def key_of(topic: str, value: bytes) -> bytes | None:
    """Key of one line; None where it cannot be decoded."""
    decoded = decode(topic, PARTITION, Block.of([value], np.zeros(1, np.int64)))
    if decoded.rejects:
        return None
    if decoded.rare:
        return _about(decoded.rare[0][1].event)
    return TextLookup((decoded.texts,)).one(decoded.records[0]).sku.encode()


def _about(event: Any) -> bytes | None:
    """The entity that an event is about; None where it is about all there are."""
    parts = [getattr(event, name) or "" for name in _ABOUT.get(type(event), ("sku",))]
    return "/".join(parts).encode() if any(parts) else None
