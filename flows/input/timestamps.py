"""Validation of event times: refuses messages too far in the future, and says up to which time a partition is known.

The partition buffer calls one of three validators:

- `flows.input.record_timestamps`, in the service: compares an event time with the broker's timestamp of its record.
- `FollowingTimestamps`, for files and for topics that are read to their end. There the broker's timestamps only say
  when a history was loaded, so an event time is compared with the median of those that follow it. At the end of an
  input few or none follow. There an event time must also be supported: at least three of the last 100 must be about as
  late, within some weeks or, in a slow input, within its usual pause. So may the other files of a folder support it.
  Otherwise one bad date in the last line would advance the clock by years. Late lines that follow an event time say
  nothing about it: if it is ahead of the median, the median is taken again without them.
- `NoTimestamps`, for reference: a record may take effect at any time in the future.
"""

from collections import deque
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.decode import Decoded
from sensing.codec.event_record import BEFORE_ALL
from sensing.codec.instants import INSTANT_MAX
from sensing.codec.message_block import Block, Message
from sensing.machine_settings import DAY_MS, HOUR_MS

WINDOW = 100  # Event times in the median that an event time is compared with: its own and the next 99 of its input.
SUPPORT = 3
TIMES_MIN = 10
"""With fewer event times accept all: too few to say what is usual."""
LATEST = 4_102_444_800_000 - 1
"""Last millisecond of the year 2099. Few event times may be years apart, but a replay closes every day up to the latest
of them."""
PAUSE_MS = 7 * DAY_MS
"""An input may pause this long, as over holidays, and end with one or two lines."""
BURST_PAUSE_MS = 35 * DAY_MS
"""The same where there are few different event times, as after the stock counts of an opening state."""

YEAR_MS = 366 * DAY_MS
"""The same in an input of fewer than ten event times, and in a folder whose files all have fewer than 100: they are too
few to say what is usual, and a wrong date is at most this far away."""

FOLLOWING_LIMIT = (
    f"the median of the next {WINDOW} event times of its input; at its end, at most a week, or a usual pause, later "
    f"than all but two of the last {WINDOW} of it or of all files, or a year where there are few; never after the year "
    "2099"
)
"""Text for `far_future`: the limit."""

Times = NDArray[np.int64]
Flags = NDArray[np.bool_]
NO_TIMES: Times = np.empty(0, np.int64)


class EndOfInputs(NamedTuple):
    """How late the files of a folder end together: the third latest of their last event times (UTC ms).

    ``small`` says that each of them has fewer than 100 event times in all.
    """

    latest: int
    small: bool

    def limit(self, count: int, skew_ms: int) -> int:
        """Latest event time that this supports at the end of an input of ``count`` event times, 100 for more."""
        return self.latest + max(skew_ms, YEAR_MS if self.small or count < TIMES_MIN else PAUSE_MS)


class Chunk(NamedTuple):
    """A decoded block: per message its kind (`flows.input.sorted_block`), whether it is valid, its event time (UTC ms).

    A reject has the event time BEFORE_ALL.
    """

    block: Block
    decoded: Decoded
    kinds: NDArray[np.uint8]
    valid: Flags
    times: Times


class Validated(NamedTuple):
    """A validated chunk: ``known`` is the event time (UTC ms) up to which each message makes its partition known,
    ``future`` whether it is refused as too far in the future.
    """

    chunk: Chunk
    known: Times
    future: Flags


class NoTimestamps:
    """Accepts every event time."""

    def __init__(self) -> None:
        self.waiting: deque[Chunk] = deque()
        """Chunks that wait for enough later event times."""

    def add(self, chunk: Chunk) -> list[Validated]:
        """Add the next chunk of the partition; returns the chunks that are validated now, in order."""
        return [Validated(chunk, chunk.times, np.zeros(len(chunk.times), np.bool_))]

    def end(self) -> list[Validated]:
        """Validate the waiting chunks at the end of the partition."""
        return []

    def limit(self, _message: Message) -> str:
        """Text for `far_future`: the limit for a message."""
        raise AssertionError


