"""Compiles the kernels before the first run: `python -m flows.cli.warm_up`, a step of the installation.

Kernels are compiled at first use and cached on disk (`sensing.jit`). A replay of some demo days uses nearly all of
them.
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
"""Long enough that rows get River models, so that their kernels are compiled as well."""
DONE = "compiled"
"""Marker file in the cache folder: all kernels are compiled."""


def ensure() -> None:
    """Compile the kernels if the cache of this version does not have them."""
    if not (cache_folder() / DONE).exists():
        structlog.get_logger().info("compiling kernels, once; about a minute")
        main()


def main() -> None:
    """Replay some days of the demo and discard the results."""
    with tempfile.TemporaryDirectory(prefix="tidegauge-warm-") as folder:
        inputs, output = Path(folder) / "input", Path(folder) / "output"
        inputs.mkdir()
        write_inputs(read_retail(DAYS, until="2011-05-01"), inputs, Path(folder) / "truth.json")
        replay(inputs, output, SETTINGS)
    (cache_folder() / DONE).touch()


if __name__ == "__main__":
    main()
