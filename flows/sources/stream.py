"""One input file as runs: lines are decoded, judged by their time, and given the watermark in force at them.

In a merge by running maxima, the largest event time merged so far is always that of the message's own input: whatever
comes before has a smaller key. So watermark and lateness of a message follow from its own file, and the original
bytes need not be kept any longer than this step.
"""

from collections import deque
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.sources.folder import Input
from flows.sources.judge import AHEAD_OF, NO_TIMES, WINDOW, Flags, Judge, Times, running_max
from flows.sources.lines import LineReader
from flows.sources.run import RARE, RECORD, REJECT, Run
from sensing.codec.decode import Block, Decoded, decode
from sensing.codec.instants import rfc3339
from sensing.codec.record import BEFORE_ALL, Rare, Reject
from sensing.contracts.dead_letters import Reason
from sensing.settings import Settings
from sinks.errors import UsageError

PARTITION = 0
LINES_BEFORE = 10_000
"""Where a stream is taken up, so many lines before are read for their dates; among them are 100 valid ones."""


class _Chunk(NamedTuple):
    lines: Block
    decoded: Decoded
    kinds: NDArray[np.uint8]
    times: Times  # event times, BEFORE_ALL for rejects


class Position(NamedTuple):
    """Where a stream goes on: the number of its next line and the largest event time before it."""

    line: int = 0
    time_max: int = BEFORE_ALL


class Stream:
    """Reads one input.

    Parameters
    ----------
    source
        Number of the input in merge order.
    until
        Instant at which the clock will end, UTC ms; every event is before it.
    """

    def __init__(
        self, source: int, file: Input, settings: Settings, chunk_bytes: int, start: Position, until: int | None
    ) -> None:
        self._source = source
        self._file = file
        self._settings = settings
        self._until = until
        self._reader = LineReader(file.path, chunk_bytes, max(start.line - LINES_BEFORE, 0))
        self._start = start.line
        self._dates = Judge(settings.skew_ms)
        self._time_max = start.time_max
        self._waiting: deque[_Chunk] = deque()
        self._ended = False

    @property
    def bytes_read(self) -> int:
        """Bytes of the file that have been read."""
        return self._reader.bytes_read

    def next_run(self) -> Run | None:
        """The next messages (at least one), or None at the end of the file."""
        while True:
            while not self._ended and (not self._waiting or len(self._later()) < WINDOW - 1):
                self._fill()
            if not self._waiting:
                return None
            run = self._judge(self._waiting[0], self._later())
            self._waiting.popleft()
            _, run = run.cut(int(np.searchsorted(run.numbers, self._start)))
            if len(run):
                return run

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _later(self) -> Times:
        """Event times of the valid messages that wait behind the next chunk."""
        chunks = islice(self._waiting, 1, None)
        return np.concatenate([NO_TIMES, *(chunk.times[chunk.kinds != REJECT] for chunk in chunks)])

    def _fill(self) -> None:
        """Decode one more chunk."""
        lines = self._reader.read()
        if lines is None:
            self._ended = True
        elif len(lines):
            self._waiting.append(_decode(self._file.topic, lines))

    def _judge(self, chunk: _Chunk, later: Times) -> Run:
        settings = self._settings
        valid = chunk.kinds != REJECT
        future = np.zeros(len(valid), np.bool_)
        future[valid] = self._dates.future(chunk.times[valid], later)
        moves = valid & ~future
        keys = running_max(chunk.times, moves, self._time_max)
        self._time_max = int(keys[-1])
        watermarks = np.maximum(keys - settings.lateness_ms, BEFORE_ALL)
        late = moves & (chunk.times < watermarks - settings.horizon_ms)
        self._check_end(chunk, keys)
        return self._run(chunk, keys, watermarks, future, late)

    def _check_end(self, chunk: _Chunk, keys: Times) -> None:
        if self._until is None or keys[-1] < self._until:
            return
        at = int(np.searchsorted(keys, self._until))
        msg = (
            f"until {rfc3339(self._until)}: required an instant after the last event, got an event at "
            f"{rfc3339(int(keys[at]))} in line {chunk.lines.offsets[at]} of {self._file.path.name}; "
            "give a later one, or none to end with the last event's day"
        )
        raise UsageError(msg)

    def _run(self, chunk: _Chunk, keys: Times, watermarks: Times, future: Flags, late: Flags) -> Run:
        decoded, refused = chunk.decoded, future | late
        decoded.records["watermark"] = watermarks[chunk.kinds == RECORD]
        marks = watermarks[chunk.kinds == RARE].tolist()
        rare = [event._replace(watermark=mark) for (_, event), mark in zip(decoded.rare, marks, strict=True)]
        sources = np.full(len(keys), self._source, np.uint8)
        run = Run(
            keys, chunk.kinds, sources, chunk.lines.offsets, decoded.records, rare, decoded.rejects, (decoded.texts,)
        )
        if not refused.any():
            return run
        return run.refused(refused, lambda at: self._refuse(chunk, at, bool(future[at]), int(watermarks[at])))

    def _refuse(self, chunk: _Chunk, at: int, future: bool, watermark: int) -> Reject:
        reason: Reason = "far_future" if future else "too_late"
        ahead = f"at most {self._settings.skew_ms} ms ahead of {AHEAD_OF}"
        behind = f"at most {self._settings.horizon_ms} ms behind the watermark {rfc3339(watermark)}"
        time = int(chunk.times[at])
        return Reject(
            value=chunk.lines.message(at).value,
            headers={},
            topic=self._file.topic,
            partition=PARTITION,
            offset=int(chunk.lines.offsets[at]),
            time=time,
            reason=reason,
            field="event_time",
            required=ahead if future else behind,
            got=rfc3339(time),
        )


class Reference(NamedTuple):
    """The whole reference input."""

    rare: list[Rare]
    rejects: list[Reject]
    read: int


def read_reference(file: Input, chunk_bytes: int) -> Reference:
    """Read the reference input to its end; it is outside every watermark."""
    reader = LineReader(file.path, chunk_bytes)
    found = Reference([], [], 0)
    while (lines := reader.read()) is not None:
        decoded = _decode(file.topic, lines).decoded
        found.rare.extend(event._replace(watermark=BEFORE_ALL) for _, event in decoded.rare)
        found.rejects.extend(decoded.rejects)
        found = found._replace(read=found.read + len(lines))
    return found


def _decode(topic: str, lines: Block) -> _Chunk:
    decoded = decode(topic, PARTITION, lines)
    if len(decoded.records) == len(lines):
        return _Chunk(lines, decoded, np.full(len(lines), RECORD, np.uint8), decoded.records["time"].copy())
    kinds = np.full(len(lines), REJECT, np.uint8)
    kinds[decoded.positions] = RECORD
    kinds[decoded.rare_positions] = RARE
    times = np.full(len(lines), BEFORE_ALL, np.int64)
    times[decoded.positions] = decoded.records["time"]
    times[decoded.rare_positions] = [event.time for _, event in decoded.rare]
    return _Chunk(lines, decoded, kinds, times)
