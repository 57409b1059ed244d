"""Compiles the kernels before the first run: `python -m flows.cli.warm_up`, a step of the installation.

Kernels are compiled at first use and cached on disk (`sensing.jit`). A replay of some demo days and of rarer events
uses nearly all of them. Every command that needs kernels calls `ensure` first, so that a user hears of a compilation.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from flows.cli.rare_events import write_rare_events
from flows.demo.demo_job import SETTINGS
from flows.demo.inputs import write_inputs
from flows.demo.retail import read_retail
from flows.replay_job import replay
from flows.runtime.machines import machines
from sensing.kernel_cache import cache_folder, compiled_kernels
from sensing.machines.call_budget import CallBounds

DAYS = 75
"""Long enough that rows get River models, so that their kernels are compiled as well."""
SMALLEST_CALLS = CallBounds(learned=1, planned=1, outputs=1)
"""Day closes are then under way when records come, which uses kernels of its own, as worker processes do."""
DONE = "compiled"
"""Marker file in the folder of this version: all kernels are compiled."""
KERNELS = 360
"""About so many kernels are compiled; only the progress depends on it."""
ANNOUNCE_SECONDS = 10.0


def ensure(announce: Callable[[str], None]) -> None:
    """Compile the kernels if the cache of this version does not have them; ``announce`` gets sentences about it."""
    if (cache_folder() / DONE).exists():
        return
    announce("compiling the kernels, once for this version; about a minute")
    started = time.monotonic()
    with _progress(announce):
        _compile()
    announce(f"kernels compiled in {time.monotonic() - started:.0f} s")


def _compile() -> None:
    """Replay some days of the demo and the rare events, and discard the results."""
    with tempfile.TemporaryDirectory(prefix="tidegauge-warm-") as name:
        folder = Path(name)
        for part in ("demo", "rare"):
            (folder / part).mkdir()
        write_inputs(read_retail(DAYS, until="2011-05-01"), folder / "demo", folder / "truth.json")
        replay(folder / "demo", folder / "demo-output", SETTINGS)
        write_rare_events(folder / "rare")
        make = machines(SETTINGS, SMALLEST_CALLS)
        replay(folder / "rare", folder / "rare-output", SETTINGS, workers=2, make_machine=make)
    cache_folder().mkdir(parents=True, exist_ok=True)
    (cache_folder() / DONE).touch()


@contextlib.contextmanager
def _progress(announce: Callable[[str], None]) -> Iterator[None]:
    """Announce every ``ANNOUNCE_SECONDS`` how many kernels are compiled."""
    done = threading.Event()

    def report() -> None:
        while not done.wait(ANNOUNCE_SECONDS):
            announce(f"compiled {compiled_kernels()} of about {KERNELS} kernels")

    thread = threading.Thread(target=report, daemon=True, name="compile-progress")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def to_stderr(sentence: str) -> None:
    """Announce on standard error, for commands."""
    click.echo(sentence, err=True)


if __name__ == "__main__":
    ensure(to_stderr)
