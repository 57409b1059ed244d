"""A block of messages becomes columns, rare events and rejects: every message exactly one of the three.

What is downstream of this module knows only ``Decoded``, not how it was filled.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.block import Block, Message
from sensing.codec.columns import KINDS, fill
from sensing.codec.read import Reader
from sensing.codec.record import EVENT, TOPICS, Rare, Reject
from sensing.codec.rejects import Fault
from sensing.contracts.topics import INPUTS

__all__ = ["Block", "Decoded", "Message", "decode"]

PIECE = 2048
"""Messages decoded before their columns are filled: the structs of a piece stay in the processor's cache."""


class Decoded(NamedTuple):
    """What became of a block of messages.

    Attributes
    ----------
    records
        Frequent kinds (EVENT) in reading order; watermark, keys and shard are still 0.
    rare
        All other events, each with the index of the record it comes before; their watermark is still 0. Reference
        without an event time has time 0.
    positions
        Index of the message of every record.
    rare_positions, reject_positions
        The same for ``rare`` and ``rejects``.
    rejects
        Messages that were not taken. Their time is the broker's, 0 where there is none.
    """

    records: NDArray[Any]
    rare: list[tuple[int, Rare]]
    positions: NDArray[np.int64]
    rare_positions: list[int]
    rejects: list[Reject]
    reject_positions: list[int]


def decode(topic: str, partition: int, block: Block) -> Decoded:
    """Decode messages of one partition, in their order. Bad messages become rejects; none raises.

    The result is the same however the messages are cut into blocks.

    Raises
    ------
    ValueError
        The topic is none of ``TOPICS``.
    """
    if topic not in INPUTS:
        msg = f"decode: required a topic of {', '.join(INPUTS)}, got {topic!r}"
        raise ValueError(msg)
    filling = _Filling(topic, partition, len(block))
    for start in range(0, len(block), PIECE):
        filling.take([block.message(i) for i in range(start, min(start + PIECE, len(block)))], start)
    return filling.decoded()


_reader = cache(Reader)


class _Filling:
    """The result of a block while it is being filled."""

    def __init__(self, topic: str, partition: int, size: int) -> None:
        self._topic = topic
        self._partition = partition
        self._reader = _reader(topic)
        # Zeroed memory costs nothing until it is touched, so rare events and rejects do not pay for their records.
        self._records = np.zeros(size, EVENT)
        self._positions = np.zeros(size, np.int64)
        self._count = 0
        self._rare: list[tuple[int, Rare]] = []
        self._rare_positions: list[int] = []
        self._rejects: list[Reject] = []
        self._reject_positions: list[int] = []

    def take(self, messages: Sequence[Message], start: int) -> None:
        """Add a piece of the block, whose first message is message ``start``."""
        verdicts, times = self._reader.read(messages)
        kinds = np.fromiter([KINDS.get(verdict.__class__, 0) for verdict in verdicts], np.uint8, len(verdicts))
        frequent = np.flatnonzero(kinds)
        for i in np.flatnonzero(kinds == 0):
            at = int(i)
            before = self._count + int(np.searchsorted(frequent, at))
            self._put_aside(messages[at], verdicts[at], int(times[at]), before, start + at)
        if len(frequent):
            self._put(messages, verdicts, times, kinds, frequent, start)

    def _put(
        self,
        messages: Sequence[Message],
        verdicts: list[Any],
        times: NDArray[np.int64],
        kinds: NDArray[np.uint8],
        frequent: NDArray[np.intp],
        start: int,
    ) -> None:
        """Fill the records of the frequent events."""
        end = self._count + len(frequent)
        records = self._records[self._count : end]
        offsets = np.fromiter([message.offset for message in messages], np.int64, len(messages))
        events = verdicts if len(frequent) == len(verdicts) else [verdicts[i] for i in frequent]
        fill(records, self._topic, events, kinds[frequent])
        records["time"] = times[frequent]
        records["offset"] = offsets[frequent]
        records["partition"] = self._partition
        records["topic"] = TOPICS.index(self._topic)
        self._positions[self._count : end] = frequent + start
        self._count = end

    def _put_aside(self, message: Message, verdict: Any, time: int, before: int, position: int) -> None:
        """Keep a rare event or a reject."""
        if isinstance(verdict, Fault):
            self._rejects.append(_reject(self._topic, self._partition, message, verdict))
            self._reject_positions.append(position)
            return
        topic = TOPICS.index(self._topic)
        self._rare.append((before, Rare(verdict, time, 0, topic, self._partition, message.offset)))
        self._rare_positions.append(position)

    def decoded(self) -> Decoded:
        """The whole block."""
        return Decoded(
            self._records[: self._count],
            self._rare,
            self._positions[: self._count],
            self._rare_positions,
            self._rejects,
            self._reject_positions,
        )


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
