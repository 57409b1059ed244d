"""Validation of event times: which messages are too far ahead, and how far a partition is known by the others.

The partition buffer calls one of three validators:

- `RecordTimestamps`, in the service: an event time is compared with the broker's timestamp of its record;
- `FollowingTimestamps`, in files and in topics that are read to their end: the broker's timestamps say when a history
  was loaded, so an event time is compared with the median of those that follow it. At the end of an input few or none
  follow; there it must also be supported: of the last 100 event times at least three must be about as late, within a
  week or, where the input is slow, within its usual pause. One bad date in the last line would otherwise run the clock
  on for years;
- `NoTimestamps`, for reference: a record may take effect at any time to come.
"""

from collections import deque
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.decode import Decoded
from sensing.codec.event_record import BEFORE_ALL
from sensing.codec.instants import INSTANT_MAX, rfc3339
from sensing.codec.message_block import Block, Message
from sensing.machine_settings import DAY_MS

WINDOW = 100  # An event time is compared with the median of the next so many of its input, itself included.
SUPPORT = 3
TIMES_MIN = 10
"""With fewer event times accept all: none of them is usual."""
PAUSE_MS = 7 * DAY_MS
"""An input may be silent for so long and end with a line or two: holidays, no error."""

FOLLOWING_LIMIT = (
    f"the median of the next {WINDOW} event times of its input; at its end, at most a week, or a usual pause, later "
    f"than all but two of the last {WINDOW}"
)
"""Text for `far_future`: the limit."""

Times = NDArray[np.int64]
Flags = NDArray[np.bool_]
NO_TIMES: Times = np.empty(0, np.int64)


class Chunk(NamedTuple):
    """A decoded block: kind of every message (`flows.input.sorted_block`), and its event time (UTC ms).

    The event time of a reject is BEFORE_ALL.
    """

    block: Block
    decoded: Decoded
    kinds: NDArray[np.uint8]
    valid: Flags
    times: Times


class Validated(NamedTuple):
    """A chunk with, per message, the event time up to which the partition is known by it, and whether it is refused."""

    chunk: Chunk
    known: Times
    future: Flags


class NoTimestamps:
    """Accepts every event time."""

    def __init__(self) -> None:
        self.waiting: deque[Chunk] = deque()
        """Chunks that wait for those that follow."""

    def add(self, chunk: Chunk) -> list[Validated]:
        """Add the next chunk of the partition; returns what is validated by now, in order."""
        return [Validated(chunk, chunk.times, np.zeros(len(chunk.times), np.bool_))]

    def end(self) -> list[Validated]:
        """Validate what waits: nothing follows."""
        return []

    def limit(self, _message: Message) -> str:
        """Text for `far_future`: the limit for a message."""
        raise AssertionError


class RecordTimestamps(NoTimestamps):
    """Refuses event times more than ``skew_ms`` ahead of the broker's timestamp.

    Up to that, an event time ahead of the timestamp says nothing of what is still to come; it counts as the timestamp.
    """

    def __init__(self, skew_ms: int) -> None:
        super().__init__()
        self._skew_ms = skew_ms

    def add(self, chunk: Chunk) -> list[Validated]:
        """Compare with the timestamps of the records."""
        times = chunk.block.times
        assert times is not None, "Kafka messages have timestamps"
        return [Validated(chunk, np.minimum(chunk.times, times), chunk.times > times + self._skew_ms)]

    def limit(self, message: Message) -> str:
        """The record's timestamp."""
        return f"the record's timestamp {rfc3339(message.time or 0)}"