class FollowingTimestamps(NoTimestamps):
    """Refuses event times more than ``skew_ms`` ahead of those that follow; the cut into chunks does not matter.

    ``inputs`` says how late all files end; None: that is not known. A line is late if it is more than ``late_ms``
    before what its input has reached.
    """

    def __init__(self, skew_ms: int, inputs: EndOfInputs | None = None, late_ms: int = HOUR_MS) -> None:
        super().__init__()
        self._skew_ms = skew_ms
        self._late_ms = late_ms
        self._inputs = inputs
        self._before = NO_TIMES

    def add(self, chunk: Chunk) -> list[Validated]:
        """Keep the chunk until 99 valid event times follow it."""
        self.waiting.append(chunk)
        found = []
        while len(following := self._following()) >= WINDOW - 1:
            found.append(self._oldest(following))
        return found

    def end(self) -> list[Validated]:
        """Validate the waiting chunks with the fewer event times that follow."""
        found = []
        while self.waiting:
            found.append(self._oldest(self._following()))
        return found

    def limit(self, _message: Message) -> str:
        """Text for the limit: the median of the following event times."""
        return FOLLOWING_LIMIT

    def _oldest(self, following: Times) -> Validated:
        chunk = self.waiting.popleft()
        future = np.zeros(len(chunk.times), np.bool_)
        future[chunk.valid] = self.future(chunk.times[chunk.valid], following)
        return Validated(chunk, chunk.times, future)

    def _following(self) -> Times:
        """Valid event times after the oldest waiting chunk."""
        chunks = islice(self.waiting, 1, None)
        return np.concatenate([NO_TIMES, *(chunk.times[chunk.valid] for chunk in chunks)])

    def future(self, times: Times, following: Times) -> Flags:
        """Flags of ``times`` (the valid event times of a chunk) that are too far ahead.

        Parameters
        ----------
        following
            Valid event times that follow the chunk: at least 99, or fewer at the end of the input.
        """
        count = len(times)
        ahead = np.concatenate((times, following[: WINDOW - 1]))
        ended = len(ahead) < count + WINDOW - 1
        flags = far_future(ahead, len(ahead) if ended else count, self._skew_ms)
        self._accept_before_late_lines(ahead, flags)
        flags |= ahead[: len(flags)] > LATEST
        before, accepted = self._before, ~flags
        kept = np.concatenate((self._before, ahead[~flags] if ended else times[~flags]))
        self._before = np.concatenate((self._before, times[~flags[:count]]))[-WINDOW:]
        if ended:
            last = max(len(ahead) - WINDOW + 1, 0)
            for at in (last + np.flatnonzero(ahead[last:] > self._latest(kept[-WINDOW:]))).tolist():
                flags[at] |= not _is_supported(ahead[at], _last_of(before, ahead[:at][accepted[:at]]), self._skew_ms)
        return flags[:count]

    def _accept_before_late_lines(self, ahead: Times, flags: Flags) -> None:
        """Clear the flag of each event time that only late lines make look too far ahead."""
        before, seen = self._before, 0
        for at in np.flatnonzero(flags).tolist():
            before, seen = _last_of(before, ahead[seen:at][~flags[seen:at]]), at
            if not _is_supported(ahead[at], before, self._skew_ms):
                continue
            reached = np.sort(before)[-SUPPORT]
            following = ahead[at + 1 : at + WINDOW]
            company = np.append(following[following >= reached - self._late_ms], ahead[at])
            flags[at] = ahead[at] > np.median(company) + self._skew_ms

    def _latest(self, last: Times) -> int:
        """Latest event time that is accepted at the end of the input; ``last`` are its last 100 event times."""
        own = latest_at_end(last, self._skew_ms)
        if self._inputs is None:
            return own
        supported = self._inputs.limit(len(last), self._skew_ms)
        return supported if len(last) < TIMES_MIN else max(own, supported)


def far_future(times: Times, count: int, skew_ms: int) -> Flags:
    """Flags of the first ``count`` event times that are more than ``skew_ms`` ahead of the median of their next 100.

    Parameters
    ----------
    times
        Event times of valid messages of one input in its order, UTC ms: the ``count`` to be validated and at least 99
        after them, or fewer at the end of the input. There the median is that of the remaining times.
    """
    flags = np.zeros(count, np.bool_)
    # A median is never below the minimum, so only times far above the minimum need one. Usually there are none.
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
    """Latest event time (UTC ms) that is accepted if fewer than 99 event times follow.

    It is the third latest of the last event times, plus the longest of ``skew_ms``, a week, and the span of their
    latest three quarters. If they are fewer than ten different times, the week is five weeks.

    Parameters
    ----------
    last
        The last 100 event times of the input that are not ahead of the median, UTC ms, or all if there are fewer.
    """
    if len(last) < TIMES_MIN:
        return INSTANT_MAX
    pause = BURST_PAUSE_MS if len(np.unique(last)) < TIMES_MIN else PAUSE_MS
    ordered = np.sort(last)
    latest = int(ordered[-SUPPORT])
    # The earliest quarter is left out: late events do not mean that the input is slow.
    return latest + max(skew_ms, pause, latest - int(ordered[len(ordered) // 4]))


def _last_of(before: Times, times: Times) -> Times:
    """The last 100 of both."""
    return np.concatenate((before, times))[-WINDOW:]


def _is_supported(time: int, before: Times, skew_ms: int) -> bool:
    """Whether the accepted event times before it support one, as they would at the end of the input."""
    return len(before) >= TIMES_MIN and time <= min(latest_at_end(before, skew_ms), LATEST)


def running_max(times: Times, moves: Flags, before: int) -> Times:
    """Running maximum of ``times`` where ``moves`` is set; ``before`` is the maximum of earlier chunks."""
    return np.maximum.accumulate(np.concatenate(([before], np.where(moves, times, BEFORE_ALL))))[1:]
