"""What the file source hands to machines does not depend on blocks or chunks, and can be taken up where it was left."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.control import Control, Progress
from flows.sources import replay
from flows.sources.replay import ReplayPartition, ReplaySource
from sensing.settings import DAY_MS, HOUR_MS, Settings
from tests.flows.counting import shuffled_lines
from tests.flows.events import MAKERS, MONDAY, write

SETTINGS = Settings()
OPEN: list[ReplayPartition] = []
ITEM = b'{"event_id":"r1","event_type":"item.updated","sku":"sku-1"}'
STORE = b'{"event_id":"r2","event_type":"location.updated","location":"L2","time_zone":"America/New_York"}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three inputs with late lines, and a reference with one bad line."""
    for topic, step in (("orders", 60_000), ("inventory", 3_600_000), ("suppliers", 900_000)):
        write(tmp_path / "in", topic, shuffled_lines(MAKERS[topic], 900_000 // step * 60 + 20, MONDAY, step))
    write(tmp_path / "in", "reference", [ITEM, b"nonsense", STORE])
    return tmp_path / "in"


def part(folder: Path, block_size: int, control: Control | None = None, state: Any = None) -> ReplayPartition:
    """The partition of a folder."""
    source = ReplaySource(folder, SETTINGS, block_size, None, control or Control(17))
    partition = source.build_part("input", source.list_parts()[0], state)
    OPEN.append(partition)
    return partition


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """No test leaves a file open."""
    yield
    while OPEN:
        OPEN.pop().close()


def take(partition: ReplayPartition, control: Control, rounds: int = 10**9) -> list[Any]:
    """Items of some rounds, with machines that keep up."""
    items: list[Any] = []
    for _ in range(rounds):
        try:
            batch = partition.next_batch()
        except StopIteration:
            break
        for _, addressed in batch:
            control.taken(addressed.machine, 1)
        items += batch
    return items


def seen_by(items: list[Any]) -> dict[int, list[Any]]:
    """Per machine what it sees, message by message."""
    seen: dict[int, list[Any]] = {}
    for _, (machine, load) in items:
        mine = seen.setdefault(machine, [])
        if machine == 16:
            mine += load.rejects
            continue
        rare = list(load.rare)
        for at, record in enumerate(load.records):
            while rare and rare[0][0] == at:
                mine.append(rare.pop(0)[1])
            mine.append(record.tobytes())
        mine += [event for _, event in rare]
    return seen


def all_of(folder: Path, block_size: int) -> list[Any]:
    """All items of a folder."""
    control = Control(17)
    return take(part(folder, block_size, control), control)


def test_blocks_do_not_show(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each machine gets the same records, rare events and rejects, watermarks included, for blocks of any size."""
    expected = seen_by(all_of(folder, 100_000))
    assert sum(map(len, expected.values())) > 1000

    monkeypatch.setattr(replay, "CHUNK_BYTES_MIN", 1000)
    monkeypatch.setattr(replay, "ROUND_MESSAGES", 100)
    for block_size in (1, 7, 1000):
        assert seen_by(all_of(folder, block_size)) == expected


def test_every_round_reaches_every_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A round gives every machine an item, the last of which carries the same tick for all; the clock never falls."""
    monkeypatch.setattr(replay, "ROUND_MESSAGES", 50)
    control = Control(17)
    partition = part(folder, 7, control)
    before = 0
    while items := take(partition, control, 1):
        ticks = {addressed.machine: addressed.load.watermark for _, addressed in items}
        assert len(ticks) == 17
        assert len(set(ticks.values())) == 1
        assert before <= ticks[0]
        before = ticks[0]


def test_the_reference_comes_first_and_whole(folder: Path) -> None:
    """The first round is the reference: records with a SKU for one shard, others for all, rejects for the ledger."""
    control = Control(17)
    items = take(part(folder, 1, control), control, 1)

    shards = [addressed.load for _, addressed in items if addressed.machine < 16]
    names = sorted(event.event.event_id for load in shards for _, event in load.rare)
    ledger = items[-1][1].load
    assert names == ["r1"] + ["r2"] * 16
    assert [(reject.topic, reject.offset) for reject in ledger.rejects] == [("reference", 1)]
    assert ledger.read == [("inventory", 0, 0), ("orders", 0, 0), ("suppliers", 0, 0), ("reference", 0, 3)]


def test_every_line_is_counted_as_read(folder: Path) -> None:
    """Read counts add up to the lines of each file."""
    totals: dict[str, int] = {}
    for _, (machine, load) in all_of(folder, 100):
        for topic, _, count in load.read if machine == 16 else []:
            totals[topic] = totals.get(topic, 0) + count

    lines = {path.name.partition(".")[0]: len(path.read_bytes().splitlines()) for path in folder.iterdir()}
    assert totals == lines


def test_the_clock_ends_with_the_last_day_of_the_latest_zone(folder: Path) -> None:
    """The final item of every machine carries the end of the last event's local day where that comes last."""
    final = all_of(folder, 1000)[-17:]

    last = max(int(load.records["time"].max()) for _, (m, load) in all_of(folder, 1000) if m < 16 and len(load.records))
    assert all(addressed.load.account == 1 for _, addressed in final)
    ends = {addressed.load.watermark for _, addressed in final}
    assert ends == {(last - 5 * HOUR_MS) // DAY_MS * DAY_MS + DAY_MS + 5 * HOUR_MS}


@pytest.mark.parametrize("rounds", [0, 1, 2, 5, 9])
def test_a_snapshot_says_where_to_go_on(folder: Path, monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    """A partition built from a snapshot hands on exactly what the first had not."""
    monkeypatch.setattr(replay, "ROUND_MESSAGES", 100)
    control = Control(17)
    first = part(folder, 30, control)
    items = take(first, control, rounds)
    state = first.snapshot()
    take(first, control)

    items += take(part(folder, 30, control, state), control)

    assert seen_by(items) == seen_by(all_of(folder, 100_000))


def test_the_source_waits_for_machines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While machines are behind nothing is handed on; what is under way is bounded."""
    monkeypatch.setattr(replay, "ROUND_MESSAGES", 10)
    control = Control(17)
    partition = part(folder, 10, control)
    handed = sum(len(partition.next_batch()) for _ in range(100))

    assert handed < 64 + 2 * 17
    control.taken(3, handed)
    assert partition.next_batch()


def test_progress_is_told(folder: Path) -> None:
    """The last report has all lines, all bytes and a clock."""
    reports: list[Progress] = []
    control = Control(17, reports.append)
    take(part(folder, 100, control), control)

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
    assert sum(len(addressed.load.rejects) for _, addressed in items if addressed.machine == 16) == 2
