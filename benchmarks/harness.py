"""Harness: runs a benchmark in its own process and adds machine, versions and revision to its figures.

A benchmark is a module in this folder with ``def run(size: str) -> dict[str, object]`` (size ``smoke`` or ``full``). It
returns figures, named with units last and maybe grouped in dictionaries, and three other keys: ``answer`` (required:
the result as bytes or JSON; its hash shows whether a speed-up changed it), ``sizes`` and ``seed`` of its input. If its
input or a server is missing, it returns ``{"missing": why}``.
"""

import ast
import hashlib
import importlib
import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import orjson

from benchmarks.servers.install import Missing
from flows.processors import processors

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SIZES = ("smoke", "full")
LIBRARIES = ("bytewax", "confluent-kafka", "msgspec", "numba", "numpy", "orjson", "pyarrow", "redis", "river")


class MissingInput(Exception):
    """The input of a benchmark is missing. The message names it and where it is searched."""


class Machine(msgspec.Struct, kw_only=True, frozen=True):
    """Machine of a run. Figures of different machines are not comparable."""

    cpu: str
    cpus: int
    system: str


class Result(msgspec.Struct, kw_only=True, frozen=True):
    """Result of one run of a benchmark, with everything needed to repeat it."""

    name: str
    size: str
    seed: int | None
    sizes: dict[str, int]
    figures: dict[str, float | int | str]
    answer_sha256: str
    peak_rss_mib: float
    started: str
    revision: str | None
    machine: Machine
    versions: dict[str, str]


def discover(folder: Path = HERE) -> dict[str, str]:
    """Names of the benchmarks, sorted, each with the first line of its docstring. Nothing is imported."""
    found = {}
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_bytes())
        if any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body):
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def run_isolated(name: str, size: str) -> Result:
    """Run a benchmark in a fresh interpreter, so that memory and compile time are its own.

    Raises
    ------
    MissingInput
        The benchmark has no input here.
    RuntimeError
        The benchmark failed; the message holds the end of what it printed.
    """
    command = [sys.executable, "-m", "benchmarks.harness", name, size]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode == _MISSING:
        raise MissingInput(done.stderr.decode().strip())
    if done.returncode:
        msg = f"benchmark {name!r} ({size}) ended with code {done.returncode}:\n{done.stderr.decode()[-4000:]}"
        raise RuntimeError(msg)
    return msgspec.json.decode(done.stdout, type=Result)


def measure(name: str, size: str) -> Result:
    """Run a benchmark in this process."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        returned = dict(importlib.import_module(f"benchmarks.{name}").run(size))
    except Missing as error:
        returned = {"missing": str(error)}
    if "missing" in returned:
        msg = f"benchmark {name!r}: {returned['missing']}"
        raise MissingInput(msg)
    if "answer" not in returned:
        msg = f"benchmark {name!r}: run() must return the key 'answer' (what was computed), got {sorted(returned)}"
        raise ValueError(msg)
    figures = {
        "answer_sha256": answer_sha256(returned.pop("answer")),
        "seed": returned.pop("seed", None),
        "sizes": returned.pop("sizes", {}),
    }
    described = {
        "name": name,
        "size": size,
        "figures": flat(returned),
        "peak_rss_mib": peak_rss_mib(),
        "started": started,
    }
    about = {"revision": revision(), "machine": machine(), "versions": versions()}
    plain = orjson.loads(orjson.dumps(figures | described | about, default=msgspec.to_builtins, option=_NUMPY))
    return msgspec.convert(plain, Result)


def flat(figures: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Figures without groups: a group's name goes before the names in it, with a dot."""
    out: dict[str, object] = {}
    for name, value in figures.items():
        out |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return out


_MISSING = 3
_NUMPY = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS


def answer_sha256(answer: object) -> str:
    """Hash of an answer: of the bytes themselves, or of its JSON with sorted keys."""
    return hashlib.sha256(answer if isinstance(answer, bytes) else orjson.dumps(answer, option=_NUMPY)).hexdigest()


def peak_rss_mib() -> float:
    """Largest resident memory of this process.

    On Linux a child inherits the figure of ``getrusage``, so the peak is read from ``/proc``.
    """
    if sys.platform == "linux":
        kib = float(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    else:
        kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # macOS counts bytes
    return round(kib / 1024, 1)


def machine() -> Machine:
    """Processor, number of usable cores, and operating system."""
    known = Path("/proc/cpuinfo").read_text() if sys.platform == "linux" else ""
    cpu = known.partition("model name\t: ")[2].partition("\n")[0] or platform.processor() or platform.machine()
    return Machine(cpu=cpu, cpus=processors(), system=f"{platform.system()} {platform.machine()}")


def versions() -> dict[str, str]:
    """Versions of the interpreter and of relevant libraries."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in LIBRARIES}


def revision() -> str | None:
    """Git revision of the checkout, with ``+`` where files differ from it; None outside git."""
    try:
        command = ["git", "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.decode().strip() or None


def main() -> None:
    """Entry of the process that ``run_isolated`` starts. Only the result goes to standard output."""
    name, size = sys.argv[1:]
    with os.fdopen(os.dup(1), "wb") as results:
        os.dup2(2, 1)
        try:
            results.write(msgspec.json.encode(measure(name, size)))
        except MissingInput as missing:
            print(missing, file=sys.stderr)
            sys.exit(_MISSING)


if __name__ == "__main__":
    main()
