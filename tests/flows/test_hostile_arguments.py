"""Hostile arguments: whatever is given, a command ends with a sentence and its exit code, and leaves nothing behind."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flows.cli.main import COMMANDS, main
from tests.flows.events import MONDAY, order, write

pytestmark = pytest.mark.usefixtures("counted_replays")

MAIN = "from flows.cli.main import main; main()"
ABSURD = ("1e400", "-1", str(10**30), "NaN", "-inf", "0x10", "1_000_000_000_000", "", " ", "1.5", "ten")
"""Numbers that are none, or that nothing can hold."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of events."""
    write(tmp_path / "in", "orders", [order(i, MONDAY + i * 60_000) for i in range(100)])
    return tmp_path / "in"


def call(*arguments: object) -> Any:
    """Result of a command; an exception that reaches the user fails the test."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output
    return result


def refused(*arguments: object, codes: tuple[int, ...] = (2,)) -> str:
    """Message of a command that must be refused."""
    result = call(*arguments)
    assert result.exit_code in codes, result.output
    said: str
    [said] = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(said) > len("Error: ") + 10
    return said


def spoilt(folder: Path, how: str) -> None:
    """Make orders.ndjson something that is no file of events."""
    path = folder / "orders.ndjson"
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "device":
        path.symlink_to("/dev/full")
    else:
        path.symlink_to({"loop": path.name, "nowhere": "nothing"}[how])


@pytest.mark.parametrize("how", ["folder", "pipe", "device", "loop", "nowhere"])
@pytest.mark.parametrize("command", ["replay", "load"])
def test_an_input_must_be_a_file(folder: Path, tmp_path: Path, how: str, command: str) -> None:
    """A folder, a pipe, a device, a link to itself or to nothing under the name of a topic: each is named."""
    spoilt(folder, how)
    arguments = ["replay", "--input", folder, "--output", tmp_path / "out"] if command == "replay" else ["load", folder]
    assert f"input {folder}/orders.ndjson: required a file, got " in refused(*arguments)
    assert not (tmp_path / "out").exists()


def bad_outputs(tmp_path: Path) -> Iterator[Path]:
    """Folders that cannot be made."""
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "lost").symlink_to("nothing/at/all")
    yield tmp_path / "file"
    yield tmp_path / "file" / "below"
    yield tmp_path / "loop"
    yield tmp_path / "loop" / "below"
    yield tmp_path / "lost"
    yield tmp_path / ("x" * 300)
    yield Path("/proc/none")
    yield Path("/dev/full/out")


def test_an_output_must_be_a_folder(folder: Path, tmp_path: Path) -> None:
    """A file, a link to itself or to nowhere, a name that is too long: each is named."""
    for output in bad_outputs(tmp_path):
        before = sorted(tmp_path.iterdir())
        for arguments in (
            ["replay", "--input", folder], ["demo"], ["export", "--bootstrap-servers", "127.0.0.1:9"],
        ):  # fmt: skip
            assert "output " in refused(*arguments, "--output", output)
        refused("schemas", "--output", output, codes=(1, 2))
        assert sorted(tmp_path.iterdir()) == before


def test_an_input_folder_must_be_there(tmp_path: Path) -> None:
    """The same names as inputs."""
    for source in bad_outputs(tmp_path):
        assert "input " in refused("replay", "--input", source, "--output", tmp_path / "out")
        refused("load", source)
        if source.name != "file":
            refused("run", "--check", "--config", source)
    assert not (tmp_path / "out").exists()


NUMBERS = [
    ["replay", "--input", "{in}", "--output", "{out}", "--workers"],
    ["replay", "--input", "{in}", "--output", "{out}", "--block-size"],
    ["replay", "--input", "{in}", "--output", "{out}", "--until"],
    ["replay", "--input", "{in}", "--output", "{out}", "--quiet-until"],
    ["replay", "--input", "{in}", "--output", "{out}", "--skip"],
    ["demo", "--output", "{out}", "--days"],
    ["load", "{in}", "--bootstrap-servers", "127.0.0.1:9", "--rate"],
    ["topics", "create", "--bootstrap-servers", "127.0.0.1:9", "--partitions"],
    ["topics", "check", "--bootstrap-servers", "127.0.0.1:9", "--partitions"],
    ["run", "--check", "--bootstrap-servers"],
    ["run", "--check", "--redis-url"],
    ["run", "--check", "--quiet-until"],
]


@pytest.mark.parametrize("arguments", NUMBERS, ids=lambda arguments: f"{arguments[0]} {arguments[-1]}")
def test_absurd_numbers_in_options(folder: Path, tmp_path: Path, arguments: list[str]) -> None:
    """Each is refused with what is legal."""
    out = tmp_path / "out"
    for number in ABSURD:
        refused(*(argument.format(**{"in": folder, "out": out}) for argument in arguments), number)
        assert not out.exists()


def settings() -> list[str]:
    """All settings with numbers."""
    from flows.service.settings import RunSettings

    sections = RunSettings.model_fields
    return [
        f"{section}.{name}"
        for section, field in sections.items()
        for name, setting in field.annotation.model_fields.items()  # type: ignore[union-attr]  # each is a model
        if setting.annotation in (int, float)
    ]


@pytest.mark.parametrize("name", settings())
def test_absurd_numbers_in_settings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By option, variable and file: each is refused and named."""
    section, _, key = name.partition(".")
    file = tmp_path / "c.toml"
    for number in (*ABSURD, "1e-400", "5e9999"):
        if number in ("1.5", "1e-400"):
            continue  # Legal for some.
        assert f"{name} (--set): required a" in refused("run", "--check", "--set", f"{name}={number}")
        with monkeypatch.context() as variables:
            variables.setenv(f"TIDEGAUGE_{section.upper()}__{key.upper()}", number)
            if number.strip():
                assert f"{name} (environment " in refused("run", "--check")
        if number == "0x10":
            continue  # A number in TOML.
        file.write_text(f"[{section}]\n{key} = {number}\n", encoding="utf-8")
        refused("run", "--check", "--config", file)


