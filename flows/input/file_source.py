"""The file source: the files of an input folder as one source group in event-time order. `flows.replay_job` uses it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bytewax.inputs import FixedPartitionedSource

from flows.input.file_tails import end_of_inputs
from flows.input.group_progress import GroupProgress
from flows.input.input_folder import InputFile, find_inputs
from flows.input.line_reader import LineReader
from flows.input.ordered_merge import OrderedMerge
from flows.input.partition_buffer import PartitionBuffer, options_of
from flows.input.skipping import NO_SKIPS, Skips
from flows.input.source_group import REFERENCE, EndOfInput, GroupState, SourceGroup
from flows.input.timestamps import FollowingTimestamps, NoTimestamps
from flows.input.topic_partition import TopicPartition
from flows.runtime.context import RunContext
from flows.runtime.roles import Item
from sensing.codec.event_record import AFTER_ALL, BEFORE_ALL
from sensing.machine_settings import Settings
from sinks.kafka_client import Log

PART = "files"
LINE_BYTES = 320
CHUNK_BYTES_MIN, CHUNK_BYTES_MAX = 1 << 16, 16 << 20


class FileReader:
    """Reads files into partition buffers, each only when its buffer is empty.

    Parameters
    ----------
    files
        The input files; the offset of a message is its line number.
    progress
        Called with the share of bytes read (0 to 1), the watermark (UTC ms), and whether this is the last call.
    """

    def __init__(
        self, files: Sequence[InputFile], buffers: Sequence[PartitionBuffer], chunk_bytes: int,
        progress: Callable[[float, int | None, bool], None] = lambda _share, _clock, _last: None,
    ) -> None:  # fmt: skip
        self._progress = progress
        self._files = dict(zip((buffer.partition for buffer in buffers), files, strict=True))
        self._lines = {partition: LineReader(file.path, chunk_bytes) for partition, file in self._files.items()}
        self._buffers: list[PartitionBuffer] = []
        self._bytes_total = sum(file.path.stat().st_size for file in files)

    @property
    def bytes_read(self) -> int:
        """Bytes read so far, over all files."""
        return sum(lines.bytes_read for lines in self._lines.values())

    @property
    def tombstones(self) -> int:
        """Lines without a value that were skipped so far, over all files."""
        return sum(lines.tombstones for lines in self._lines.values())

    def start(self, buffers: Sequence[PartitionBuffer]) -> None:
        """Read these files from now on."""
        self._buffers = list(buffers)

    def poll(self) -> None:
        """Read each file with an empty buffer until the buffer has messages or the file ends."""
        for buffer in self._buffers:
            while not len(buffer) and not buffer.at_end:
                block = self._lines[buffer.partition].read()
                if block is None:
                    buffer.end(buffer.position, 0.0)
                elif len(block):
                    buffer.add(block, 0.0)

    def is_away(self, _buffer: PartitionBuffer) -> bool:
        """Always False: an unreadable file fails the run."""
        return False

    def report(self, watermark: int, *, last: bool) -> None:
        """Report the progress."""
        share = min(self.bytes_read / self._bytes_total, 1.0) if self._bytes_total else 1.0
        self._progress(share, watermark if watermark > BEFORE_ALL else None, last)

    def commit(self, consumed: Sequence[tuple[TopicPartition, int]]) -> None:
        """Do nothing: files have no committed offsets."""

    def close(self) -> None:
        """Close all files."""
        for lines in self._lines.values():
            lines.close()


def file_buffers(files: Sequence[InputFile], settings: Settings, skips: Skips = NO_SKIPS) -> list[PartitionBuffer]:
    """One empty buffer per file, numbered in the order of the files."""
    inputs = end_of_inputs([file for file in files if file.topic != REFERENCE], options_of(settings))
    return [
        PartitionBuffer(
            number,
            Log(file.topic, file.path.name, 0, "", 0, AFTER_ALL),
            0,
            settings,
            NoTimestamps()
            if file.topic == REFERENCE
            else FollowingTimestamps(settings.skew_ms, inputs, settings.lateness_ms),
            skips=skips,
        )
        for number, file in enumerate(files)
    ]


class FileSource(FixedPartitionedSource[Item, GroupState]):
    """Reads an input folder once; only event times move the watermark.

    Parameters
    ----------
    folder
        NDJSON files named after topics.
    batch_messages
        Approximate number of messages of a file that are sent at once; results do not depend on it.
    until
        Instant at which the clock ends, UTC ms; None: the end of the last event's local day.
    skips
        Positions of lines that become dead letters; the offset is the line number from 0, blank lines counted.
    """

    def __init__(
        self, folder: Path, settings: Settings, batch_messages: int, until: int | None, context: RunContext,
        skips: Skips = NO_SKIPS,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._settings = settings
        self._batch_messages = batch_messages
        self._until = until
        self._context = context
        self._skips = skips
        self._readers: list[FileReader] = []

    def list_parts(self) -> list[str]:
        """One partition, because one merge needs the first messages of all files."""
        return [PART]

    def build_part(self, step_id: str, for_part: str, resume_state: GroupState | None) -> SourceGroup:
        """Open the files; a replay always starts at their beginning."""
        assert resume_state is None, "a replay keeps no state"
        files = find_inputs(self._folder)
        buffers = file_buffers(files, self._settings, self._skips)
        chunk_bytes = min(max(self._batch_messages * LINE_BYTES, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX)
        reader = FileReader(files, buffers, chunk_bytes, self._context.progress)
        self._readers.append(reader)
        events = [buffer for buffer in buffers if buffer.log.topic != REFERENCE]
        merge = OrderedMerge(
            events, self._settings, reader.is_away, event_time=True, batch_messages=self._batch_messages
        )  # fmt: skip
        return SourceGroup(
            0, buffers, reader, merge, self._settings, self._context, GroupProgress(), end=EndOfInput(self._until)
        )  # fmt: skip

    @property
    def tombstones(self) -> int:
        """Lines without a value that were skipped so far."""
        return sum(reader.tombstones for reader in self._readers)

    def close(self) -> None:
        """Close all files; needed because Bytewax does not close partitions when a run fails."""
        for reader in self._readers:
            reader.close()
