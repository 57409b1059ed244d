"""The command: arguments, output, exit codes, and every error."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from flows import replay_job as replay_module
from flows.cli import replay as cli
from flows.cli.main import COMMANDS, main
from flows.cli.options import Instant
from flows.replay_job import Summary
from flows.runtime.context import Progress
from flows.summary import replay_summary
from sensing.machine_settings import Settings
from tests.flows.events import MONDAY, order, write

pytestmark = pytest.mark.usefixtures("counted_replays")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hundred orders within two hours, and a dead letter."""
    write(tmp_path / "in", "orders", [*(order(i, MONDAY + i * 60_000) for i in range(100)), b"nonsense"])
    return tmp_path / "in"


def call(*arguments: object) -> Any:
    """Result of a command."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_replay_ends_with_what_is_where(folder: Path, tmp_path: Path) -> None:
    """Standard output stays empty; standard error says how fast, problems and records apart, and dead letters last."""
    out = tmp_path / "out"
    result = call("replay", "--input", folder, "--output", out, "--workers", 2, "--block-size", 10)

    assert (result.exit_code, result.stdout) == (0, "")
    speed, *rest = result.stderr.splitlines()
    assert re.fullmatch(r"101 lines in [\d.]+ s \([\d,]+ a second\)", speed)
    count = {path.stem: len(path.read_bytes().splitlines()) for path in out.glob("*.ndjson")}
    assert rest == [
        f"problems: 14 (order_surge 14); {count['exceptions']} records in {out}/exceptions.ndjson",
        f"planning parameters: 16 SKU-locations in {out}/parameters.parquet; {count['planning-parameters']} records in "
        f"{out}/planning-parameters.ndjson",
        f"audit: {count['audit']} record{'' if count['audit'] == 1 else 's'} in {out}/audit.ndjson",
        f"dead letters: 1, see {out}/dead-letters.ndjson",
    ]


def test_a_summary_counts_problems_by_type(tmp_path: Path) -> None:
    """The most frequent type first; one record is a record; without dead letters there is nothing to see."""
    written = {"exceptions": 8722, "planning-parameters": 1, "audit": 0, "dead-letters": 0}
    assert replay_summary(1, {"b": 1, "a": 1, "order_surge": 1188}, written, Path("o")) == [
        "problems: 1,190 (order_surge 1,188, a 1, b 1); 8,722 records in o/exceptions.ndjson",
        "planning parameters: 1 SKU-location in o/parameters.parquet; 1 record in o/planning-parameters.ndjson",
        "audit: 0 records in o/audit.ndjson",
        "dead letters: none",
    ]


def test_options_reach_the_engine(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All options arrive as they were given; what is not given is the default."""
    given: dict[str, Any] = {}

    def record(input_folder: Path, output_folder: Path, settings: Settings, **options: Any) -> Summary:
        given.update(options, input=input_folder, output=output_folder, settings=settings)
        return Summary(0, 1.0, 0, {}, {}, {})

    monkeypatch.setattr(replay_module, "replay", record)
    times = ("--quiet-until", "2010-01-05", "--until", "2010-01-06T01:00:00+01:00")
    call("replay", "--input", folder, "--output", tmp_path / "out", "--block-size", 5, "--workers", 3, *times)

    assert given == {
        "input": folder,
        "output": tmp_path / "out",
        "settings": Settings(quiet_until=MONDAY + 86_400_000),
        "until": MONDAY + 2 * 86_400_000,
        "batch_messages": 5,
        "workers": 3,
        "skips": {},
        "source": "tidegauge",
        "progress": None,
    }
    call("replay", "--input", folder, "--output", tmp_path / "out")
    assert (given["until"], given["batch_messages"], given["workers"]) == (None, replay_module.BATCH_MESSAGES, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--input", "{in}"], 2, "Missing option '--output'"),
        (["--input", "{tmp}/none", "--output", "{tmp}/out"], 2, "got nothing; give the folder"),
        (
            ["--input", "{in}", "--output", "{in}"],
            2,
            "required a new or empty folder, got 1 files such as orders.ndjson",
        ),
        (
            ["--input", "{in}", "--output", "{tmp}/out", "--until", "2010-01-04"],
            2,
            "required an instant after the last event",
        ),
        (
            ["--input", "{in}", "--output", "{tmp}/out", "--until", "monday"],
            2,
            "RFC 3339 with an offset, such as 2011-12-10T",
        ),
        (["--input", "{in}", "--output", "{tmp}/out", "--workers", "0"], 2, "0 is not in the range 1<=x<=64"),
        (["--input", "{in}", "--output", "{tmp}/out", "--block-size", "0"], 2, "0 is not in the range 1<=x<=1000000"),
    ],
)
def test_errors_name_the_fix(folder: Path, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    """What cannot be done as asked ends with code 2 and the remedy, and leaves no output."""
    result = call("replay", *(argument.format(tmp=tmp_path, **{"in": folder}) for argument in arguments))

    assert result.exit_code == code
    assert message in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_a_failed_run_ends_with_code_1(folder: Path, tmp_path: Path) -> None:
    """A file that cannot be read to its end fails the run, in one line."""
    (folder / "shipments.ndjson.gz").write_bytes(b"not zipped")

    result = call("replay", "--input", folder, "--output", tmp_path / "out")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: input ")
    assert "shipments.ndjson.gz, after line 0: required a readable file, got Not a gzipped file" in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_interrupt_ends_with_code_1(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C says that nothing was written."""

    def interrupt(*_arguments: object, **_options: object) -> Summary:
        raise KeyboardInterrupt

    monkeypatch.setattr(replay_module, "replay", interrupt)
    result = call("replay", "--input", folder, "--output", tmp_path / "out")

    assert (result.exit_code, result.stderr) == (1, "Error: stopped before the end; nothing was written\n")


def test_a_terminal_shows_progress(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a bar is fed with shares, lines and the clock."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with cli.progress_bar() as show:
        assert show is not None
        show(Progress(0, 0.0, None, {}, []))
        show(Progress(10, 0.5, MONDAY, {}, []))


def test_help_is_fast() -> None:
    """Help, which lists all commands, loads neither the engine nor its libraries."""
    code = "import sys; from flows.cli.main import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert all(f"{name} " in done.stdout for name in COMMANDS)
    assert not {"bytewax", "numba", "numpy", "pyarrow", "rich", "msgspec"} & set(done.stdout.split())


def test_the_version_is_that_of_the_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    """--version prints name and version."""
    monkeypatch.setattr("flows.cli.main.version", lambda _name: "1.2.3")

    assert call("--version").stdout == "tidegauge 1.2.3\n"


def test_an_unknown_command_is_refused() -> None:
    """A command that does not exist ends with code 2."""
    result = call("replai")

    assert result.exit_code == 2
    assert "No such command 'replai'" in result.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2010-01-04", MONDAY),
        ("2010-01-04T00:00:00Z", MONDAY),
        ("2010-01-04T02:00:00.007+02:00", MONDAY + 7),
        ("1969-12-31", -86_400_000),
    ],
)
def test_instants_are_dates_or_rfc_3339(text: str, expected: int) -> None:
    """A date is its first instant in the default zone; offsets count; milliseconds are kept."""
    assert Instant("UTC").convert(text, None, None) == expected


@pytest.mark.parametrize("text", ["2010-01-04T00:00:00", "2010-13-04", "20100104", "", "1262563200000"])
def test_other_instants_are_refused(text: str) -> None:
    """Without an offset a time of day says nothing."""
    with pytest.raises(click.BadParameter, match="required a date or RFC 3339 with an offset"):
        Instant("UTC").convert(text, None, None)


def test_a_date_is_local() -> None:
    """In another default zone a date starts when it starts there."""
    assert Instant("Europe/Berlin").convert("2010-01-04", None, None) == MONDAY - 3_600_000
