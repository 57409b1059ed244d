"""All commands of an installation use one folder of compiled kernels, and a compilation is announced."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import warm_up
from sensing import jit


def test_the_folder_is_in_the_virtual_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is there whatever command comes first; NUMBA_CACHE_DIR overrides it, a system Python has the user's cache."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert jit.cache_folder().parent == tmp_path / "kernels"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert jit.cache_folder().parent == tmp_path / "user" / "tidegauge"
    monkeypatch.setattr(sys, "prefix", "/usr")
    assert jit.cache_folder().parent == tmp_path / "user" / "tidegauge"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "mine"))
    assert jit.cache_folder().parent == tmp_path / "mine"
    assert jit.cache_folder().name.startswith("kernels-")


@pytest.mark.slow
def test_a_compilation_is_announced_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What takes long says so before, meanwhile and after; where all is compiled nothing is said."""
    said: list[str] = []
    monkeypatch.setattr(warm_up, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(warm_up, "ANNOUNCE_SECONDS", 0.01)
    monkeypatch.setattr(warm_up, "DAYS", 20)
    warm_up.ensure(said.append)
    once = list(said)
    warm_up.ensure(said.append)

    assert once == said
    assert once[0] == "compiling the kernels, once for this version; about a minute"
    assert once[1] == f"compiled 0 of about {warm_up.KERNELS} kernels"
    assert once[-1].startswith("kernels compiled in ")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["demo", "replay"])
def test_commands_prepare_first(command: str, tmp_path: Path) -> None:
    """A command that needs kernels says so at once when they are missing."""
    (tmp_path / "in").mkdir()
    options = {
        "demo": ["--days", "2", "--output", str(tmp_path / "out")],
        "replay": ["--input", str(tmp_path / "in"), "--output", str(tmp_path / "out")],
    }
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    process = subprocess.Popen(
        [sys.executable, "-c", "from flows.cli.main import main; main()", command, *options[command]],
        stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stderr is not None
    line = process.stderr.readline()
    process.kill()
    process.communicate()
    assert line == "compiling the kernels, once for this version; about a minute\n"
