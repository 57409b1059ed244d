"""What one call of a shard may do at most, in rows and outputs; never in time, which would not replay.

A service bounds its calls so that an epoch can end in the middle of a large close. A replay bounds them so that what
all machines put out at a midnight is not in memory at once.
"""

from typing import NamedTuple

QUEUE_UNIT = 8
"""With so many batches waiting a call may do twice as much, with twice as many three times: so the queue is bounded."""
SHARE_MIN = 1 / 8
ROWS_PER_RARE = 4
"""Rows whose planning takes as long as one infrequent event, such as that of a purchase order."""


class CallBounds(NamedTuple):
    """Rows that learn a day, rows that are planned, and output records, about, in one call.

    ``in_order`` lets no record pass a close, so that instants of outputs never fall.
    """

    learned: int
    planned: int
    outputs: int
    in_order: bool = False


SERVICE = CallBounds(learned=512, planned=256, outputs=32)
"""All 16 shards of a process together stay below 0.1 s: a row learns in 5 to 20 us and is planned in 10 us, a document
takes 0.2 ms. A barrier passes some calls on its way."""
REPLAY = CallBounds(learned=16_384, planned=4_096, outputs=2_048, in_order=True)
"""The outputs of a call of all 16 shards take about 100 MB."""
RECORDS_PASSING = 512
"""Records that may pass a close at once; each may need its row planned first."""
UNBOUNDED = CallBounds(learned=2**62, planned=2**62, outputs=2**62, in_order=True)


class CallBudget:
    """What is left for a call.

    Parameters
    ----------
    waiting
        Batches that wait.
    """

    def __init__(self, bounds: CallBounds, waiting: int) -> None:
        times = 1 + waiting // QUEUE_UNIT
        self.bounded = bounds is not UNBOUNDED
        self.records_to_pass = 0 if bounds.in_order else RECORDS_PASSING
        self._learned, self._planned = bounds.learned * times, bounds.planned * times
        self._outputs = bounds.outputs * times

    @property
    def spent(self) -> bool:
        """Whether the call is to end."""
        return min(self._learned, self._planned, self._outputs) <= 0

    def rows_to_learn(self, count: int) -> int:
        """How many of ``count`` rows may learn now."""
        return min(count, max(self._learned, 1))

    def rows_to_plan(self, count: int, outputs_per_row: float) -> int:
        """How many of ``count`` rows may be planned now, if each gives rise to so many outputs."""
        by_outputs = int(self._outputs / max(outputs_per_row, SHARE_MIN))
        return min(count, max(min(self._planned, by_outputs), 1))

    def spend(self, *, learned: int = 0, planned: int = 0, outputs: int = 0) -> None:
        """Note what was done."""
        self._learned -= learned
        self._planned -= planned
        self._outputs -= outputs
