"""Ordered merge: the k-way merge of a source group's partitions by event time, with the watermark of every message.

The source group calls it for every batch. Messages leave in order of (key, number of the partition). The key is the
largest event time so far in the partition, so late messages stay late.

What holds messages back:

- A partition with an empty buffer that is not read to its end holds all others at its watermark. So the topics of a
  long history stay side by side.
- After ``PATIENCE_SECONDS`` of silence (its broker is away) it lets the others run ahead by ``GROUP_DRIFT_MS``. Other
  source groups allow the same drift.
- With the wall clock, a partition that is read to its end holds nothing: its next event is not earlier than the wall
  clock.
- A current partition that is too busy to be seen at its end holds no messages of others. Its event times may be hours
  old because its producer sends old events.

What holds the watermark: a current partition and one that cannot be reached, both at their last event time. A current
partition that never had an event does not hold it; otherwise there would never be a watermark.

With the wall clock the watermark advances by at most ``CATCH_UP_STEP_MS`` at once: it catches up with the next event or
the wall clock in steps, so that readiness and metrics follow the days that close. By event times alone it leaps to the
next event.
"""

from collections.abc import Callable, Sequence

import numpy as np

from flows.input.partition_buffer import PartitionBuffer
from flows.input.sorted_block import INFREQUENT, RECORD, SortedBlock, empty_block, interleave
from flows.input.timestamps import Times
from sensing.codec.event_record import AFTER_ALL, BEFORE_ALL
from sensing.machine_settings import DAY_MS, Settings
from sensing.state.watermark_tracker import GROUP_DRIFT_MS

PATIENCE_SECONDS = 1.0
CATCH_UP_STEP_MS = DAY_MS
BATCH_MESSAGES = 10_000
"""Approximate number of messages of a partition that leave at once, so that an epoch can end in between. The Kafka
reader polls at most as many."""


