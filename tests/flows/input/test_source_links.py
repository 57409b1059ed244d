"""Every source group learns kits and aliases from the reference topic; only group 0 sends its records on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.input.file_source import FileReader, file_buffers
from flows.input.group_progress import GroupProgress
from flows.input.input_folder import find_inputs
from flows.input.ordered_merge import OrderedMerge
from flows.input.source_group import REFERENCE, EndOfInput, SourceGroup
from flows.runtime.context import RunContext
from flows.runtime.roles import Item, Role
from sensing.codec.event_record import DERIVED, KIT
from sensing.machine_settings import Settings
from tests.machines.streams import MONDAY, line

SETTINGS = Settings(shards=3, source_groups=2)
MASTER = [line("item.updated", "i", None, sku="KIT", parts={"A": 2, "B": 1}, aliases=["K-77"])]
ORDERS = [line("order.placed", "o", MONDAY, order_id="o", line="1", sku="K-77", location="L", quantity=3)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A kit with an alias, and an order under the alias."""
    for topic, lines in (("reference", MASTER), ("orders", ORDERS)):
        (tmp_path / f"{topic}.ndjson").write_bytes(b"".join(each.value + b"\n" for each in lines))
    return tmp_path


def group(folder: Path, number: int, links: bytes = b"") -> tuple[SourceGroup, FileReader]:
    """A group with all files of the folder; with links as after a restart, without the reference."""
    files = [file for file in find_inputs(folder) if not (links and file.topic == REFERENCE)]
    buffers = file_buffers(files, SETTINGS)
    reader = FileReader(files, buffers, 1 << 16)
    events = [buffer for buffer in buffers if buffer.log.topic != REFERENCE]
    merge = OrderedMerge(events, SETTINGS, reader.is_away, event_time=True, batch_messages=100)
    made = SourceGroup(
        number, buffers, reader, merge, SETTINGS, RunContext(), GroupProgress(), end=EndOfInput(), learned=links
    )
    return made, reader


def items_of(made: SourceGroup, reader: FileReader) -> Iterator[Item]:
    """All items of a group."""
    while True:
        try:
            yield from made.next_batch()
        except StopIteration:
            reader.close()
            return
        made.snapshot()


def flags_of(items: list[Item]) -> list[int]:
    """Flags of all records that go to shards, rising."""
    return sorted(
        flags for _, item in items if item.machine.role is Role.SHARD for flags in item.load.records["flags"].tolist()
    )


@pytest.mark.parametrize(("number", "sent", "read"), [(0, 1, {"orders": 1, "reference": 1}), (1, 0, {"orders": 1})])
def test_every_group_knows_the_kits(folder: Path, number: int, sent: int, read: dict[str, int]) -> None:
    """The records of parts are there in every group; the reference record itself only in group 0."""
    items = list(items_of(*group(folder, number)))
    assert flags_of(items) == [DERIVED, DERIVED, KIT]
    assert sum(len(item.load.infrequent) for _, item in items if item.machine.role is Role.SHARD) == sent
    counted = [
        entry for _, item in items if item.machine.role is Role.LEDGER for entry in getattr(item.load, "read", ())
    ]
    assert {topic: count for topic, _, count in counted if count} == read


def test_links_are_saved_state(folder: Path) -> None:
    """A group that resumes behind the reference records knows the kits all the same."""
    made, reader = group(folder, 0)
    list(items_of(made, reader))
    links = made.snapshot().learned
    assert flags_of(list(items_of(*group(folder, 0, links)))) == [DERIVED, DERIVED, KIT]
