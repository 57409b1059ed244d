"""Part files become finished files in the promised order."""

from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from hypothesis import given
from hypothesis import strategies as st

from sensing.outputs import AUDIT, DEAD_LETTERS, EXCEPTIONS, OutputRecord
from sinks.finished_files import Finished, assemble
from sinks.part_files import MachinePart, PartFiles
from tests.produced import produced

KEYS = ["00", "01", "02"]
RECORDED = "2026-01-01T00:00:00.000Z"


def record(instant: int, machine: int, number: int, topic: str = EXCEPTIONS, offset: int = 0) -> OutputRecord:
    """An output that carries its order in its data."""
    data = {"order": [instant, machine, number], "topic": f"t{number % 3}", "partition": number % 2, "offset": offset}
    return OutputRecord(instant, machine, number, topic, "a.b", "id", "s", 0, {}, orjson.dumps(data))


def part(folder: Path, machine: int, sizes: dict[str, int] | None = None) -> MachinePart:
    """Partition of a machine."""
    return PartFiles(folder, KEYS, RECORDED).build_part("deliver", KEYS[machine], sizes)


def data_of(path: Path) -> list[dict[str, list[int]]]:
    """Data of all events of a file."""
    return [orjson.loads(line)["data"] for line in path.read_bytes().splitlines()]


@given(st.lists(st.lists(st.integers(-5, 2**41), max_size=12), min_size=3, max_size=3))
def test_records_are_merged_by_instant_machine_number(instants: list[list[int]]) -> None:
    """Each machine's records are in its order, those of all machines by instant."""
    records = [[record(t, m, n) for n, t in enumerate(sorted(mine))] for m, mine in enumerate(instants)]
    with TemporaryDirectory() as name:
        top, parts = Path(name), Path(name) / "parts"
        parts.mkdir()
        for machine, mine in enumerate(records):
            written = part(parts, machine)
            written.write_batch([produced([output]) for output in mine])
            written.close()
        finished = assemble(parts, top, KEYS)
        found = [event["order"] for event in data_of(top / "exceptions.ndjson")]

    assert found == sorted([output.instant, output.machine, output.number] for mine in records for output in mine)
    assert finished == Finished(0, {"exceptions": len(found), "planning-parameters": 0, "audit": 0, "dead-letters": 0})


@given(st.permutations(list(range(20))))
def test_dead_letters_are_sorted_by_their_origin(offsets: list[int]) -> None:
    """Dead letters of all machines come by (topic, partition, offset), in whatever order they were found."""
    with TemporaryDirectory() as name:
        top, parts = Path(name), Path(name) / "parts"
        parts.mkdir()
        for machine in (0, 2):
            written = part(parts, machine)
            written.write_batch(
                [produced([record(7, machine, n, DEAD_LETTERS, offset) for n, offset in enumerate(offsets)])]
            )
            written.close()
        assemble(parts, top, KEYS)
        found = [
            (event["topic"], event["partition"], event["offset"]) for event in data_of(top / "dead-letters.ndjson")
        ]

    assert len(found) == 40
    assert found == sorted(found)


def test_a_part_goes_on_from_its_snapshot(tmp_path: Path) -> None:
    """What was written after a snapshot is gone when the part is built from it."""
    first = part(tmp_path, 0)
    first.write_batch([produced([record(1, 0, 0), record(1, 0, 1, AUDIT)])])
    sizes = first.snapshot()
    first.write_batch([produced([record(2, 0, 2)])])
    first.close()

    second = part(tmp_path, 0, sizes)
    second.write_batch([produced([record(3, 0, 2)])])
    second.close()
    (tmp_path / "out").mkdir()
    assemble(tmp_path, tmp_path / "out", KEYS)

    assert [event["order"] for event in data_of(tmp_path / "out" / "exceptions.ndjson")] == [[1, 0, 0], [3, 0, 2]]
    assert len(data_of(tmp_path / "out" / "audit.ndjson")) == 1


def test_tombstones_are_not_written(tmp_path: Path) -> None:
    """A file is not compacted, so nothing is taken out of it."""
    written = part(tmp_path, 0)
    written.write_batch([produced([record(1, 0, 0), record(2, 0, 1)._replace(data=b""), record(3, 0, 2)])])
    written.close()
    for key in KEYS[1:]:
        part(tmp_path, int(key)).close()
    out = tmp_path / "out"
    out.mkdir()
    assert assemble(tmp_path, out, KEYS).lines[EXCEPTIONS] == 2


def test_every_machine_has_its_partition(tmp_path: Path) -> None:
    """Keys map to partitions by their place, so that no machine shares one."""
    sink = PartFiles(tmp_path, KEYS, RECORDED)

    assert [sink.part_fn(key) for key in sink.list_parts()] == [0, 1, 2]
