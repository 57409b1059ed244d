"""All shards of one process, driven without a flow: how benchmarks bring machines to a state worth measuring."""

from collections.abc import Iterable
from hashlib import sha256
from time import process_time

import numpy as np

from benchmarks.events import Feed
from benchmarks.workloads import DAY_MS, HOUR_MS, Lines
from sensing.codec.record import EVENT, Batch
from sensing.codec.split import split
from sensing.machines.messages import ParameterRows, Totals
from sensing.machines.shard import Outputs, ShardMachine
from sensing.outputs import OutputRecord
from sensing.settings import Settings

HISTORY_BATCH = 65_536
CLOSES_MS = 61 * 60_000
"""From a day's end on: by then all rows have closed the day and the pools are folded."""


class Shards:
    """The shard machines, what has been fed to them, and a hash of all they have put out.

    Attributes
    ----------
    machines
        One per shard.
    feed
        What turns lines into batches for them.
    outputs
        Output records so far.
    """

    def __init__(self, settings: Settings) -> None:
        self.machines = [ShardMachine(number, settings) for number in range(settings.shards)]
        self.feed = Feed(settings)
        self.outputs = 0
        self._answer = sha256()

    def take(self, lines: Lines) -> None:
        """Apply lines in batches of the usual size."""
        for batch in self.feed.batches(lines, HISTORY_BATCH):
            self.give(split(batch, len(self.machines)))

    def tick(self, watermark: int, *, final: bool = False) -> float:
        """Let the clock go on to ``watermark`` without a record; returns the processor time of it, seconds."""
        return self.give([Batch(np.zeros(0, EVENT), [], watermark, final, account=int(final)) for _ in self.machines])

    def give(self, parts: Iterable[Batch]) -> float:
        """Apply a batch per machine; returns the processor time of that alone, seconds."""
        started = process_time()
        made = [machine.apply(part) for machine, part in zip(self.machines, parts, strict=True)]
        spent = process_time() - started
        for outputs in made:
            self._note(outputs)
        return spent

    def finish(self) -> bytes:
        """End the input with the day of the newest line; returns the hash of all outputs and parameters."""
        self.tick((self.feed.newest_ms // DAY_MS + 1) * DAY_MS, final=True)
        return self._answer.digest()

    def _note(self, outputs: Outputs) -> None:
        for output in outputs:
            if isinstance(output, OutputRecord):
                self.outputs += 1
                self._answer.update(output.id.encode() + output.data)
            elif isinstance(output, Totals):
                self._answer.update(repr(output.counts).encode())
            else:
                self._parameters(output)

    def _parameters(self, rows: ParameterRows) -> None:
        for name, values in sorted(rows.columns.items()):
            content = values.tobytes() if isinstance(values, np.ndarray) else repr(values).encode()
            self._answer.update(name.encode() + content)


def between_closes(lines: Lines, day_start_ms: int) -> slice:
    """The lines of a day, in the order in which they arrive, during which no row closes and no effect of time is due.

    They begin when the closes of the day before are over, and end with the last line that leaves the watermark below
    the day's end.
    """
    newest = np.maximum.accumulate(lines["time_ms"])
    begin = np.searchsorted(newest, day_start_ms + HOUR_MS + CLOSES_MS, "left")
    return slice(int(begin), int(np.searchsorted(newest, day_start_ms + DAY_MS + HOUR_MS, "left")))
