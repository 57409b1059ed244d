"""Counts of observations by size, written by one thread and read by others."""

from bisect import bisect_left
from itertools import accumulate


class Histogram:
    """Observations up to and including each bound, as Prometheus counts them.

    Parameters
    ----------
    bounds
        Upper bounds of the buckets, rising; one more bucket holds what is above the last.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def read(self) -> tuple[list[tuple[str, float]], float]:
        """Bounds as texts, each with how many observations there were up to it, and the sum of all observations."""
        names = [*map(str, self._bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self._counts)), strict=True)), self._sum
