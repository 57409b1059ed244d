"""Live view of the demo: a panel on a terminal; elsewhere one line per 10 % of progress. The demo job uses it.

Both fit 80 columns, the panel 24 lines as well.
"""

import datetime as dt
import textwrap
import time
from types import TracebackType
from typing import Any

import orjson
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from flows.runtime.context import Progress

RECENT_ROWS = 6
REASON_LINES = 2
INDENT = 4
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
            self._live.update(panel(progress, seconds, self._console.width))
            return
        step = int(progress.share * PLAIN_STEPS)
        if step > self._step:
            self._step = step
            self._console.print(plain_line(progress, seconds), highlight=False)


def plain_line(progress: Progress, seconds: float) -> str:
    """One report as one line."""
    return (
        f"{progress.share:4.0%}  {clock_text(progress.clock)}  {progress.lines:>9,} lines"
        f"  {progress.lines / seconds:>7,.0f}/s  {exception_records(progress.outputs):>6,} exception records"
    )


def exception_records(outputs: dict[str, int]) -> int:
    """Number of records on topic exceptions, from the counts by type; one problem may have several records."""
    return sum(count for kind, count in outputs.items() if kind.startswith("exception."))


def panel(progress: Progress, seconds: float, width: int) -> Group:
    """One report as a panel ``width`` columns wide: the clock, a bar, and the latest exceptions, newest first.

    An exception takes one line for its names and up to two for its reason.
    """
    shown: list[RenderableType] = [
        # The bar does not end its line.
        Text(plain_line(progress, seconds)), ProgressBar(total=1.0, completed=progress.share), Text(""),
    ]  # fmt: skip
    for record in reversed(progress.recent[-RECENT_ROWS:]):
        state: dict[str, Any] = orjson.loads(record.data)
        severity = str(state["severity"])
        names = f"{state['exception_type']} {record.type.removeprefix('exception.')}"
        place = " ".join(state[name] for name in ("sku", "location") if state[name])
        shown.append(Text.assemble((f"{severity:8} ", STYLE_OF_SEVERITY[severity]), f"{names}  ", (place, "bold")))
        reason = textwrap.wrap(
            state["reason"], max(width - 1, 2 * INDENT), max_lines=REASON_LINES, placeholder=" ...",
            initial_indent=" " * INDENT, subsequent_indent=" " * INDENT,
        )  # fmt: skip
        shown.extend(Text(line) for line in reason)
    return Group(*shown)


def clock_text(clock: int | None) -> str:
    """The stream's clock in UTC."""
    if clock is None:
        return "----------------"
    return f"{dt.datetime.fromtimestamp(clock / 1000, dt.UTC):%Y-%m-%d %H:%M}"
