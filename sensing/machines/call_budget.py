"""What one call of a shard may do at most, in rows and outputs; never in time, which would not replay.

A service bounds its calls so that an epoch can end in the middle of a large close. A replay has no epochs to end, and
its outputs are to be in one order: it bounds nothing.
"""

from typing import NamedTuple

QUEUE_UNIT = 8
"""With so many batches waiting a call may do twice as much, with twice as many three times: so the queue is bounded."""
SHARE_MIN = 1 / 8
ROWS_PER_RARE = 4
"""Rows whose planning takes as long as one infrequent event, such as that of a purchase order."""


class CallBounds(NamedTuple):
    """Rows that learn a day, rows that are planned, and output records, about, in one call.

    All 16 shards of a process together stay below 0.3 s: a row learns in 5 to 20 us and is planned in 10 us, a document
    takes 0.2 ms.
    """

    learned: int = 1_024
    planned: int = 512
    outputs: int = 64


class CallBudget:
    """What is left for a call.

    Parameters
    ----------
    bounds
        None: without any.
    waiting
        Batches that wait.
    """

    def __init__(self, bounds: CallBounds | None, waiting: int) -> None:
        times = 1 + waiting // QUEUE_UNIT
        self.bounded = bounds is not None
        self._learned, self._planned, self._outputs = (bound * times for bound in bounds or CallBounds())

    @property
    def spent(self) -> bool:
        """Whether the call is to end."""
        return self.bounded and min(self._learned, self._planned, self._outputs) <= 0

    @property
    def records_to_pass(self) -> int:
        """How many records may be absorbed at once past an effect under way; each may need its row planned."""
        return CallBounds().planned if self.bounded else 0

    def rows_to_learn(self, count: int) -> int:
        """How many of ``count`` rows may learn now."""
        return min(count, max(self._learned, 1)) if self.bounded else count

    def rows_to_plan(self, count: int, outputs_per_row: float) -> int:
        """How many of ``count`` rows may be planned now, if each gives rise to so many outputs."""
        if not self.bounded:
            return count
        by_outputs = int(self._outputs / max(outputs_per_row, SHARE_MIN))
        return min(count, max(min(self._planned, by_outputs), 1))

    def spend(self, *, learned: int = 0, planned: int = 0, outputs: int = 0) -> None:
        """Note what was done."""
        self._learned -= learned
        self._planned -= planned
        self._outputs -= outputs
