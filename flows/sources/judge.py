"""What the time of a message does to the clock: which messages are too far ahead, and the running maximum."""

import numpy as np
from numpy.typing import NDArray

from sensing.codec.record import BEFORE_ALL

WINDOW = 100  # A date is judged against the median of the next so many of its file, itself included.

Times = NDArray[np.int64]
Flags = NDArray[np.bool_]


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
        suspects = np.flatnonzero(times[:whole] - windows.min(axis=1) > skew_ms)
        middle = np.partition(windows[suspects], (WINDOW // 2 - 1, WINDOW // 2), axis=1)[
            :, WINDOW // 2 - 1 : WINDOW // 2 + 1
        ]
        flags[suspects] = 2 * times[suspects] > middle.sum(axis=1) + 2 * skew_ms
    for i in range(whole, count):
        left = np.sort(times[i:])
        flags[i] = 2 * times[i] > left[(len(left) - 1) // 2] + left[len(left) // 2] + 2 * skew_ms
    return flags


def running_max(times: Times, moves: Flags, before: int) -> Times:
    """Largest time so far among those that move the clock, itself included; ``before`` is the one of earlier chunks."""
    return np.maximum.accumulate(np.concatenate(([before], np.where(moves, times, BEFORE_ALL))))[1:]