class OrderedMerge:
    """Merges partition buffers; its watermark (UTC ms) never goes back, nor ahead of the wall clock.

    Parameters
    ----------
    buffers
        The partitions in merge order.
    is_away
        Whether a partition cannot be reached at present; then it does not count as read to its end.
    event_time
        Whether only event times move the watermark, as in a replay; else the wall clock moves it at the end of
        partitions.
    batch_messages
        Approximate number of messages of a partition that leave at once.

    Attributes
    ----------
    progress
        Event time (UTC ms) up to which the group could send at the last call; AFTER_ALL if nothing held it.
    catching_up
        Whether the last call advanced the watermark by a step without messages, because the next event or the wall
        clock is far ahead.
    """

    def __init__(
        self, buffers: Sequence[PartitionBuffer], settings: Settings, is_away: Callable[[PartitionBuffer], bool], *,
        event_time: bool = False, batch_messages: int = BATCH_MESSAGES,
    ) -> None:  # fmt: skip
        self.watermark = BEFORE_ALL
        self.progress = BEFORE_ALL
        self.catching_up = False
        self.event_time = event_time
        self._buffers = buffers
        self._settings = settings
        self._is_away = is_away
        self._batch_messages = batch_messages

    def take(self, wall_ms: int, now: float, others: int = AFTER_ALL) -> SortedBlock:
        """Take out the messages that may leave, stamped with watermarks; too late ones have become rejects.

        Parameters
        ----------
        wall_ms
            Wall clock, UTC ms.
        now
            Monotonic clock, seconds.
        others
            The least progress of the other groups, UTC ms.
        """
        if self.event_time:
            wall_ms = AFTER_ALL
        for buffer in self._buffers:
            if self._ended(buffer):
                buffer.watermark_time = max(buffer.watermark_time, wall_ms)
        open_ones = [buffer for buffer in self._buffers if not self._ended(buffer)]
        # Messages with equal keys leave in the order of their partitions.
        ends = [
            (self._limit(buffer, now), buffer.number) for buffer in open_ones if self.event_time or not buffer.current
        ]
        self.progress = min((end for end, _ in ends), default=AFTER_ALL)
        ahead, step = self._ahead(wall_ms), self._step()
        self.catching_up = self.watermark != BEFORE_ALL and step < ahead < AFTER_ALL
        if self.catching_up:
            self._advance(step)
            return empty_block()
        size = self._batch_messages
        ends += [(buffer.key_of(size), buffer.number) for buffer in self._buffers if len(buffer) > size]
        last_of_all = len(self._buffers)
        limit, last = min([*ends, (others + GROUP_DRIFT_MS, last_of_all), (step, last_of_all)])
        cap = min([wall_ms, *(buffer.watermark_time for buffer in open_ones if not self._eventless(buffer))])
        taken = [
            block for buffer in self._buffers for block in buffer.take(limit, inclusive=buffer.number <= last)
        ]  # fmt: skip
        block = self._stamped(interleave(taken), cap)
        if not self.event_time:
            self._advance(min(self._ahead(wall_ms), step))
        return block

    def release(self) -> None:
        """Free the raw bytes of the messages taken."""
        for buffer in self._buffers:
            buffer.release()

    @property
    def over(self) -> bool:
        """Whether every partition is read to its end and all its messages were taken."""
        return all(self._ended(buffer) and not len(buffer) for buffer in self._buffers)

    def _ended(self, buffer: PartitionBuffer) -> bool:
        return buffer.at_end and not self._is_away(buffer)

    def _eventless(self, buffer: PartitionBuffer) -> bool:
        """Whether a current partition never had an event; always False if event times alone move the watermark."""
        return buffer.current and buffer.watermark_time == BEFORE_ALL and not self.event_time

    def _ahead(self, wall_ms: int) -> int:
        """Event time (UTC ms) before which no event is expected, except late ones."""
        return min([wall_ms, *(buffer.next_time() for buffer in self._buffers if not self._eventless(buffer))])

    def _step(self) -> int:
        """Event time (UTC ms) up to which this call may advance the watermark; the first message may set any value."""
        if self.event_time:
            return AFTER_ALL
        if self.watermark != BEFORE_ALL:
            return self.watermark + self._settings.lateness_ms + CATCH_UP_STEP_MS
        first = min((buffer.next_time() for buffer in self._buffers if len(buffer)), default=AFTER_ALL)
        # Rejects before the first event of a partition have no event time: they leave on their own.
        return first + CATCH_UP_STEP_MS if first != BEFORE_ALL else BEFORE_ALL

    def _limit(self, buffer: PartitionBuffer, now: float) -> int:
        stalled = not self.event_time and now - buffer.last_seen > PATIENCE_SECONDS
        return buffer.watermark_time + (GROUP_DRIFT_MS if stalled else 0)

    def _advance(self, time_ms: int) -> None:
        self.watermark = max(self.watermark, time_ms - self._settings.lateness_ms)

    def _stamped(self, block: SortedBlock, cap: int) -> SortedBlock:
        """Stamp every message with the watermark at which it leaves, and refuse messages that are too late for it."""
        if not len(block):
            return block
        watermarks: Times = np.maximum(np.minimum(block.keys, cap) - self._settings.lateness_ms, self.watermark)
        self.watermark = int(watermarks[-1])
        block.records["watermark"] = watermarks[block.kinds == RECORD]
        marks = watermarks[block.kinds == INFREQUENT].tolist()
        infrequent = [event._replace(watermark=mark) for event, mark in zip(block.infrequent, marks, strict=True)]
        block = SortedBlock(
            block.keys, block.kinds, block.sources, block.numbers, block.records, infrequent, block.rejects, block.texts
        )  # fmt: skip
        times = np.full(len(block), AFTER_ALL, np.int64)
        times[block.kinds == RECORD] = block.records["time"]
        times[block.kinds == INFREQUENT] = [event.time for event in infrequent]
        late = times < watermarks - self._settings.horizon_ms
        if not late.any():
            return block
        by_number = {buffer.number: buffer for buffer in self._buffers}
        return block.refused(
            late,
            lambda at: by_number[int(block.sources[at])].refuse(
                int(block.numbers[at]), "too_late", int(times[at]), int(watermarks[at])
            ),
        )