class FollowingTimestamps(NoTimestamps):
    """Refuses event times more than ``skew_ms`` ahead of those that follow; how an input is cut does not matter."""

    def __init__(self, skew_ms: int) -> None:
        super().__init__()
        self._skew_ms = skew_ms
        self._before = NO_TIMES

    def add(self, chunk: Chunk) -> list[Validated]:
        """Let the chunk wait until 99 valid event times follow it."""
        self.waiting.append(chunk)
        found = []
        while len(following := self._following()) >= WINDOW - 1:
            found.append(self._oldest(following))
        return found

    def end(self) -> list[Validated]:
        """Validate what waits by what is left."""
        found = []
        while self.waiting:
            found.append(self._oldest(self._following()))
        return found

    def limit(self, _message: Message) -> str:
        """The median of what follows."""
        return FOLLOWING_LIMIT

    def _oldest(self, following: Times) -> Validated:
        chunk = self.waiting.popleft()
        future = np.zeros(len(chunk.times), np.bool_)
        future[chunk.valid] = self.future(chunk.times[chunk.valid], following)
        return Validated(chunk, chunk.times, future)

    def _following(self) -> Times:
        """Valid event times behind the oldest chunk that waits."""
        chunks = islice(self.waiting, 1, None)
        return np.concatenate([NO_TIMES, *(chunk.times[chunk.valid] for chunk in chunks)])

    def future(self, times: Times, following: Times) -> Flags:
        """Which of ``times``, those of the valid messages of a chunk, lie too far ahead.

        Parameters
        ----------
        following
            Event times of the valid messages that follow: 99, or more, or all there are.
        """
        count = len(times)
        ahead = np.concatenate((times, following[: WINDOW - 1]))
        ended = len(ahead) < count + WINDOW - 1
        flags = far_future(ahead, len(ahead) if ended else count, self._skew_ms)
        kept = np.concatenate((self._before, ahead[~flags] if ended else times[~flags]))
        self._before = np.concatenate((self._before, times[~flags[:count]]))[-WINDOW:]
        if ended:
            flags[-(WINDOW - 1) :] |= ahead[-(WINDOW - 1) :] > latest_at_end(kept[-WINDOW:], self._skew_ms)
        return flags[:count]


def far_future(times: Times, count: int, skew_ms: int) -> Flags:
    """Which of the first ``count`` event times lie more than ``skew_ms`` ahead of the median of the next 100.

    Parameters
    ----------
    times
        Event times of valid messages of one input in its order, UTC ms: the ``count`` to be validated and at least 99
        after them, or as many as the input has. At its end the median is that of what is left.
    """
    flags = np.zeros(count, np.bool_)
    # No median is below the minimum, so only times well above a minimum need a median at all; mostly there are none.
    if count == 0 or times.max() - times.min() <= skew_ms:
        return flags
    whole = min(count, max(len(times) - WINDOW + 1, 0))
    if whole:
        windows = np.lib.stride_tricks.sliding_window_view(times, WINDOW)[:whole]
        suspects = np.flatnonzero(times[:whole] - _minima(times)[:whole] > skew_ms)
        middle = np.partition(windows[suspects], (WINDOW // 2 - 1, WINDOW // 2), axis=1)[
            :, WINDOW // 2 - 1 : WINDOW // 2 + 1
        ]
        flags[suspects] = 2 * times[suspects] > middle.sum(axis=1) + 2 * skew_ms
    for i in range(whole, count):
        left = np.sort(times[i:])
        flags[i] = 2 * times[i] > left[(len(left) - 1) // 2] + left[len(left) // 2] + 2 * skew_ms
    return flags


def _minima(times: Times) -> Times:
    """Minimum of every ``WINDOW`` times in a row, by doubling the width."""
    width = 1
    while 2 * width <= WINDOW:
        times = np.minimum(times[:-width], times[width:])
        width *= 2
    rest = WINDOW - width
    return np.minimum(times[:-rest], times[rest:]) if rest else times


def latest_at_end(last: Times, skew_ms: int) -> int:
    """Latest event time, UTC ms, that is accepted where fewer than 99 follow.

    It is the third latest of the last times of the input, and ``skew_ms``, a week, or the time that most of them are
    spread over, whichever is longest.

    Parameters
    ----------
    last
        The last 100 event times of the input that are not ahead of the median, UTC ms, or all if there are fewer.
    """
    if len(last) < TIMES_MIN:
        return INSTANT_MAX
    ordered = np.sort(last)
    latest = int(ordered[-SUPPORT])
    # A quarter is left out: late events are no sign of a slow input.
    return latest + max(skew_ms, PAUSE_MS, latest - int(ordered[len(ordered) // 4]))


def running_max(times: Times, moves: Flags, before: int) -> Times:
    """Largest time so far among those that move the clock, itself included; ``before`` is the one of earlier chunks."""
    return np.maximum.accumulate(np.concatenate(([before], np.where(moves, times, BEFORE_ALL))))[1:]
