"""``tidegauge run``: accepted and refused arguments before the start."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flows.cli.main import main
from tests.flows.service.files import config


def call(*arguments: object) -> Any:
    """Result of the command."""
    return CliRunner().invoke(main, ["run", *map(str, arguments)])


@pytest.mark.parametrize(("given", "missing"), [("--until-end", "--event-time"), ("--event-time", "--until-end")])
def test_until_end_and_event_time_come_together(given: str, missing: str) -> None:
    """One without the other ends with code 2 and says what to give."""
    result = call(given)
    assert result.exit_code == 2
    assert (
        f"{given}: required {missing} with it, got {given} alone; "
        "to read history to its end give both, to run on give neither"
    ) in result.stderr


def test_check_prints_and_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options stand above the environment and the file, and are named as origins; code 0."""
    file = config(tmp_path, "[kafka]\nbootstrap_servers = 'file:1'\n[log]\nlevel = 'debug'\n")
    monkeypatch.setenv("TIDEGAUGE_CONFIG", str(file))
    monkeypatch.setenv("TIDEGAUGE_KAFKA__BOOTSTRAP_SERVERS", "environment:1")
    monkeypatch.setenv("TIDEGAUGE_ENGINE__SHARDS", "8")
    options = ("--bootstrap-servers", "flag:1", "--redis-url", "redis://h", "--quiet-until", "2020-01-01")
    result = call("--check", *options, "--set", "engine.shards=4", "--set", "redis.url=redis://other")

    assert (result.exit_code, result.stderr) == (0, "")
    shown = {
        tuple(part.strip() for part in line.split("  # ")) for line in result.stdout.splitlines() if "  # " in line
    }
    assert {
        ('bootstrap_servers = "flag:1"', "--bootstrap-servers"),
        ('url = "redis://h"', "--redis-url"),
        ('quiet_until = "2020-01-01"', "--quiet-until"),
        ("shards = 4", "--set"),
        ('level = "debug"', f"{file}:4"),
        ("port = 9464", "default"),
    } <= shown


def test_check_refuses_what_run_refuses(tmp_path: Path) -> None:
    """Bad settings end both with code 2 and the same text."""
    file = config(tmp_path, "[http]\nport = -1\n")
    checked, run = call("--check", "--config", file), call("--config", file)
    assert (checked.exit_code, run.exit_code) == (2, 2)
    assert checked.stderr == run.stderr
    assert f"http.port ({file}:2): required a whole number from 0 to 65,535, got -1" in run.stderr


@pytest.mark.parametrize("text", ["engine.shards", "=3", "engine.shards:3"])
def test_an_assignment_needs_name_and_value(text: str) -> None:
    """--set without = or without a name ends with code 2."""
    result = call("--check", "--set", text)
    assert result.exit_code == 2
    assert "required SECTION.NAME=VALUE, got a text without a name or without =" in " ".join(result.stderr.split())


def test_a_value_may_hold_anything() -> None:
    """Only the first = of --set divides."""
    result = call("--check", "--set", "redis.key_prefix=a=b ")
    assert 'key_prefix = "a=b "' in result.stdout
