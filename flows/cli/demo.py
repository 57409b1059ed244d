"""``tidegauge demo``: the engine on real orders, watched live."""

import sys
import tempfile
from pathlib import Path

import click

from flows.cli.options import readable_errors

PLAIN_COLUMNS = 120


@click.command()
@click.option(
    "--output", "folder", type=click.Path(path_type=Path),
    help="Folder for input, results and truth; refused where it is not empty. Default: a new temporary folder.",
)  # fmt: skip
@click.option("--days", type=click.IntRange(min=1), help="Only the last so many days of the year.")
def demo(folder: Path | None, days: int | None) -> None:
    """Watch the engine on a year of a real shop's orders with a simulated supply side.

    Needs no server: the orders come with the package, the main job runs in this process. Planted surges and a planted
    supplier delay show what is found and what is missed.
    """
    # The engine takes a second to load; usage and help need none of it.
    from rich.console import Console

    from flows.cli.warm_up import ensure, to_stderr
    from flows.demo.demo_job import run_demo

    # Without a terminal lines are not wrapped.
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else PLAIN_COLUMNS)
    with readable_errors():
        ensure(to_stderr)
        run_demo(folder or Path(tempfile.mkdtemp(prefix="tidegauge-demo-")), days, console)
