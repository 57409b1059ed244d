"""Decoder: turns a block of messages into event records, infrequent events and rejects. Partition buffers call it.

Every message becomes exactly one of the three. The fast scanner takes plain messages, the careful decoder the others.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.columns import KINDS, fill
from sensing.codec.decode_options import DEFAULTS, DecodeOptions
from sensing.codec.doubts import doubtful
from sensing.codec.event_record import EVENT, PARTITION_MAX, TOPICS, InfrequentEvent, Reject
from sensing.codec.fault import Fault
from sensing.codec.message_block import Block, Message
from sensing.codec.message_reader import Reader
from sensing.codec.scan import scan
from sensing.codec.scan_table import table_of
from sensing.codec.swar import Bytes
from sensing.codec.text_table import TextTable
from sensing.contracts.topic_registry import INPUTS

__all__ = ["Block", "Decoded", "Message", "decode"]

PIECE = 2048
"""Number of messages that the careful decoder reads at once, so that their structs stay in the processor's cache."""


class Decoded(NamedTuple):
    """Result of decoding a block of messages.

    Attributes
    ----------
    records
        Frequent events (EVENT) in reading order. Their watermark is still 0.
    infrequent
        All other events, each with the index of the record it comes before. Their watermark is still 0. Reference
        events without an event time have time 0.
    positions
        Index of the message of every record.
    infrequent_positions, reject_positions
        The same for ``infrequent`` and ``rejects``.
    rejects
        Refused messages. Their time is the broker's timestamp, 0 if there is none.
    texts
        Texts of the records.
    """

    records: NDArray[Any]
    infrequent: list[tuple[int, InfrequentEvent]]
    positions: NDArray[np.int64]
    infrequent_positions: list[int]
    rejects: list[Reject]
    reject_positions: list[int]
    texts: TextTable


def decode(topic: str, partition: int, block: Block, options: DecodeOptions = DEFAULTS) -> Decoded:
    """Decode messages of one partition in order. Bad messages become rejects and never raise.

    The result does not depend on how the messages are cut into blocks. ``options`` are those of the
    operator.

    Raises
    ------
    ValueError
        The topic is not one of ``TOPICS``, or the partition is above ``PARTITION_MAX``.
    """
    if topic not in INPUTS:
        msg = f"decode: required a topic of {', '.join(INPUTS)}, got {topic!r}"
        raise ValueError(msg)
    if not 0 <= partition <= PARTITION_MAX:
        msg = f"decode: required a partition of 0 to {PARTITION_MAX}, got {partition}; give the topic fewer"
        raise ValueError(msg)
    filling = _Filling(topic, partition, block, options)
    unsure = np.flatnonzero(~filling.scan())
    for start in range(0, len(unsure), PIECE):
        filling.take(unsure[start : start + PIECE])
    return filling.decoded()


_reader = cache(Reader)
_table = cache(table_of)


class _Filling:
    """Builds the result of a block. Message i has record i until all messages are decoded."""

    def __init__(self, topic: str, partition: int, block: Block, options: DecodeOptions) -> None:
        self._options = options._replace(topic=topic)
        self._topic = topic
        self._partition = partition
        self._block = block
        self._reader = _reader(topic)
        self._records = np.empty(len(block), EVENT)
        self._starts = np.zeros(len(block), np.uint32)
        self._texts: list[Bytes] = []
        self._aside: list[tuple[int, InfrequentEvent | Reject]] = []

    def scan(self) -> NDArray[np.bool_]:
        """Decode all plain messages; returns which messages are plain."""
        table = _table(self._topic)
        if table is None:
            return np.zeros(len(self._block), np.bool_)
        place = (TOPICS.index(self._topic), self._partition)
        plain, self._starts, texts = scan(self._block, table, place, self._records)
        self._texts.append(texts)
        return plain

    def take(self, at: NDArray[np.int64]) -> None:
        """Decode the messages ``at`` with the careful decoder."""
        doubts = doubtful(self._block, at).tolist()
        verdicts, times = self._reader.read(self._block.values(at), self._block.headers_of(at), doubts, self._options)
        kinds = np.fromiter([KINDS.get(verdict.__class__, 0) for verdict in verdicts], np.uint8, len(verdicts))
        for i in np.flatnonzero(kinds == 0).tolist():
            self._aside.append((int(at[i]), self._put_aside(int(at[i]), verdicts[i], int(times[i]))))
        frequent = np.flatnonzero(kinds)
        records = np.zeros(len(frequent), EVENT)
        texts, starts = fill(records, self._topic, [verdicts[i] for i in frequent.tolist()], kinds[frequent])
        self._starts[at[frequent]] = starts + sum(map(len, self._texts))
        self._texts.append(texts)
        records["time"] = times[frequent]
        records["offset"] = self._block.offsets[at[frequent]]
        records["partition"] = self._partition
        records["topic"] = TOPICS.index(self._topic)
        _words(self._records)[at[frequent]] = _words(records)

    def _put_aside(self, at: int, verdict: Any, time: int) -> InfrequentEvent | Reject:
        """Make an infrequent event or a reject."""
        if isinstance(verdict, Fault):
            return _reject(self._topic, self._partition, self._block.message(at), verdict)
        return InfrequentEvent(
            verdict, time, 0, TOPICS.index(self._topic), self._partition, int(self._block.offsets[at])
        )

    def decoded(self) -> Decoded:
        """Result for the whole block."""
        aside = np.fromiter((at for at, _ in self._aside), np.int64, len(self._aside))
        positions = np.arange(len(self._block))
        records, starts, offsets = self._records, self._starts, self._block.offsets
        if len(aside):
            positions = np.delete(positions, aside)
            records = np.take(_words(records), positions, axis=0).view(EVENT).reshape(-1)
            starts, offsets = starts[positions], offsets[positions]
        # Copied, since the scanner's buffer is as large as all messages.
        data = np.concatenate([np.empty(0, np.uint8), *self._texts])
        texts = TextTable(TOPICS.index(self._topic), self._partition, offsets, starts, data)
        infrequent = [(at, what) for at, what in self._aside if isinstance(what, InfrequentEvent)]
        rejects = [(at, what) for at, what in self._aside if isinstance(what, Reject)]
        before = np.searchsorted(positions, [at for at, _ in infrequent]).tolist()
        return Decoded(
            records,
            [(before, event) for before, (_, event) in zip(before, infrequent, strict=True)],
            positions,
            [at for at, _ in infrequent],
            [reject for _, reject in rejects],
            [at for at, _ in rejects],
            texts,
        )


def _words(records: NDArray[Any]) -> NDArray[np.uint64]:
    """Records as rows of 64-bit words: numpy copies records field by field, which is several times slower."""
    return records.view(np.uint64).reshape(len(records), EVENT.itemsize // 8)


def _reject(topic: str, partition: int, message: Message, fault: Fault) -> Reject:
    return Reject(
        value=message.value,
        headers=message.headers or {},
        topic=topic,
        partition=partition,
        offset=message.offset,
        time=message.time or 0,
        reason=fault.reason,
        field=fault.field,
        required=fault.required,
        got=fault.got,
        key=message.key,
    )
