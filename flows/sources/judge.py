"""What the time of a message does to the clock: which messages are too far ahead, and the running maximum.

A date is judged by those that come after it. At the end of an input few or none do, so there a date must also keep
company: of the last 100 dates three at least must be about as late, where "about" is a week, or longer where the input
is slow. One bad date in the last line would else run the clock on for years.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import INSTANT_MAX
from sensing.codec.record import BEFORE_ALL
from sensing.settings import DAY_MS

WINDOW = 100  # A date is judged against the median of the next so many of its file, itself included.
COMPANY = 3
DATES_MIN = 10
"""Of fewer dates none is usual, so none is odd."""
PAUSE_MS = 7 * DAY_MS
"""An input may be silent for so long and end with a line or two: holidays, not a slip of the pen."""

AHEAD_OF = (
    f"the median of the next {WINDOW} event times of its input; at its end, at most a week, or a usual pause, later "
    f"than all but two of the last {WINDOW}"
)
"""What a date may lie ahead of by so much, in words."""

Times = NDArray[np.int64]
Flags = NDArray[np.bool_]
NO_TIMES: Times = np.empty(0, np.int64)


def far_future(times: Times, count: int, skew_ms: int) -> Flags:
    """Which of the first ``count`` event times lie more than ``skew_ms`` ahead of the median of the next 100.

    Parameters
    ----------
    times
        Event times of valid messages of one file in its order, UTC ms: the ``count`` to be judged and at least 99
        after them, or as many as the file has. At the end of the file the median is that of what is left.
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
    """Latest event time, UTC ms, that is believed where fewer than 99 follow.

    It is the third latest of the last times of the input, and ``skew_ms``, a week, or the time that most of them are
    spread over, whichever is longest.

    Parameters
    ----------
    last
        The last 100 event times of the input that are not ahead of the median, UTC ms, or all if there are fewer.
    """
    if len(last) < DATES_MIN:
        return INSTANT_MAX
    ordered = np.sort(last)
    latest = int(ordered[-COMPANY])
    # A quarter is left out: late events are no sign of a slow input.
    return latest + max(skew_ms, PAUSE_MS, latest - int(ordered[len(ordered) // 4]))


class Judge:
    """Judges the dates of one input, chunk after chunk; how it is cut into chunks does not matter.

    Parameters
    ----------
    before
        The last event times of the input, UTC ms, that are behind the first chunk; 100 of them are enough.
    """

    def __init__(self, skew_ms: int, before: Times = NO_TIMES) -> None:
        self._skew_ms = skew_ms
        self._before = before

    def future(self, times: Times, later: Times) -> Flags:
        """Which of ``times``, those of the valid messages of a chunk, lie too far ahead.

        Parameters
        ----------
        later
            Event times of the valid messages that follow: 99, or more, or all there are.
        """
        count = len(times)
        ahead = np.concatenate((times, later[: WINDOW - 1]))
        ended = len(ahead) < count + WINDOW - 1
        flags = far_future(ahead, len(ahead) if ended else count, self._skew_ms)
        kept = np.concatenate((self._before, ahead[~flags] if ended else times[~flags]))
        self._before = np.concatenate((self._before, times[~flags[:count]]))[-WINDOW:]
        if ended:
            flags[-(WINDOW - 1) :] |= ahead[-(WINDOW - 1) :] > latest_at_end(kept[-WINDOW:], self._skew_ms)
        return flags[:count]


def running_max(times: Times, moves: Flags, before: int) -> Times:
    """Largest time so far among those that move the clock, itself included; ``before`` is the one of earlier chunks."""
    return np.maximum.accumulate(np.concatenate(([before], np.where(moves, times, BEFORE_ALL))))[1:]
