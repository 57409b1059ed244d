"""Slow oracles of the input: merge of messages with a heap, and timestamp validation by medians."""

import heapq
import statistics
from typing import NamedTuple

from sensing.machine_settings import HOUR_MS, Settings


class Merged(NamedTuple):
    """A merged message with its watermark and outcome."""

    topic: str
    line: int
    time: int
    watermark: int
    outcome: str  # taken, too_late


def ahead_of_median(times: list[int], skew_ms: int) -> list[bool]:
    """Which times of a file are too far ahead of the median of the next 100, themselves included."""
    return [time > statistics.median(times[i : i + 100]) + skew_ms for i, time in enumerate(times)]


def too_far_ahead(times: list[int], skew_ms: int, late_ms: int = HOUR_MS) -> list[bool]:
    """Which times of a file are refused: those ahead of the median, and isolated late times at the end of the file.

    A time with fewer than 99 successors has a limit: a week (five, if few times differ) or a usual pause, after the
    third latest of the last 100 times that are not ahead of their median. A time ahead of its median is accepted if it
    is within this limit after the 100 accepted times before it, and not ahead of the median without late times.
    """
    ahead = ahead_of_median(times, skew_ms)
    before: list[list[int]] = []
    for i, time in enumerate(times):
        before.append([each for each, far in zip(times[:i], ahead[:i], strict=True) if not far][-100:])
        if ahead[i] and time <= _limit(before[i], skew_ms, few=-1):
            on_time = [each for each in times[i + 1 : i + 100] if each >= sorted(before[i])[-3] - late_ms]
            ahead[i] = time > statistics.median([time, *on_time]) + skew_ms
    limit = _limit([time for time, far in zip(times, ahead, strict=True) if not far][-100:], skew_ms, few=10**16)
    return [
        far or (i > len(times) - 100 and times[i] > max(limit, _limit(before[i], skew_ms, few=-1)))
        for i, far in enumerate(ahead)
    ]


def _limit(last: list[int], skew_ms: int, few: int) -> int:
    """Limit at the end of an input with these last times; ``few`` if they are fewer than ten."""
    last = sorted(last)
    if len(last) < 10:
        return few
    pause_days = 7 if len(set(last)) >= 10 else 35
    return last[-3] + max(skew_ms, pause_days * 24 * HOUR_MS, last[-3] - last[len(last) // 4])


def merge(files: dict[str, list[int]], settings: Settings) -> list[Merged]:
    """Merge the event times of files by their heads' (event time, topic); future dates are left out."""
    queues = {
        topic: [(time, line) for line, (time, far) in enumerate(zip(times, flags, strict=True)) if not far]
        for topic, times in files.items()
        for flags in [too_far_ahead(times, settings.skew_ms, settings.lateness_ms)]
    }
    heads = [(queue[0][0], topic, 0) for topic, queue in queues.items() if queue]
    heapq.heapify(heads)
    found = []
    clock = 0
    while heads:
        time, topic, at = heapq.heappop(heads)
        clock = max(clock, time)
        watermark = max(clock - settings.lateness_ms, 0)
        outcome = "too_late" if time < watermark - settings.horizon_ms else "taken"
        found.append(Merged(topic, queues[topic][at][1], time, watermark, outcome))
        if at + 1 < len(queues[topic]):
            heapq.heappush(heads, (queues[topic][at + 1][0], topic, at + 1))
    return found
