"""Live view of the demo: a panel on a terminal; elsewhere one line per 10 % of progress. The demo job uses it."""

import datetime as dt
import time
from types import TracebackType
from typing import Any

import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flows.runtime.context import Progress

RECENT_ROWS = 8
PLAIN_STEPS = 10
STYLE_OF_SEVERITY = {"low": "dim", "medium": "yellow", "high": "red", "critical": "bold red"}


class LiveView:
    """Shows progress reports of a run over ``lines`` lines; a context manager that restores the terminal."""

    def __init__(self, console: Console, lines: int) -> None:
        self._console = console
        self._lines = lines
        self._started = time.monotonic()
        self._step = 0
        self._live = Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None

    def __enter__(self) -> "LiveView":
        self._started = time.monotonic()
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, progress: Progress) -> None:
        """Show one report."""
        seconds = max(time.monotonic() - self._started, 1e-3)
        # The source reads far ahead, so its share is too high. The number of lines is known and gives the exact share.
        progress = progress._replace(share=min(progress.lines / self._lines, 1.0))
        if self._live is not None:
            self._live.update(panel(progress, seconds))
            return
        step = int(progress.share * PLAIN_STEPS)
        if step > self._step:
            self._step = step
            self._console.print(plain_line(progress, seconds), highlight=False)


def plain_line(progress: Progress, seconds: float) -> str:
    """One report as one line."""
    return (
        f"{progress.share:4.0%}  {clock_text(progress.clock)}  {progress.lines:>9,} lines"
        f"  {progress.lines / seconds:>9,.0f} lines/s  {exception_records(progress.outputs):>7,} exception records"
    )


def exception_records(outputs: dict[str, int]) -> int:
    """Number of records on topic exceptions, from the counts by type; one problem may have several records."""
    return sum(count for kind, count in outputs.items() if kind.startswith("exception."))


def panel(progress: Progress, seconds: float) -> Group:
    """One report as a panel: the clock, a bar, and the latest exceptions, newest first."""
    table = Table(expand=True, box=None, pad_edge=False)
    for heading in ("", "exception", "sku", "location", "why"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for record in reversed(progress.recent[-RECENT_ROWS:]):
        state: dict[str, Any] = orjson.loads(record.data)
        severity = str(state["severity"])
        table.add_row(
            Text(severity, style=STYLE_OF_SEVERITY[severity]),
            f"{state['exception_type']} {record.type.removeprefix('exception.')}",
            state["sku"] or "-",
            state["location"] or "-",
            state["reason"],
        )
    return Group(Text(plain_line(progress, seconds)), ProgressBar(total=1.0, completed=progress.share), Text(""), table)


def clock_text(clock: int | None) -> str:
    """The stream's clock in UTC."""
    if clock is None:
        return "----------------"
    return f"{dt.datetime.fromtimestamp(clock / 1000, dt.UTC):%Y-%m-%d %H:%M}"
