"""Messages of one partition that wait to be handed on."""

from collections import deque

import numpy as np

from flows.sources.run import Run


class Waiting:
    """Runs in order, none of them empty; nothing is copied while they wait."""

    def __init__(self) -> None:
        self._runs: deque[Run] = deque()
        self._count = 0

    def __len__(self) -> int:
        """Messages, not runs."""
        return self._count

    @property
    def first_key(self) -> int:
        """Key of the first message; there must be one."""
        return int(self._runs[0].keys[0])

    @property
    def first_number(self) -> int:
        """Number of the first message; there must be one."""
        return int(self._runs[0].numbers[0])

    def key_of(self, count: int) -> int:
        """Key of the ``count``-th message; there must be so many."""
        for run in self._runs:
            if count <= len(run):
                return int(run.keys[count - 1])
            count -= len(run)
        msg = f"{count} messages more than wait"
        raise AssertionError(msg)

    def add(self, run: Run) -> None:
        """Put a run behind all others; its keys are none below theirs."""
        self._runs.append(run)
        self._count += len(run)

    def take(self, below: int) -> list[Run]:
        """Take out all messages with keys below this one, as runs in order."""
        taken = []
        while self._runs and int(self._runs[0].keys[-1]) < below:
            taken.append(self._runs.popleft())
        if self._runs and int(self._runs[0].keys[0]) < below:
            head, self._runs[0] = self._runs[0].cut(int(np.searchsorted(self._runs[0].keys, below)))
            taken.append(head)
        self._count -= sum(map(len, taken))
        return taken
