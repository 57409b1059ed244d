"""Sink of a replay: writes the outputs of each machine to its own part files. `sinks.finished_files` merges them at the
end.

Every line starts with a key of fixed width. Sorting lines as bytes gives the order of the finished file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from sensing.contracts.topic_registry import published
from sensing.outputs import DEAD_LETTERS, OutputRecord, Produced
from sinks.envelope import SOURCE, to_structured_json
from sinks.parameter_table import write_rows

TOPIC_WIDTH = 32
INSTANT_FIRST = -(2**62)


class Rows(Protocol):
    """Planning parameters of all rows of a machine, one entry per row in every column."""

    @property
    def columns(self) -> Mapping[str, Any]:
        """Values by column."""
        ...


class _Origin(msgspec.Struct):
    """Topic, partition and offset of a rejected message, from its dead letter."""

    topic: str
    partition: int
    offset: int


def output_topics() -> list[str]:
    """Topics that have files, in the order in which they are written."""
    return [spec.name for spec in published()]


def order_key(record: OutputRecord) -> bytes:
    """Key of a line: (instant, machine, number), for dead letters (topic, partition, offset) before it."""
    key = f"{record.instant - INSTANT_FIRST:016x}{record.machine:04x}{record.number:012x}"
    if record.topic == DEAD_LETTERS:
        origin = msgspec.json.decode(record.data, type=_Origin)
        key = f"{origin.topic:<{TOPIC_WIDTH}.{TOPIC_WIDTH}}{origin.partition:08x}{origin.offset:016x}{key}"
    return key.encode()


def key_width(topic: str) -> int:
    """Bytes of the key of every line of a topic."""
    return 32 + (TOPIC_WIDTH + 24 if topic == DEAD_LETTERS else 0)


class PartFiles(FixedPartitionedSink[Produced, dict[str, int]]):
    """One partition per machine, in a folder of part files.

    Parameters
    ----------
    keys
        Keys of the machines in order. The key of an item is the key of its machine.
    recorded
        The ``recordedtime`` of the whole run, RFC 3339.
    source
        The CloudEvents attribute ``source`` of all records.
    """

    def __init__(self, folder: Path, keys: list[str], recorded: str, source: str = SOURCE) -> None:
        self._folder = folder
        self._source = source
        self._keys = keys
        self._partition_of = {key: at for at, key in enumerate(keys)}
        self._recorded = recorded
        self._built: list[MachinePart] = []

    def list_parts(self) -> list[str]:
        """The machines."""
        return self._keys

    def part_fn(self, item_key: str) -> int:
        """Each machine has a partition of its own."""
        return self._partition_of[item_key]

    def build_part(self, step_id: str, for_part: str, resume_state: dict[str, int] | None) -> "MachinePart":
        """Open a machine's part files and truncate them to the sizes in the saved state."""
        part = MachinePart(self._folder, for_part, self._recorded, self._source, resume_state or {})
        self._built.append(part)
        return part

    def close(self) -> None:
        """Close all files: Bytewax does not close partitions when a run fails."""
        for part in self._built:
            part.close()


class MachinePart(StatefulSinkPartition[Produced, dict[str, int]]):
    """Part files of one machine: one per topic, and one per table of rows."""

    def __init__(self, folder: Path, key: str, recorded: str, source: str, sizes: dict[str, int]) -> None:
        self._folder = folder
        self._source = source
        self._key = key
        self._recorded = recorded
        self._files: dict[str, IO[bytes]] = {}
        for topic in output_topics():
            self._files[topic] = (folder / f"{topic}.{key}").open("ab")
            self._files[topic].truncate(sizes.get(topic, 0))

    def write_batch(self, values: list[Produced]) -> None:
        """Append lines. A table of rows is written to a separate file."""
        lines: dict[str, list[bytes]] = {topic: [] for topic in self._files}
        for produced in values:
            for output in produced.outputs:
                if isinstance(output, OutputRecord):
                    # Files are not compacted, so tombstones are left out.
                    if output.data:
                        line = to_structured_json(output, self._recorded, self._source)
                        lines[output.topic].append(order_key(output) + line + b"\n")
                else:
                    write_rows(self._folder / f"rows.{self._key}", output.columns)
        for topic, added in lines.items():
            self._files[topic].writelines(added)

    def snapshot(self) -> dict[str, int]:
        """Sizes of the files."""
        for file in self._files.values():
            file.flush()
        return {topic: file.tell() for topic, file in self._files.items()}

    def close(self) -> None:
        """Flush and close the files."""
        for file in self._files.values():
            file.close()
