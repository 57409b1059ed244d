"""Batches of the file source do not depend on blocks or chunks, and it resumes from a snapshot."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.input import file_source, source_group
from flows.input.file_source import FileSource
from flows.input.source_group import SourceGroup
from flows.runtime.context import Progress, RunContext
from flows.runtime.roles import Item, Role, ledger_id, machine_ids, roll_up_id
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sinks.errors import UsageError
from tests.flows.counting import shuffled_lines
from tests.flows.events import MAKERS, MONDAY, write

SETTINGS = Settings()
SOURCES: list[FileSource] = []
ITEM = b'{"event_id":"r1","event_type":"item.updated","sku":"sku-1"}'
STORE = b'{"event_id":"r2","event_type":"location.updated","location":"L2","time_zone":"America/New_York"}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three inputs with late lines, and a reference with one bad line."""
    for topic, step in (("orders", 60_000), ("inventory", 3_600_000), ("suppliers", 900_000)):
        write(tmp_path / "in", topic, shuffled_lines(MAKERS[topic], 900_000 // step * 60 + 20, MONDAY, step))
    write(tmp_path / "in", "reference", [ITEM, b"nonsense", STORE])
    return tmp_path / "in"


def group(
    folder: Path, batch_messages: int, context: RunContext | None = None, until: int | None = None
) -> SourceGroup:
    """The source group of a folder."""
    source = FileSource(folder, SETTINGS, batch_messages, until, context or RunContext())
    SOURCES.append(source)
    return source.build_part("input", source.list_parts()[0], None)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """No test leaves a file open."""
    yield
    while SOURCES:
        SOURCES.pop().close()


def epochs_of(group: SourceGroup) -> Iterator[list[Item]]:
    """Batches of all epochs; each epoch is one batch."""
    while True:
        try:
            yield group.next_batch()
        except StopIteration:
            return
        group.snapshot()


def seen_by(items: list[Item]) -> dict[int, list[Any]]:
    """Per machine what it sees, message by message."""
    seen: dict[int, list[Any]] = {}
    for _, (machine, load, _) in items:
        mine = seen.setdefault(machine.number, [])
        if machine.role is Role.LEDGER:
            mine += load.rejects
            continue
        infrequent = list(load.infrequent)
        for at, record in enumerate(load.records):
            while infrequent and infrequent[0][0] == at:
                mine.append(infrequent.pop(0)[1])
            mine.append(record.tobytes())
        mine += [event for _, event in infrequent]
    return seen


def all_of(folder: Path, batch_messages: int) -> list[Item]:
    """All items of a folder."""
    return [item for items in epochs_of(group(folder, batch_messages)) for item in items]


def test_batches_do_not_show(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each machine gets the same records, infrequent events and rejects, watermarks included, for batches of any
    size.
    """
    expected = seen_by(all_of(folder, 100_000))
    assert sum(map(len, expected.values())) > 1000

    monkeypatch.setattr(file_source, "CHUNK_BYTES_MIN", 1000)
    for batch_messages in (1, 7, 1000):
        assert seen_by(all_of(folder, batch_messages)) == expected


def test_every_epoch_reaches_every_machine(folder: Path) -> None:
    """An epoch gives every machine an item, the last of which carries the same tick for all; the clock never falls.

    Only the roll-up gets none: shards feed it. At the end of the input shards have their final batch one after the
    other, and the ledger comes last.
    """
    before, left = 0, set(machine_ids(16)) - {roll_up_id(16)}
    for items in epochs_of(group(folder, 7)):
        newest = {addressed.machine: addressed for _, addressed in items}
        assert set(newest) == left
        final = {machine for machine, addressed in newest.items() if addressed.final}
        assert len(final) in (0, 1)
        (watermark,) = {addressed.load.watermark for machine, addressed in newest.items() if machine not in final}
        assert before <= watermark <= min((newest[machine].load.watermark for machine in final), default=watermark)
        before = watermark
        left -= final
    assert left == {ledger_id(16)}


def test_the_reference_comes_first_and_whole(folder: Path) -> None:
    """Records with a SKU for one shard, others for all, rejects for the ledger; then all files are in the books."""
    items = [item for items in islice(epochs_of(group(folder, 1)), 2) for item in items]

    shards = [addressed.load for _, addressed in items if addressed.machine.role is Role.SHARD]
    names = sorted(event.event.event_id for load in shards for _, event in load.infrequent)
    records, opening = (addressed.load for _, addressed in items if addressed.machine.role is Role.LEDGER)
    assert names == ["r1"] + ["r2"] * 16
    assert [(reject.topic, reject.offset) for reject in records.rejects] == [("reference", 1)]
    assert records.read == [("reference", 0, 3)]
    assert opening.read == [("reference", 0, 0), ("inventory", 0, 0), ("orders", 0, 0), ("suppliers", 0, 0)]


def test_every_line_is_counted_as_read(folder: Path) -> None:
    """Read counts add up to the lines of each file."""
    totals: dict[str, int] = {}
    for _, (machine, load, _) in all_of(folder, 100):
        for topic, _, count in load.read if machine.role is Role.LEDGER else []:
            totals[topic] = totals.get(topic, 0) + count

    lines = {path.name.partition(".")[0]: len(path.read_bytes().splitlines()) for path in folder.iterdir()}
    assert totals == lines


def test_the_clock_ends_with_the_last_day_of_the_latest_zone(folder: Path) -> None:
    """The final item of every machine carries the end of the last event's local day where that comes last."""
    final = {addressed.machine: addressed for _, addressed in all_of(folder, 1000)}

    shards = [load for _, (machine, load, _) in all_of(folder, 1000) if machine.role is Role.SHARD]
    last = max(int(load.records["time"].max()) for load in shards if len(load.records))
    assert all(addressed.load.reconciliation == 1 for addressed in final.values())
    ends = {addressed.load.watermark for addressed in final.values()}
    assert ends == {(last - 5 * HOUR_MS) // DAY_MS * DAY_MS + DAY_MS + 5 * HOUR_MS}


def test_an_epoch_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When enough was sent nothing more is sent until the next epoch."""
    monkeypatch.setattr(source_group, "EPOCH_ROWS_MAX", 100)
    one = group(folder, 10)
    for _ in range(3):
        rows = 0
        while items := one.next_batch():
            rows += sum(
                count for _, (machine, load, _) in items if machine.role is Role.LEDGER for _, _, count in load.read
            )
        assert 100 <= rows < 100 + 3 * 20
        one.snapshot()


def test_steps_of_an_epoch_are_bounded_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days without events are work for machines: so many of them in an epoch, and no more."""
    monkeypatch.setattr(source_group, "EPOCH_CATCH_UP_MAX", 5)
    write(tmp_path, "orders", [MAKERS["orders"](at, MONDAY + at * 40 * DAY_MS) for at in range(2)])
    one = group(tmp_path, 10)
    one.merge.event_time = False
    batches = list(iter(one.next_batch, []))
    assert len(batches) == 2 + 5


def test_a_snapshot_holds_consumed_offsets(folder: Path) -> None:
    """Numbers of lines: none at first, all in the end, and never more than what was sent."""
    one = group(folder, 30)
    assert set(one.snapshot().offsets.values()) == {(0, "")}
    sent: dict[str, int] = {}
    for items in epochs_of(one):
        for _, (machine, load, _) in items:
            for topic, _, count in load.read if machine.role is Role.LEDGER else []:
                sent[topic] = sent.get(topic, 0) + count
        consumed = {partition.topic: offset for partition, (offset, _) in one.snapshot().offsets.items() if offset}
        assert consumed == {topic: count for topic, count in sent.items() if count}


def test_an_event_at_or_after_the_end_is_an_error(tmp_path: Path) -> None:
    """The clock cannot end before the last event: the message names both and the line."""
    write(tmp_path, "orders", [MAKERS["orders"](i, MONDAY + i * HOUR_MS) for i in range(3)])

    assert len(list(epochs_of(group(tmp_path, 10, until=MONDAY + 2 * HOUR_MS + 1)))) == 2 + 17
    with pytest.raises(
        UsageError, match=r"until 2010-01-04T02:00:00.000Z: .*T02:00:00.000Z in line 2 of orders.ndjson"
    ):
        list(epochs_of(group(tmp_path, 10, until=MONDAY + 2 * HOUR_MS)))


def test_progress_is_told(folder: Path) -> None:
    """The last report has all lines, all bytes and a clock."""
    reports: list[Progress] = []
    list(epochs_of(group(folder, 100, RunContext(reports.append))))

    lines = sum(len(path.read_bytes().splitlines()) for path in folder.iterdir())
    assert (reports[-1].lines, reports[-1].share) == (lines, 1.0)
    assert reports[-1].clock is not None
    assert reports[-1].clock > MONDAY
    assert np.all(np.diff([report.lines for report in reports]) >= 0)


def test_without_any_event_the_clock_does_not_move(tmp_path: Path) -> None:
    """A folder with nothing but rejects ends at 1970-01-01."""
    write(tmp_path, "orders", [b"{}", b"x"])

    items = all_of(tmp_path, 10)

    assert {addressed.load.watermark for _, addressed in items} == {0}
    assert sum(len(addressed.load.rejects) for _, addressed in items if addressed.machine.role is Role.LEDGER) == 2
