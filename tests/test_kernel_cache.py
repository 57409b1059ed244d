"""All commands of an installation use one folder of compiled kernels, and a compilation is announced."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import warm_up
from sensing import kernel_cache
from sensing.jit import kernel
from sensing.published_numbers import round_array


def test_the_folder_is_in_the_virtual_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is there whatever command comes first; NUMBA_CACHE_DIR overrides it, a system Python has the user's cache."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert kernel_cache.parent_folder() == tmp_path / "kernels"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert kernel_cache.parent_folder() == tmp_path / "user" / "tidegauge"
    monkeypatch.setattr(sys, "prefix", "/usr")
    assert kernel_cache.parent_folder() == tmp_path / "user" / "tidegauge"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "mine"))
    assert kernel_cache.parent_folder() == tmp_path / "mine"


def test_imports_are_those_of_the_syntax_tree() -> None:
    """What the regular expression finds is what Python's parser finds, wherever a module imports."""
    sources = {}
    for path in kernel_cache.PACKAGE.rglob("*.py"):
        parts = path.relative_to(kernel_cache.PACKAGE.parent).with_suffix("").parts
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text()
    for module, source in sources.items():
        expected = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module} has a relative import, which is not followed"
                expected |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                expected |= {alias.name for alias in node.names}
        assert set(kernel_cache._imports()[module]) == expected & sources.keys(), module


def test_a_change_renames_the_folders_of_all_that_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module with another source has another folder, as has each that imports it, also through others; no other."""
    sources, edited = kernel_cache._sources(), "sensing.demand.sum_variance"
    changed = sources | {edited: sources[edited] + b"# changed"}
    before = {module: kernel_cache.module_folder(module) for module in sources}
    version = kernel_cache.cache_folder()
    monkeypatch.setattr(kernel_cache, "_sources", lambda: changed)
    monkeypatch.setattr(kernel_cache, "_version", kernel_cache._version.__wrapped__)

    renamed = {module for module in sources if kernel_cache.module_folder(module) != before[module]}

    assert renamed == {
        module for module in sources if "sensing.demand.sum_variance" in kernel_cache.used_modules(module)
    }
    assert {edited, "sensing.supply.projection", "sensing.supply.plan"} <= renamed
    assert not {"sensing.state.row_index", "sensing.codec.scan"} & renamed
    assert kernel_cache.cache_folder() != version


def test_kernels_are_kept_with_their_module() -> None:
    """Kernels of the package are in the folder of their module, others in that of the version."""

    @kernel
    def double(value: float) -> float:
        return 2.0 * value

    assert double(2.0) == 4.0
    path = Path(double._cache.cache_path)  # type: ignore[attr-defined]  # dispatchers have no types
    assert path.parent == kernel_cache.cache_folder()
    own = Path(round_array._cache.cache_path)  # type: ignore[attr-defined]  # the same
    assert own == kernel_cache.module_folder("sensing.published_numbers")


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
    assert re.fullmatch(rf"compiled \d+ of about {warm_up.KERNELS} kernels", once[1])
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
