"""Files in, files out: one order of records, the same bytes for any block size and number of processes."""

import base64
import functools
import os
import re
import signal
import threading
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from flows.cli.rare_events import write_rare_events
from flows.output_folder import WORK_FOLDER
from flows.replay_job import replay
from flows.runtime.context import Progress
from flows.runtime.machines import machines
from sensing.machine_settings import Settings
from sensing.machines.call_budget import UNBOUNDED, CallBounds
from sinks.errors import TidegaugeError, UsageError
from tests.flows.counting import CountingMachine, counting_machines, machine_of, outputs_of, shuffled_lines
from tests.flows.events import MAKERS, MONDAY, write

pytestmark = pytest.mark.slow

FILES = {
    "audit.ndjson", "dead-letters.ndjson", "exceptions.ndjson", "parameters.parquet", "planning-parameters.ndjson",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A week of three inputs with late lines and dead letters."""
    top = tmp_path_factory.mktemp("replay") / "in"
    for topic, step in (("orders", 120_000), ("inventory", 3_600_000), ("suppliers", 900_000)):
        lines = shuffled_lines(MAKERS[topic], 6 * 86_400_000 // step, MONDAY, step)
        lines[::50] = [b"nonsense %d" % i for i in range(len(lines[::50]))]
        write(top, topic, lines, zipped=topic == "suppliers")
    return top


def run(folder: Path, output: Path, **options: Any) -> dict[str, bytes]:
    """Replay with counting machines."""
    replay(folder, output, make_machine=options.pop("make_machine", counting_machines()), **options)
    return outputs_of(output)


@pytest.fixture(scope="module")
def expected(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Outputs of the plain run."""
    return run(folder, tmp_path_factory.mktemp("out") / "plain")


@pytest.mark.parametrize(
    "options",
    [
        {"batch_messages": 1},
        {"batch_messages": 7},
        {"batch_messages": 1000},
        {"workers": 2},
        {"workers": 3, "batch_messages": 500},
    ],
)
def test_outputs_are_the_same_bytes(folder: Path, expected: dict[str, bytes], tmp_path: Path, options: Any) -> None:
    """Neither blocks nor processes show in any file."""
    assert run(folder, tmp_path / "out", **options) == expected


def test_records_are_in_order(folder: Path, expected: dict[str, bytes]) -> None:
    """Records come by (instant, machine, number), dead letters by (topic, partition, offset); nothing is missing."""
    assert set(expected) == FILES
    exceptions = [orjson.loads(line) for line in expected["exceptions.ndjson"].splitlines()]
    dead = [orjson.loads(line)["data"] for line in expected["dead-letters.ndjson"].splitlines()]
    order = [(event["time"], event["data"]["by"], event["data"]["seen"]) for event in exceptions]
    places = [(letter["topic"], letter["partition"], letter["offset"]) for letter in dead]

    assert order == sorted(order)
    assert len(order) > 100
    assert places == sorted(places)
    assert {letter["value_base64"] for letter in dead if letter["topic"] == "suppliers"} == {
        base64.b64encode(b"nonsense %d" % i).decode() for i in range(576 // 50 + 1)
    }


def test_the_books_balance(expected: dict[str, bytes], folder: Path) -> None:
    """Control totals come once per topic at the end: read is the sum of the outcomes."""
    totals = [orjson.loads(line) for line in expected["audit.ndjson"].splitlines()]

    assert [event["type"] for event in totals] == ["control.totals"] * 3
    for data in (event["data"] for event in totals):
        outcomes = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter")
        assert data["read"] == sum(data[outcome] for outcome in outcomes) > 0


def test_the_table_holds_the_rows_of_all_machines(folder: Path, tmp_path: Path) -> None:
    """parameters.parquet has every shard's rows, sorted by SKU and location; the summary counts them."""
    reports: list[Progress] = []
    summary = replay(folder, tmp_path / "out", make_machine=counting_machines(), progress=reports.append)
    table = pq.read_table(tmp_path / "out" / "parameters.parquet")

    assert table["sku"].to_pylist() == [f"sku-{97 - shard}" for shard in reversed(range(16))]
    assert summary.rows == 16
    assert summary.lines == reports[-1].lines == 4320 + 144 + 576
    assert summary.outputs["exception.opened"] == len(
        (tmp_path / "out" / "exceptions.ndjson").read_bytes().splitlines()
    )
    assert summary.seconds > 0


def test_files_exist_even_when_empty(tmp_path: Path) -> None:
    """A stream without anything to say leaves all five files."""
    write(tmp_path / "in", "orders", [])

    found = run(tmp_path / "in", tmp_path / "out")

    assert set(found) == FILES
    assert {name for name, body in found.items() if body} == {"audit.ndjson", "parameters.parquet"}
    assert orjson.loads(found["audit.ndjson"])["data"]["read"] == 0


def test_a_used_output_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    """A folder with anything in it, or a file, is left as it is; an empty one is taken."""
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(UsageError, match=re.escape(f"output {tmp_path}: required a new or empty folder, got 1 files")):
        run(folder, tmp_path)
    with pytest.raises(UsageError, match=r"got a file; give another one"):
        run(folder, tmp_path / "notes.txt")
    (tmp_path / "killed" / WORK_FOLDER).mkdir(parents=True)
    with pytest.raises(UsageError, match="left by a run that was killed; give another one, or empty it"):
        run(folder, tmp_path / "killed")
    (tmp_path / "empty").mkdir()
    assert set(run(folder, tmp_path / "empty")) == FILES


class Failing(CountingMachine):
    """A machine that breaks on its tenth event."""

    def apply(self, batch: Any) -> list[Any]:
        """Count, and break."""
        found = super().apply(batch)
        if self.seen > 10:
            msg = "no more"
            raise RuntimeError(msg)
        return found


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("existing", [True, False])
def test_a_failed_run_leaves_nothing(folder: Path, tmp_path: Path, workers: int, existing: bool) -> None:
    """An error in a machine is told with its step, and no file is left behind."""
    if existing:
        (tmp_path / "out").mkdir()

    with pytest.raises(TidegaugeError, match=r"^the run failed in shard \d+: RuntimeError: no more$"):
        run(folder, tmp_path / "out", workers=workers, make_machine=functools.partial(machine_of, Failing, 16))

    assert [path.name for path in tmp_path.iterdir()] == (["out"] if existing else [])
    assert not list(tmp_path.glob("out/*"))


def test_an_early_end_is_told_through_the_flow(folder: Path, tmp_path: Path) -> None:
    """An error for the user from within the flow arrives as it was raised."""
    with pytest.raises(UsageError, match=r"^until 2010-01-06T00:00:00.000Z: required an instant after the last event"):
        run(folder, tmp_path / "out", until=MONDAY + 2 * 86_400_000)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_ends_the_run_in_good_order(folder: Path, tmp_path: Path, workers: int) -> None:
    """Ctrl-C stops the flow and leaves nothing; the handler from before is back."""
    before = signal.getsignal(signal.SIGINT)

    def interrupt(_progress: Progress) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(folder, tmp_path / "out", workers=workers, progress=interrupt, batch_messages=10)

    assert not (tmp_path / "out").exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_replay_can_run_beside_the_main_thread(folder: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    """In another thread, where signals cannot be handled, the results are the same."""
    thread = threading.Thread(target=run, args=(folder, tmp_path / "out"))
    thread.start()
    thread.join()

    assert outputs_of(tmp_path / "out") == expected


def test_settings_reach_the_machines(folder: Path, tmp_path: Path) -> None:
    """The number of shards is that of the settings."""
    found = run(folder, tmp_path / "out", settings=Settings(shards=3), make_machine=counting_machines(3))

    assert {orjson.loads(line)["data"]["by"] for line in found["exceptions.ndjson"].splitlines()} == {0, 1, 2}


def test_the_end_waits_for_shards_that_are_busy(tmp_path: Path) -> None:
    """An input that ends before an item has passed over to its successor waits for it, however small the calls are."""
    (tmp_path / "in").mkdir()
    write_rare_events(tmp_path / "in")
    settings = Settings(shards=2)
    small = CallBounds(learned=1, planned=1, outputs=1, in_order=True)
    found = [
        run(tmp_path / "in", tmp_path / name, settings=settings, make_machine=machines(settings, bounds))
        for name, bounds in (("whole", UNBOUNDED), ("small", small))
    ]
    assert found[0] == found[1]
    assert b'"rule":"supersede_item"' in found[0]["audit.ndjson"]
