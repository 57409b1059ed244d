"""K-way merge of the inputs: by (largest event time so far in the input, input, line), so that late lines stay late.

The same order comes of always taking the head with the smallest (event time, topic): a late head is smallest at once.
"""

import numpy as np

from flows.sources.run import Run, empty_run, interleave
from flows.sources.stream import Stream


class Merge:
    """Merges streams, which come in the order of their topics; an exhausted one drops out.

    At most one run of each stream is held.
    """

    def __init__(self, streams: list[Stream]) -> None:
        self._streams = streams
        self._held = [empty_run() for _ in streams]
        self._open = [True for _ in streams]

    @property
    def bytes_read(self) -> int:
        """Bytes read of all files."""
        return sum(stream.bytes_read for stream in self._streams)

    def next_run(self) -> Run | None:
        """The next merged messages (at least one), or None when all inputs are exhausted; closes the files on error."""
        try:
            return self._next_run()
        except BaseException:
            self.close()
            raise

    def _next_run(self) -> Run | None:
        for at, stream in enumerate(self._streams):
            if self._open[at] and not len(self._held[at]):
                run = stream.next_run()
                self._open[at] = run is not None
                self._held[at] = run or empty_run()
        ready = [run.cut(self._safe(at)) for at, run in enumerate(self._held)]
        self._held = [tail for _, tail in ready]
        merged = interleave([head for head, _ in ready])
        return merged if len(merged) else None

    def close(self) -> None:
        """Close all files."""
        for stream in self._streams:
            stream.close()

    def _safe(self, at: int) -> int:
        """How many held messages of one stream come before anything that another stream may still bring."""
        keys = self._held[at].keys
        safe = len(keys)
        for other, run in enumerate(self._held):
            if other != at and self._open[other]:
                reach = np.searchsorted(keys, run.keys[-1], "right" if at < other else "left")
                safe = min(safe, int(reach))
        return safe
