"""Compiles the kernels ahead of the first run: `python -m flows.cli.warm_up`, a part of the installation.

Kernels are compiled on first use and kept on disk (`sensing.jit`). A short stretch of the demo uses nearly all of them.
"""

import tempfile
from pathlib import Path

import structlog

from flows.demo.demo_job import SETTINGS
from flows.demo.inputs import write_inputs
from flows.demo.retail import read_retail
from flows.replay_job import replay
from sensing.jit import cache_folder

DAYS = 75
"""Long enough for rows to earn River models, whose kernels are compiled as well."""
DONE = "compiled"
"""File in the folder of the kernels that says that they are all there."""


def ensure() -> None:
    """Compile where that was not done for this engine on this machine."""
    if not (cache_folder() / DONE).exists():
        structlog.get_logger().info("compiling kernels, once; about a minute")
        main()


def main() -> None:
    """Replay a stretch of the demo and throw the results away."""
    with tempfile.TemporaryDirectory(prefix="tidegauge-warm-") as folder:
        inputs, output = Path(folder) / "input", Path(folder) / "output"
        inputs.mkdir()
        write_inputs(read_retail(DAYS, until="2011-05-01"), inputs, Path(folder) / "truth.json")
        replay(inputs, output, SETTINGS)
    (cache_folder() / DONE).touch()


if __name__ == "__main__":
    main()
