"""Call budget: the most that one call of a shard may do, in rows and outputs. A limit in time would not be replayable.

The service bounds its calls so that an epoch can end in the middle of a large day close. The replay bounds them so that
the outputs of all machines at midnight are not in memory at once.
"""

from typing import NamedTuple

QUEUE_UNIT = 8
"""Every 8 queued batches add the base bounds to a call once more, so the queue stays bounded."""
SHARE_MIN = 1 / 8
ROWS_PER_INFREQUENT_EVENT = 4
"""Planning this many rows takes as long as one infrequent event, such as that of a purchase order."""


class CallBounds(NamedTuple):
    """Approximate limits of one call: rows that learn a day, rows that are planned, output records.

    With ``in_order`` no record passes a day close, so the instants of outputs never fall.
    """

    learned: int
    planned: int
    outputs: int
    in_order: bool = False


SERVICE = CallBounds(learned=512, planned=256, outputs=32)
"""One call of all 16 shards of a process takes less than 0.1 s: a row learns in 5 to 20 us and is planned in 10 us, a
document takes 0.2 ms. An epoch's barrier waits for several calls."""
REPLAY = CallBounds(learned=16_384, planned=4_096, outputs=2_048, in_order=True)
"""The outputs of one call of all 16 shards take about 100 MB of memory."""
RECORDS_PASSING = 512
"""Records that may pass a day close at once; the row of each may have to be planned first."""
UNBOUNDED = CallBounds(learned=2**62, planned=2**62, outputs=2**62, in_order=True)


class CallBudget:
    """The remaining budget of one call.

    Parameters
    ----------
    waiting
        Number of queued batches.
    """

    def __init__(self, bounds: CallBounds, waiting: int) -> None:
        times = 1 + waiting // QUEUE_UNIT
        self.bounded = bounds is not UNBOUNDED
        self.records_to_pass = 0 if bounds.in_order else RECORDS_PASSING
        self._learned, self._planned = bounds.learned * times, bounds.planned * times
        self._outputs = bounds.outputs * times

    @property
    def spent(self) -> bool:
        """Whether the call must end."""
        return min(self._learned, self._planned, self._outputs) <= 0

    def rows_to_learn(self, count: int) -> int:
        """How many of ``count`` rows may learn now; at least one."""
        return min(count, max(self._learned, 1))

    def rows_to_plan(self, count: int, outputs_per_row: float) -> int:
        """How many of ``count`` rows may be planned now, at least one, if each makes ``outputs_per_row`` outputs."""
        by_outputs = int(self._outputs / max(outputs_per_row, SHARE_MIN))
        return min(count, max(min(self._planned, by_outputs), 1))

    def spend(self, *, learned: int = 0, planned: int = 0, outputs: int = 0) -> None:
        """Subtract finished work from the budget."""
        self._learned -= learned
        self._planned -= planned
        self._outputs -= outputs
