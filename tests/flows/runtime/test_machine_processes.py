"""Shards in worker processes: behaviour after a process is killed."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flows.replay_job import replay
from flows.runtime.context import Progress
from flows.runtime.machine_logic import MakeMachine
from flows.runtime.machines import machines
from sensing.machine_settings import Settings
from sensing.machines.call_budget import CallBounds
from sinks.errors import TidegaugeError
from tests.flows.counting import counting_machines
from tests.flows.events import MONDAY, order, write

pytestmark = pytest.mark.slow

STEP_MS = 1_000
SECONDS_MAX = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day of orders."""
    top = tmp_path_factory.mktemp("processes")
    write(top, "orders", [order(n, MONDAY + n * STEP_MS) for n in range(86_400_000 // STEP_MS)])
    return top


ENGINE = """
import pathlib, sys
from flows.replay_job import replay
from tests.flows.counting import counting_machines

def say(progress):
    if progress.outputs:
        print("under way", flush=True)

source, target = map(pathlib.Path, sys.argv[1:])
replay(source, target, make_machine=counting_machines(), workers=2, batch_messages=100, progress=say)
"""


def test_a_killed_process_fails_the_run(folder: Path, tmp_path: Path) -> None:
    """The failure says which machine is missing and what to do; nothing is left, of files and of processes."""

    def kill(progress: Progress) -> None:
        if progress.lines > 10_000 and (children := multiprocessing.active_children()):
            os.kill(children[0].pid or 0, signal.SIGKILL)

    expected = (
        r"^shard \d+: required a process that runs to the end, got one that was killed, perhaps for want of memory; "
        r"run it again with more memory$"
    )
    with pytest.raises(TidegaugeError, match=expected):
        replay(
            folder, tmp_path / "out", make_machine=counting_machines(), workers=2, batch_messages=100, progress=kill
        )  # fmt: skip
    assert not (tmp_path / "out").exists()
    assert not multiprocessing.active_children()


def bounded_machines() -> MakeMachine:
    """The engine's machines, with calls that do next to nothing."""
    return machines(Settings(), CallBounds(learned=20, planned=10, outputs=4, in_order=True))


def test_bounded_calls_in_processes_do_not_show(tmp_path: Path) -> None:
    """What takes many calls in a process gives the same bytes as what takes few here."""
    lines = [order(n, MONDAY + n * 600_000, sku=f"S{n % 97}") for n in range(2_000)]
    write(tmp_path / "in", "orders", lines)
    for workers in (1, 2):
        replay(tmp_path / "in", tmp_path / f"out{workers}", make_machine=bounded_machines(), workers=workers)
    replay(tmp_path / "in", tmp_path / "expected")
    for topic in ("planning-parameters", "audit"):
        expected = _without_recording((tmp_path / "expected" / f"{topic}.ndjson").read_bytes())
        assert expected
        for workers in (1, 2):
            found = (tmp_path / f"out{workers}" / f"{topic}.ndjson").read_bytes()
            assert _without_recording(found) == expected


def _without_recording(lines: bytes) -> list[bytes]:
    return re.sub(rb'"recordedtime":"[^"]*"', b"", lines).splitlines()


def test_processes_end_with_the_one_that_started_them(folder: Path, tmp_path: Path, root: Path) -> None:
    """Also where that one was killed and could say nothing: what it wrote to is closed by all of them."""
    command = [sys.executable, "-c", ENGINE, str(folder), str(tmp_path / "out")]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == b"under way\n"
        engine.kill()
        engine.communicate(timeout=SECONDS_MAX)
    assert engine.returncode == -signal.SIGKILL
