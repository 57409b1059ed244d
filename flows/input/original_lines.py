"""Original lines of an input folder in replay order, each with its message key. `flows.kafka_load` sends them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from flows.input.file_source import FileReader, file_buffers
from flows.input.input_folder import InputFile
from flows.input.ordered_merge import OrderedMerge
from flows.input.partition_buffer import PartitionBuffer, options_of
from flows.input.sorted_block import INFREQUENT, RECORD, SortedBlock
from flows.input.source_group import REFERENCE
from sensing.codec.decode import Block, decode
from sensing.codec.decode_options import DEFAULTS, DecodeOptions
from sensing.codec.event_record import AFTER_ALL
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
from sensing.contracts.subjects import parameters_subject
from sensing.contracts.suppliers import SupplierDisrupted
from sensing.machine_settings import Settings

CHUNK_BYTES = 1 << 20

_PAIR = ("sku", "location")
# Key fields of events that are not keyed by SKU. A later disruption of a supplier replaces an earlier one, whatever
# SKUs they name, so both need the same key to stay in order.
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


class OriginalLines(NamedTuple):
    """Consecutive lines of all inputs, at least one.

    Attributes
    ----------
    topics, numbers
        Topic and line number (from 0) of each line.
    values
        The lines, without line ends.
    keys
        The SKU of an event, the subject of a decision, what a record of reference is about, parts of a name joined by
        a slash; None of a line that cannot be decoded, or that is about all there are.
    clock
        Largest event time up to here, UTC ms; None before the first event.
    bytes_read
        Bytes read so far, over all files.
    """

    topics: list[str]
    numbers: list[int]
    values: list[bytes]
    keys: list[bytes | None]
    clock: int | None
    bytes_read: int


def original_lines(files: list[InputFile], settings: Settings) -> Iterator[OriginalLines]:
    """All non-blank lines: reference records first, then the others in the order of a replay's merge.

    Raises
    ------
    TidegaugeError
        When a file cannot be read to its end.
    """
    buffers = file_buffers(files, settings)
    options = options_of(settings)
    reader = FileReader(files, buffers, CHUNK_BYTES)
    try:
        for buffer in buffers:
            if buffer.log.topic == REFERENCE:
                reader.start([buffer])
                yield from _reference(buffer, reader, options)
        events = [buffer for buffer in buffers if buffer.log.topic != REFERENCE]
        reader.start(events)
        merge = OrderedMerge(events, settings, reader.is_away, event_time=True)
        while not merge.over:
            reader.poll()
            block = merge.take(AFTER_ALL, 0.0)
            if len(block):
                yield _lines(block, buffers, int(block.keys[-1]) or None, reader.bytes_read, options)
            merge.release()
    finally:
        reader.close()


def _reference(buffer: PartitionBuffer, reader: FileReader, options: DecodeOptions) -> Iterator[OriginalLines]:
    while not buffer.at_end:
        reader.poll()
        for block in buffer.take(AFTER_ALL):
            values = buffer.values(block.numbers)
            keys = [key_of(REFERENCE, value, options) for value in values]
            yield OriginalLines([REFERENCE] * len(keys), block.numbers.tolist(), values, keys, None, reader.bytes_read)
        buffer.release()


def _lines(
    block: SortedBlock, buffers: Sequence[PartitionBuffer], clock: int | None, bytes_read: int, options: DecodeOptions
) -> OriginalLines:
    sources = block.sources.tolist()
    of_source = {at: iter(buffers[at].values(block.numbers[block.sources == at])) for at in set(sources)}
    topics = [buffers[at].log.topic for at in sources]
    values = [next(of_source[at]) for at in sources]
    return OriginalLines(
        topics, block.numbers.tolist(), values, _keys(block, topics, values, options), clock, bytes_read
    )


def _keys(block: SortedBlock, topics: list[str], values: list[bytes], options: DecodeOptions) -> list[bytes | None]:
    skus = (texts.sku.encode() for texts in TextLookup(block.texts).all(block.records))
    infrequent = iter(block.infrequent)
    keys: list[bytes | None] = []
    for kind, topic, value in zip(block.kinds.tolist(), topics, values, strict=True):
        if kind == RECORD:
            keys.append(next(skus))
        elif kind == INFREQUENT:
            keys.append(_about(next(infrequent).event))
        else:
            # The line may be refused only for its event time; then it still has a key.
            keys.append(key_of(topic, value, options))
    return keys


def key_of(topic: str, value: bytes, options: DecodeOptions = DEFAULTS) -> bytes | None:
    """Message key of one line; None if the line cannot be decoded."""
    decoded = decode(topic, 0, Block.of([value], np.zeros(1, np.int64)), options)
    if decoded.rejects:
        return None
    if decoded.infrequent:
        return _about(decoded.infrequent[0][1].event)
    return TextLookup((decoded.texts,)).one(decoded.records[0]).sku.encode()


def _about(event: Any) -> bytes | None:
    """Message key of an event: the entity that it names; None if it names none and applies to all."""
    parts = [getattr(event, name) or "" for name in _ABOUT.get(type(event), ("sku",))]
    if not any(parts):
        return None
    return (parts[0] if len(parts) == 1 else parameters_subject(parts[0], parts[1])).encode()
