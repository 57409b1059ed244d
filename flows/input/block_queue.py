"""Queue of sorted blocks: the messages of one partition buffer, in order. The partition buffer uses it."""

from collections import deque

import numpy as np

from flows.input.sorted_block import SortedBlock


class BlockQueue:
    """Blocks in order, none of them empty; the queue does not copy them."""

    def __init__(self) -> None:
        self._blocks: deque[SortedBlock] = deque()
        self._count = 0

    def __len__(self) -> int:
        """Number of messages, not of blocks."""
        return self._count

    @property
    def first_key(self) -> int:
        """Key of the first message; there must be one."""
        return int(self._blocks[0].keys[0])

    @property
    def first_number(self) -> int:
        """Number of the first message; there must be one."""
        return int(self._blocks[0].numbers[0])

    def key_of(self, count: int) -> int:
        """Key of the ``count``-th message; there must be at least ``count``."""
        for block in self._blocks:
            if count <= len(block):
                return int(block.keys[count - 1])
            count -= len(block)
        msg = f"{count} messages more than wait"
        raise AssertionError(msg)

    def add(self, block: SortedBlock) -> None:
        """Append a block; none of its keys is below those in the queue."""
        self._blocks.append(block)
        self._count += len(block)

    def take(self, below: int) -> list[SortedBlock]:
        """Remove and return all messages with keys below ``below``, as blocks in order."""
        taken = []
        while self._blocks and int(self._blocks[0].keys[-1]) < below:
            taken.append(self._blocks.popleft())
        if self._blocks and int(self._blocks[0].keys[0]) < below:
            head, self._blocks[0] = self._blocks[0].cut(int(np.searchsorted(self._blocks[0].keys, below)))
            taken.append(head)
        self._count -= sum(map(len, taken))
        return taken
