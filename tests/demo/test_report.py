"""Reports of the demo: the live view, and a summary that fails if control totals do not balance."""

import datetime as dt
import io
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from flows.demo.live_view import LiveView, clock_text, exception_records, panel, plain_line
from flows.demo.report import print_problems, print_totals, read_totals
from flows.demo.truth import Problem
from flows.runtime.context import Progress
from sensing.contracts.exceptions import ExceptionState
from sensing.outputs import OutputRecord
from sinks.errors import TidegaugeError

ACCOUNT = {
    "topic": "orders",
    "partition": 0,
    "read": 12,
    "absorbed": 5,
    "absorbed_late": 2,
    "duplicate": 2,
    "superseded": 1,
    "held": 1,
    "dead_letter": 1,
    "released": 1,
}
STATE = {
    "exception_type": "order_surge",
    "status": "opened",
    "severity": "high",
    "sku": "85123A",
    "location": "UK",
    "reason": "12 lines, 3 expected",
}
COUNTS = {"exception.opened": 9, "exception.escalated": 3, "exception.resolved": 4, "exception.expired": 1}


def progress(share: float) -> Progress:
    """A report of a replay that is ``share`` done."""
    latest = OutputRecord(0, 0, 0, "exceptions", "exception.opened", "x.1", "x", 0, {}, orjson.dumps(STATE))
    return Progress(round(share * 1000), share, 1_300_000_000_000, COUNTS, [latest])


def audit(tmp_path: Path, total: dict[str, object]) -> Path:
    """An audit file with a decision and one account."""
    file = tmp_path / "audit.ndjson"
    lines = [{"type": "decision.automatic", "data": {"rule": "r"}}, {"type": "control.totals", "data": total}]
    file.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return file


def interrupted(console: Console) -> None:
    """Show half a run, then be interrupted."""
    with LiveView(console, 1000) as view:
        view.show(progress(0.5))
        raise KeyboardInterrupt


def test_totals_are_read_and_shown(tmp_path: Path) -> None:
    """Accounts are taken from among the audit's events and every outcome is shown."""
    out = io.StringIO()

    totals = read_totals(audit(tmp_path, ACCOUNT))
    print_totals(Console(file=out, width=120), totals)

    assert [total.topic for total in totals] == ["orders"]
    assert out.getvalue().splitlines()[-1].split() == ["orders", "12", "5", "2", "2", "1", "1", "1", "1"]


def test_unbalanced_totals_are_an_error(tmp_path: Path) -> None:
    """A lost event ends the demo with its topic and both numbers."""
    with pytest.raises(
        TidegaugeError, match=r"control totals of orders: required read = sum of outcomes, got 13 and 12"
    ):
        read_totals(audit(tmp_path, ACCOUNT | {"read": 13}))


def test_plain_progress_is_one_line_per_tenth() -> None:
    """Where output is no terminal, reports become at most ten lines without control characters."""
    out = io.StringIO()
    with LiveView(Console(file=out, width=120), 1000) as view:
        for step in range(101):
            view.show(progress(step / 100))

    lines = out.getvalue().splitlines()
    assert len(lines) == 10
    assert "\x1b" not in out.getvalue()
    assert lines[-1].startswith("100%  2011-03-13 07:06")


def test_live_view_gives_the_terminal_back() -> None:
    """On a terminal the panel is drawn over and over, and the cursor is visible again at the end, even after an
    error.
    """
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True, _environ={"TERM": "xterm"})
    with pytest.raises(KeyboardInterrupt):
        interrupted(console)

    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h") == 1


def test_panel_shows_the_latest_exceptions() -> None:
    """The panel names severity, type, item and sentence of the latest exceptions."""
    out = io.StringIO()
    Console(file=out, width=120).print(panel(progress(0.5), 2.0, 120))

    for text in ("50%", "250/s", "high", "order_surge opened", "85123A UK", "12 lines, 3 expected"):
        assert text in out.getvalue()


def test_panel_fits_a_terminal() -> None:
    """With the longest names and reasons the panel fits 80 columns and 24 lines, and nothing is cut within a word."""
    out = io.StringIO()
    state = STATE | {
        "severity": "critical",
        "exception_type": "inventory_out_of_sync",
        "reason": "seventeen letters " * 40,
    }
    record = OutputRecord(0, 0, 0, "exceptions", "exception.de_escalated", "x.1", "x", 0, {}, orjson.dumps(state))
    full = progress(1.0)._replace(lines=1_081_641, recent=[record] * 20)
    Console(file=out, width=80).print(panel(full, 20.0, 80))
    lines = out.getvalue().splitlines()

    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert set(lines[4].split()) <= {"seventeen", "letters", "..."}
    assert lines[4].endswith(" ...")


def test_a_problem_without_an_item_is_shown() -> None:
    """The exception of an unknown location has no SKU; the panel shows the location alone, the list a dash."""
    opened = dt.datetime(2026, 2, 2, tzinfo=dt.UTC)
    fields: dict[str, Any] = STATE | {"exception_type": "master_data", "sku": None, "location": "XYZ"}
    state = ExceptionState(
        exception_id="x", version=1, opened_at=opened.isoformat(), updated_at=opened.isoformat(), **fields
    )
    record = OutputRecord(0, 0, 0, "exceptions", "exception.opened", "x.1", "x", 0, {}, orjson.dumps(fields))
    live, listed = io.StringIO(), io.StringIO()
    Console(file=live, width=120).print(panel(progress(0.5)._replace(recent=[record]), 2.0, 120))
    print_problems(Console(file=listed, width=120), "Open", [Problem(state, state, opened, None, frozenset())])
    for shown in (live, listed):
        assert re.search(r"master_data .* XYZ", shown.getvalue())


def test_exception_records_are_counted() -> None:
    """Records of all statuses count, those of other topics do not."""
    assert exception_records(COUNTS | {"parameters.proposed": 100}) == 17
    assert "17 exception records" in plain_line(progress(0.5), 1.0)


def test_clock_before_the_first_event() -> None:
    """Before any event there is no time to show."""
    assert clock_text(None) == "----------------"