LEGAL = ("--", "=", "a=b")
"""They are URI-references."""


def test_texts_that_no_option_takes(folder: Path, tmp_path: Path) -> None:
    """Empty, controls, half a character, very long."""
    for text in ("", "\x1b[31m", "\udcff", "x" * 100_000, "--", "=", "a=b"):
        for arguments in (
            ["replay", "--input", folder, "--output", tmp_path / "out", "--ce-source"], ["run", "--check", "--set"],
            ["exceptions", "list", "--route"], ["exceptions", "list", "--severity"], ["exceptions", "list", "--type"],
            ["topics", "check", "--prefix"], ["export", "--output", tmp_path / "out", "--format"],
        ):  # fmt: skip
            if (arguments[-1] == "--prefix" and text == "") or (arguments[-1] == "--ce-source" and text in LEGAL):
                continue
            assert call(*arguments, text).exit_code in (1, 2)
    assert not (tmp_path / "out").exists()


def test_every_command_refuses_what_it_does_not_know() -> None:
    """An option and an argument too many."""
    for command in COMMANDS:
        refused(command, "--no-such-option")
        refused(command, "one", "two", "three")


def limited(size: int) -> None:
    """Let no file grow beyond a size, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def run_limited(size: int, *arguments: str, code: str = MAIN) -> subprocess.CompletedProcess[str]:
    """Run a command whose files cannot grow beyond a size."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False,
        preexec_fn=lambda: limited(size),
    )  # fmt: skip


COUNTING = """
from flows import replay_job
from flows.cli import warm_up
warm_up.ensure = lambda _say: None
from tests.flows.counting import counting_machines
replay_job.machines = lambda _settings, _bounds: counting_machines()
"""


@pytest.mark.parametrize("size", [0, 100, 5_000])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_full_disk_is_a_sentence(folder: Path, tmp_path: Path, size: int, workers: str) -> None:
    """In the flow and when files are put together: code 1, no traceback, and no folder."""
    done = run_limited(
        size, "replay", "--input", str(folder), "--output", str(tmp_path / "a" / "out"), "--workers", workers,
        code=COUNTING + MAIN,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "File too large" in done.stderr
    assert not (tmp_path / "a").exists()


def test_a_demo_on_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """Neither its own folder nor one that was there and empty has anything in it."""
    (tmp_path / "empty").mkdir()
    for output in (tmp_path / "new" / "demo", tmp_path / "empty"):
        done = run_limited(10_000, "demo", "--days", "3", "--output", str(output), code=COUNTING + MAIN)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
        assert "File too large" in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_a_file_that_must_not_be_read_is_a_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights do not bind every user, so the error of the system is made here."""
    real = Path.open

    def refuse(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == "orders.ndjson":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    said = refused("replay", "--input", folder, "--output", tmp_path / "out", codes=(1,))
    assert f"{folder}/orders.ndjson: required files that can be read and written, got Permission denied; " in said
    assert not (tmp_path / "out").exists()
