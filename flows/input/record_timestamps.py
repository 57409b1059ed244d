"""Validation of event times by the broker's timestamps of their records, in the service. The partition buffer calls it.

A producer may set the timestamp itself (CreateTime), and may set it wrong. A timestamp before 1990, or further ahead of
the engine's clock than an event time may be ahead of it, is implausible. The last plausible one of the partition serves
in its place; before the first plausible one, the engine's clock does.
"""

import time
from collections.abc import Callable

import numpy as np

from flows.input.timestamps import Chunk, NoTimestamps, Times, Validated
from sensing.codec.instants import INSTANT_MIN, rfc3339
from sensing.codec.message_block import Message


class RecordTimestamps(NoTimestamps):
    """Refuses event times more than ``skew_ms`` ahead of the broker's timestamp.

    An event time that is ahead by less does not advance the partition beyond the broker's timestamp. ``wall_ms`` is the
    engine's clock (UTC ms).
    """

    def __init__(self, skew_ms: int, wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        super().__init__()
        self._skew_ms = skew_ms
        self._wall_ms = wall_ms
        self._last: int | None = None
        self._limits: dict[int, str] = {}

    def add(self, chunk: Chunk) -> list[Validated]:
        """Compare with the timestamps of the records."""
        given = chunk.block.times
        assert given is not None, "Kafka messages have timestamps"
        now = self._wall_ms()
        plausible = (given >= INSTANT_MIN) & (given <= now + self._skew_ms)
        if plausible.all():
            self._last = int(given[-1])
            return [Validated(chunk, np.minimum(chunk.times, given), chunk.times > given + self._skew_ms)]
        last = np.maximum.accumulate(np.where(plausible, np.arange(len(given)), -1))
        times = np.where(last >= 0, given[last], now if self._last is None else self._last)
        future = chunk.times > times + self._skew_ms
        for at in np.flatnonzero(future & ~plausible).tolist():
            self._limits[int(chunk.block.offsets[at])] = self._stand_in(int(last[at]) >= 0, times, at)
        if last[-1] >= 0:
            self._last = int(given[last[-1]])
        return [Validated(chunk, np.minimum(chunk.times, times), future)]

    def limit(self, message: Message) -> str:
        """The record's timestamp, or what serves in its place."""
        own = rfc3339(message.time or 0)
        stand_in = self._limits.pop(message.offset, None)
        return f"the record's timestamp {own}" if stand_in is None else f"{stand_in}; its own timestamp is {own}"

    def _stand_in(self, in_chunk: bool, times: Times, at: int) -> str:
        text = rfc3339(int(times[at]))
        if in_chunk or self._last is not None:
            return f"the last plausible timestamp of its partition, {text}"
        return f"the engine's clock {text}, since its partition has no plausible timestamp"
