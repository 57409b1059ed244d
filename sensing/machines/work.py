"""What a shard is working on, kept so that a failure can name it. The shard sets it before every piece of work."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sensing.codec.event_record import InfrequentEvent
from sensing.machines.failure import (
    MachineFailure,
    failed_event,
    failed_range,
    failed_work,
    first_failing,
    place_of_infrequent,
    place_of_record,
)
from sensing.machines.input_queue import BatchCursor
from sensing.machines.resumable import Resumable
from sensing.machines.shard_state import ShardState


class Work(NamedTuple):
    """Records ``start`` to ``stop`` of a batch, an infrequent event, or a timer under way; none of them: a timer."""

    cursor: BatchCursor | None = None
    start: int = 0
    stop: int = 0
    message: InfrequentEvent | None = None
    timer: Resumable | None = None

    def failure(
        self, s: ShardState, error: Exception, absorb_one: Callable[[BatchCursor, int], None]
    ) -> MachineFailure:
        """The failure that ``error`` is.

        A kernel applies many records in one call. So the records are applied again, one by one, to the state as the
        failure has left it. Those that had been absorbed are duplicates now and change nothing. The first that raises
        is the cause.
        """
        if self.message is not None:
            return failed_event(place_of_infrequent(self.message), error)
        if self.cursor is None:
            return failed_work(*_timer(s, self.timer), error)
        cursor = self.cursor
        records = cursor.batch.records[self.start : self.stop]
        first, last = (place_of_record(record, cursor.texts.one(record)) for record in (records[0], records[-1]))
        if len(records) == 1:
            return failed_event(first, error)
        at = first_failing(len(records), lambda at: absorb_one(cursor, self.start + at))
        if at is None:
            return failed_range(first, last, len(records), error)
        return failed_event(place_of_record(records[at], cursor.texts.one(records[at])), error)


def _timer(s: ShardState, timer: Resumable | None) -> tuple[str, list[str]]:
    """Name of a timer, and the SKU-locations that it was working on."""
    if timer is None:
        return "a timer", []
    rows = timer.failed_rows(s)
    return timer.KIND.replace("_", " "), ["/".join(s.names_of(row)) for row in np.unique(rows).tolist()]
