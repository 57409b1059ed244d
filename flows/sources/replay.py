"""The file source: all inputs of a folder as one Bytewax partition, merged by event time, cut into blocks, split."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from flows.addresses import Item, machine_keys, to_ledger, to_shards
from flows.control import Control
from flows.sources.end import end_of_last_day
from flows.sources.folder import Input, find_inputs
from flows.sources.merge import Merge
from flows.sources.run import Run, empty_run
from flows.sources.stream import PARTITION, Position, Reference, Stream, read_reference
from sensing.codec.record import BEFORE_ALL, TOPICS, Batch, Topic
from sensing.machines.messages import LedgerBatch
from sensing.settings import Settings

PART = "files"
ROUND_MESSAGES = (
    4096  # Small blocks are handed on so many messages at a time: every machine gets a tick per round, not per block.
)
LINE_BYTES = 320
CHUNK_BYTES_MIN, CHUNK_BYTES_MAX = 1 << 16, 16 << 20


@dataclass
class ReplayState:
    """Where a replay goes on: positions by topic, the clock, and whether the reference and the end were handed on."""

    positions: dict[str, Position] = field(default_factory=dict)
    clock: int = BEFORE_ALL
    started: bool = False
    ended: bool = False

    def copy(self) -> "ReplayState":
        """A copy that later reading does not change."""
        return ReplayState(dict(self.positions), self.clock, self.started, self.ended)


class ReplaySource(FixedPartitionedSource[Item, ReplayState]):
    """Reads a folder once, in event time.

    Parameters
    ----------
    folder
        NDJSON files named after topics.
    block_size
        The most messages handed to machines at once; results do not depend on it.
    until
        Instant at which the clock ends, UTC ms; None: the end of the last event's local day.
    """

    def __init__(self, folder: Path, settings: Settings, block_size: int, until: int | None, control: Control) -> None:
        self._folder = folder
        self._settings = settings
        self._block_size = block_size
        self._until = until
        self._control = control
        self._built: list[ReplayPartition] = []

    def list_parts(self) -> list[str]:
        """One partition: a merge needs all heads."""
        return [PART]

    def build_part(self, step_id: str, for_part: str, resume_state: ReplayState | None) -> "ReplayPartition":
        """Open the files, where need be behind what was handed on before."""
        state = resume_state.copy() if resume_state else ReplayState()
        inputs = find_inputs(self._folder)
        part = ReplayPartition(inputs, self._settings, self._block_size, self._until, self._control, state)
        self._built.append(part)
        return part

    def close(self) -> None:
        """Close all files: Bytewax does not close partitions when a run fails."""
        for part in self._built:
            part.close()


class ReplayPartition(StatefulSourcePartition[Item, ReplayState]):
    """The inputs of one folder."""

    def __init__(
        self,
        inputs: list[Input],
        settings: Settings,
        block_size: int,
        until: int | None,
        control: Control,
        state: ReplayState,
    ) -> None:
        self._settings = settings
        self._block_size = block_size
        self._until = until
        self._control = control
        self._state = state
        self._keys = machine_keys(settings.shards)
        chunk_bytes = min(max(block_size * LINE_BYTES, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX)
        reference = TOPICS[Topic.REFERENCE]
        self._topics = [file.topic for file in inputs if file.topic != reference]
        self._bytes_total = sum(file.path.stat().st_size for file in inputs if file.topic != reference)
        starts = [state.positions.get(topic, Position()) for topic in self._topics]
        files = [file for file in inputs if file.topic != reference]
        self._merge = Merge(
            [
                Stream(source, file, settings, chunk_bytes, start, until)
                for source, (file, start) in enumerate(zip(files, starts, strict=True))
            ]
        )
        self._reference_given = len(files) < len(inputs)
        self._reference = Reference([], [], 0)
        for file in inputs:
            if file.topic == reference:
                self._reference = read_reference(file, chunk_bytes)
        self._run: Run | None = empty_run()

    def next_batch(self) -> list[Item]:
        """The items of one round; nothing while machines are behind."""
        if self._state.ended:
            raise StopIteration
        if self._control.full:
            return []
        items = self._first() if not self._state.started else self._round()
        self._control.sent(len(items))
        self._control.progress(self._share(), self._clock(), last=self._state.ended)
        return items

    def snapshot(self) -> ReplayState:
        """Line numbers and clock behind the last message handed on."""
        return self._state.copy()

    def close(self) -> None:
        """Close the files."""
        self._merge.close()

    def _first(self) -> list[Item]:
        """The whole reference, before any other message."""
        self._state.started = True
        reference = self._reference
        batch = Batch(empty_run().records, [(0, event) for event in reference.rare], BEFORE_ALL)
        # Inputs without a line are in the books as well.
        read = [(topic, PARTITION, 0) for topic in self._topics]
        if self._reference_given:
            read.append((TOPICS[Topic.REFERENCE], PARTITION, reference.read))
        self._control.lines += reference.read
        return [
            *to_shards(batch, self._keys, everyone=True),
            to_ledger(LedgerBatch(reference.rejects, read, BEFORE_ALL), self._keys),
        ]

    def _round(self) -> list[Item]:
        """Blocks of at least ``ROUND_MESSAGES`` together, the last of which goes to every machine, or the end."""
        items: list[Item] = []
        rejects = []
        read = np.zeros(len(self._topics), np.int64)
        while (block := self._next_block()) is not None:
            read += np.bincount(block.sources, minlength=len(self._topics))
            rejects.extend(block.rejects)
            last = int(read.sum()) >= ROUND_MESSAGES
            batch = Batch(block.records, block.placed(), self._watermark(), texts=block.texts)
            items.extend(to_shards(batch, self._keys, everyone=last))
            if last:
                break
        else:
            if not read.any():
                return self._end()
            items.extend(to_shards(Batch(empty_run().records, [], self._watermark()), self._keys, everyone=True))
        counts = [(topic, PARTITION, int(count)) for topic, count in zip(self._topics, read, strict=True) if count]
        self._control.lines += int(read.sum())
        items.append(to_ledger(LedgerBatch(rejects, counts, self._watermark()), self._keys))
        return items

    def _next_block(self) -> Run | None:
        if self._run is not None and not len(self._run):
            self._run = self._merge.next_run()
        if self._run is None:
            return None
        block, self._run = self._run.cut(self._block_size)
        self._advance(block)
        return block

    def _advance(self, block: Run) -> None:
        """Move the clock and the positions behind a block."""
        self._state.clock = int(block.keys[-1])
        for source in np.flatnonzero(np.bincount(block.sources)).tolist():
            at = int(np.flatnonzero(block.sources == source)[-1])
            self._state.positions[self._topics[source]] = Position(int(block.numbers[at]) + 1, int(block.keys[at]))

    def _end(self) -> list[Item]:
        """Run the clock on to its end."""
        end = self._until
        if end is None:
            end = end_of_last_day(self._state.clock, self._settings.time_zone, self._reference.rare)
        self._state.ended = True
        return [
            *to_shards(Batch(empty_run().records, [], end, final=True, account=1), self._keys, everyone=True),
            to_ledger(LedgerBatch([], [], end, account=1), self._keys),
        ]

    def _watermark(self) -> int:
        return max(self._state.clock - self._settings.lateness_ms, BEFORE_ALL)

    def _clock(self) -> int | None:
        return self._watermark() if self._state.clock > BEFORE_ALL else None

    def _share(self) -> float:
        return min(self._merge.bytes_read / self._bytes_total, 1.0) if self._bytes_total else 1.0
