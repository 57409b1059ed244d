"""Compiles the kernels ahead of the first run: `python -m flows.warm`, a part of the installation.

Kernels are compiled on first use and kept on disk (`sensing.jit`). A short stretch of the demo uses nearly all of them.
"""

import tempfile
from pathlib import Path

from flows.demo.inputs import write_inputs
from flows.demo.retail import read_retail
from flows.demo.run import SETTINGS
from flows.replay import replay

DAYS = 75
"""Long enough for rows to earn River models, whose kernels are compiled as well."""


def main() -> None:
    """Replay a stretch of the demo and throw the results away."""
    with tempfile.TemporaryDirectory(prefix="tidegauge-warm-") as folder:
        inputs, output = Path(folder) / "input", Path(folder) / "output"
        inputs.mkdir()
        write_inputs(read_retail(DAYS, until="2011-05-01"), inputs, Path(folder) / "truth.json")
        replay(inputs, output, SETTINGS)


if __name__ == "__main__":
    main()
