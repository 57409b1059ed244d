"""``tidegauge replay``: files in, files out."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.cli.options import Instant, Position, UriReference, readable_errors
from sensing.machine_settings import Settings

if TYPE_CHECKING:
    from flows.replay_job import Summary
    from flows.runtime.context import Progress

INSTANT = Instant(Settings().time_zone)


@click.command()
@click.option(
    "--input", "input_folder", type=click.Path(path_type=Path), required=True,
    help="Folder of NDJSON files named after topics, plain or .gz: orders.ndjson, inventory.ndjson, ...",
)  # fmt: skip
@click.option(
    "--output", "output_folder", type=click.Path(path_type=Path), required=True,
    help="Folder for the results; made where it is missing, refused where it is not empty.",
)  # fmt: skip
@click.option("--quiet-until", type=INSTANT, help="Learn in silence before this instant (a date, or RFC 3339).")
@click.option(
    "--until", type=INSTANT, help="Let the clock run on to this instant. Default: the end of the last event's day."
)
@click.option(
    "--block-size",
    type=click.IntRange(1, 1_000_000),
    help="About so many messages of a file at once; results are the same.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that share the work; results are the same.",
)
@click.option(
    "--tables", type=click.Path(path_type=Path), help="TOML file that maps database tables to events, for Debezium."
)
@click.option(
    "--skip", "skipped", multiple=True, type=Position(), metavar="TOPIC:PARTITION:OFFSET",
    help="Pass over this line as a dead letter; its offset is its number in the file from 0. May be repeated.",
)  # fmt: skip
@click.option(
    "--ce-source", "source", type=UriReference(),
    help="Who produces the outputs: their CloudEvents attribute source. Default: tidegauge.",
)  # fmt: skip
def replay(
    input_folder: Path,
    output_folder: Path,
    quiet_until: int | None,
    until: int | None,
    block_size: int | None,
    workers: int,
    tables: Path | None,
    skipped: tuple[str, ...],
    source: str | None,
) -> None:
    """Replay a folder of event files and write exceptions, planning parameters, audit and dead letters.

    Events are merged by event time, each file in its own order. The results are the same in every run.
    """
    # The engine takes a second to load; usage and help need none of it.
    from flows.cli.warm_up import ensure, to_stderr
    from flows.input.skipping import read_skips
    from flows.input.table_mappings import read_tables
    from flows.replay_job import BATCH_MESSAGES
    from flows.replay_job import replay as run
    from sinks.envelope import SOURCE

    with readable_errors(), contextlib.ExitStack() as stack:
        ensure(to_stderr)
        progress = stack.enter_context(progress_bar())
        summary = run(
            input_folder,
            output_folder,
            Settings(quiet_until=quiet_until, tables={} if tables is None else read_tables(tables)),
            until=until,
            batch_messages=block_size or BATCH_MESSAGES,
            workers=workers,
            skips=read_skips(skipped),
            source=source or SOURCE,
            progress=progress,
        )
    click.echo("\n".join(summary_lines(summary, output_folder)), err=True)


def summary_lines(summary: "Summary", folder: Path) -> list[str]:
    """A replay in a few lines: how much and how fast, and what was written where."""
    from flows.summary import counted, replay_summary

    tombstones = f", {counted(summary.tombstones, 'tombstone')} skipped" if summary.tombstones else ""
    a_second = summary.lines / max(summary.seconds, 1e-3)
    speed = f"{counted(summary.lines, 'line')} in {summary.seconds:,.1f} s ({a_second:,.0f} a second)"
    return [speed + tombstones, *replay_summary(summary.rows, summary.problems, summary.written, folder)]


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[["Progress"], None] | None]:
    """A progress bar on a terminal; None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as bars
    from rich.console import Console

    from sensing.codec.instants import rfc3339

    columns = (
        bars.BarColumn(),
        bars.TaskProgressColumn(),
        bars.TimeRemainingColumn(),
        bars.TextColumn("{task.fields[text]}"),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("replay", total=1.0, text="")

        def show(progress: "Progress") -> None:
            clock = rfc3339(progress.clock)[:10] if progress.clock is not None else ""
            bar.update(task, completed=progress.share, text=f"{progress.lines:,} lines  {clock}")

        yield show
