"""All shards in one process without a flow. Benchmarks use it to give machines a history."""

from collections.abc import Callable, Iterable
from hashlib import sha256
from time import process_time

import numpy as np

from benchmarks.events import Feed
from benchmarks.workloads import DAY_MS, HOUR_MS, Lines
from sensing.codec.currency_notices import CurrencyNotices
from sensing.codec.event_record import EVENT, Batch
from sensing.codec.location_notices import LocationNotices
from sensing.codec.shard_split import split
from sensing.machine_settings import Settings
from sensing.machines.machine_messages import ParameterRows, Totals
from sensing.machines.shard import Outputs, ShardMachine
from sensing.outputs import OutputRecord

HISTORY_BATCH = 65_536
CLOSES_MS = 61 * 60_000
"""Time after a day's end by which all rows have closed the day and the pools are aggregated."""


class Shards:
    """The shard machines, the feed of their batches, and a hash of all their outputs.

    Parameters
    ----------
    watch
        Called with each output record, in the order of the outputs.

    Attributes
    ----------
    machines
        One per shard.
    feed
        Turns lines into batches.
    outputs
        Number of output records so far.
    """

    def __init__(self, settings: Settings, watch: Callable[[OutputRecord], None] | None = None) -> None:
        self.machines = [ShardMachine(number, settings) for number in range(settings.shards)]
        self.feed = Feed(settings)
        self.outputs = 0
        self._currencies = CurrencyNotices()
        self._locations = LocationNotices()
        self._answer = sha256()
        self._watch = watch

    def take(self, lines: Lines) -> None:
        """Apply lines in batches of the usual size."""
        for batch in self.feed.batches(lines, HISTORY_BATCH):
            self.give(self.split(batch))

    def split(self, batch: Batch) -> list[Batch]:
        """A batch per machine, as routers make them."""
        return split(self._currencies.announce(self._locations.announce(batch)), len(self.machines))

    def tick(self, watermark: int, *, final: bool = False) -> float:
        """Advance the clock to ``watermark`` without records; returns the processor time in seconds."""
        return self.give(
            [Batch(np.zeros(0, EVENT), [], watermark, final, reconciliation=int(final)) for _ in self.machines]
        )

    def give(self, parts: Iterable[Batch]) -> float:
        """Apply a batch per machine; returns the processor time in seconds."""
        started = process_time()
        made = [machine.apply(part) for machine, part in zip(self.machines, parts, strict=True)]
        spent = process_time() - started
        for outputs in made:
            self._note(outputs)
        return spent

    def finish(self) -> bytes:
        """End the input with the day of the newest line; returns the hash of all outputs and parameters."""
        self.tick((self.feed.newest_ms // DAY_MS + 1) * DAY_MS, final=True)
        return self.answer()

    def answer(self) -> bytes:
        """Hash of all outputs so far."""
        return self._answer.digest()

    def _note(self, outputs: Outputs) -> None:
        for output in outputs:
            if isinstance(output, OutputRecord):
                self.outputs += 1
                self._answer.update(output.id.encode() + output.data)
                if self._watch is not None:
                    self._watch(output)
            elif isinstance(output, Totals):
                self._answer.update(repr(output.counts).encode())
            elif isinstance(output, ParameterRows):
                self._parameters(output)

    def _parameters(self, rows: ParameterRows) -> None:
        for name, values in sorted(rows.columns.items()):
            content = values.tobytes() if isinstance(values, np.ndarray) else repr(values).encode()
            self._answer.update(name.encode() + content)


def between_closes(lines: Lines, day_start_ms: int) -> slice:
    """Range of a day's lines, in order of arrival, during which no row closes and no timer is due.

    It begins after the closes of the day before, and ends with the last line whose watermark is below the day's end.
    """
    newest = np.maximum.accumulate(lines["time_ms"])
    begin = np.searchsorted(newest, day_start_ms + HOUR_MS + CLOSES_MS, "left")
    return slice(int(begin), int(np.searchsorted(newest, day_start_ms + DAY_MS + HOUR_MS, "left")))
