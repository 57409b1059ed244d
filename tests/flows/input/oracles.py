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


def too_far_ahead(times: list[int], skew_ms: int) -> list[bool]:
    """Which times of a file are refused: those ahead of the median, and isolated late times at the end of the file.

    A time with fewer than 99 successors has a limit: a week (five, if few times differ) or a usual pause, after the
    third latest of the last 100 times that are not ahead of their median.
    """
    ahead = ahead_of_median(times, skew_ms)
    last = sorted([time for time, far in zip(times, ahead, strict=True) if not far][-100:])
    if len(last) < 10:
        return ahead
    pause_days = 7 if len(set(last)) >= 10 else 35
    limit = last[-3] + max(skew_ms, pause_days * 24 * HOUR_MS, last[-3] - last[len(last) // 4])
    return [far or (i > len(times) - 100 and times[i] > limit) for i, far in enumerate(ahead)]


def merge(files: dict[str, list[int]], settings: Settings) -> list[Merged]:
    """Merge the event times of files by their heads' (event time, topic); future dates are left out."""
    queues = {
        topic: [(time, line) for line, (time, far) in enumerate(zip(times, flags, strict=True)) if not far]
        for topic, times in files.items()
        for flags in [too_far_ahead(times, settings.skew_ms)]
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
