"""Prints the summary at the end of the demo; the demo job calls it."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from flows.demo.hindsight import EVIDENCE
from flows.demo.inputs import Inputs
from flows.demo.precision import Precision
from flows.demo.truth import Planted, Problem, Score, ranked
from sensing.contracts.audit import ControlTotals
from sinks.errors import TidegaugeError

TOP_PROBLEMS = 8
OUTCOMES = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter")


class _AuditRecord(msgspec.Struct):
    """The fields that are read from a line of ``audit.ndjson``."""

    type: str
    data: msgspec.Raw


def read_totals(file: Path) -> list[ControlTotals]:
    """Control totals in the order in which they were written.

    Raises
    ------
    TidegaugeError
        When control totals do not balance: an event was lost or counted twice.
    """
    decoder = msgspec.json.Decoder(_AuditRecord)
    totals = []
    with file.open("rb") as lines:
        for line in lines:
            record = decoder.decode(line)
            if record.type == "control.totals":
                totals.append(msgspec.json.decode(record.data, type=ControlTotals))
    for total in totals:
        outcomes = sum(getattr(total, outcome) for outcome in OUTCOMES)
        if total.read != outcomes:
            msg = f"control totals of {total.topic}: required read = sum of outcomes, got {total.read} and {outcomes}"
            raise TidegaugeError(msg)
    return totals


def print_inputs(console: Console, inputs: Inputs, seconds: float) -> None:
    """Print how the source was converted to the input."""
    dropped = ", ".join(f"{name} {count:,}" for name, count in inputs.dropped.items())
    kept = ", ".join(f"{name} {count:,}" for name, count in inputs.order_events.items())
    files = ", ".join(f"{topic} {count:,}" for topic, count in inputs.file_lines.items())
    console.print(f"Online Retail: {inputs.rows:,} rows = {kept}; dropped: {dropped}", highlight=False)
    console.print(
        f"Input: {files} ({inputs.surge_lines:,} order lines planted), made in {seconds:.1f} s", highlight=False
    )
    console.print("Simulated: shipments, purchase orders, stock counts, planted surges. Real: the orders.")


def print_totals(console: Console, totals: list[ControlTotals]) -> None:
    """Print the control totals of every topic; `read_totals` has checked that they balance."""
    table = Table(
        box=None, pad_edge=False, title="Every event accounted for: read = sum of outcomes", title_justify="left"
    )
    for heading in ("topic", "read", *OUTCOMES, "released"):
        # Two-line headings fit 80 columns.
        table.add_column(heading.replace("_", "\n"), justify="left" if heading == "topic" else "right")
    for total in totals:
        numbers = [total.read, *(getattr(total, outcome) for outcome in OUTCOMES), total.released]
        table.add_row(total.topic, *(f"{number:,}" for number in numbers))
    console.print(table)


def print_problems(console: Console, title: str, problems: list[Problem]) -> None:
    """Print the worst problems with their reasons."""
    console.print(f"\n[bold]{title}[/bold]")
    for problem in ranked(problems)[:TOP_PROBLEMS]:
        state = problem.state
        money = "" if state.money is None else f"  {state.money:,.0f} {state.currency or ''}"
        console.print(
            f"  {state.severity:8} {state.exception_type:18} {state.sku or '-':>8} {state.location or '-':4} "
            f"{problem.opened_at:%Y-%m-%d %H:%M}{money}",
            highlight=False,
        )
        console.print(f"           {state.reason}", highlight=False, markup=False)


def print_score(console: Console, score: Score) -> None:
    """Print the planted problems, found or missed, one per line, and the counts of other problems."""
    if score.surges:
        console.print("\n[bold]Planted order surges[/bold] (five times the usual lines for three trading days)")
        _print_planted(console, score.surges, _surge_name)
    else:
        console.print("\nNo order surge is planted: the days are too few.")
    found = [planted for planted in score.surges if planted.problem is not None]
    if found:
        hours = median(planted.hours or 0.0 for planted in found)
        console.print(
            f"  found {len(found)} of {len(score.surges)}, {first_day_count(score)} on the first day,"
            f" median {hours:.1f} h after the first planted line",
            highlight=False,
        )
    if score.delays:
        answered = sum(planted.problem is not None for planted in score.delays)
        supplier = score.delays[0].problem
        console.print("\n[bold]Planted supplier delay[/bold] (all open orders of one supplier 21 days later)")
        console.print(f"  found for {answered} of {len(score.delays)} purchase orders", highlight=False)
        if supplier is not None:
            console.print(f"  {supplier.state.reason}", highlight=False, markup=False)


def print_precision(console: Console, found: list[Precision]) -> None:
    """Print how many problems of each type were planted, look real in hindsight, or do not, and what that means."""
    table = Table(
        box=None, pad_edge=False, title="\nProblems raised, judged by what came after them", title_justify="left"
    )
    for heading in ("type", "raised", "planted", "look real", "do not", "undecided", "precision"):
        table.add_column(heading, justify="left" if heading == "type" else "right")
    for each in found:
        numbers = (each.raised, each.planted, each.real, each.not_real, each.undecided)
        share = "-" if each.share is None else f"{each.share:.0%}"
        table.add_row(each.exception_type, *(f"{number:,}" for number in numbers), share)
    console.print(table)
    console.print("Precision: planted and real ones among those judged. A problem looks real if, by type:")
    for kind in (each.exception_type for each in found):
        if kind in EVIDENCE:
            console.print(f"  {kind:18} {EVIDENCE[kind]}", highlight=False)


def first_day_count(score: Score) -> int:
    """Number of surges that were found before the end of their first trading day."""
    return sum(
        planted.problem is not None
        and planted.problem.opened_at.timestamp() < _timestamp(planted.entry["first_day_end"])
        for planted in score.surges
    )


def _timestamp(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def _print_planted(console: Console, planted: list[Planted], name: Callable[[dict[str, Any]], str]) -> None:
    """Print one line per planted entry."""
    for each in planted:
        if each.problem is None:
            outcome = "[red]missed[/red]" + (" (one was open already)" if each.open_already else "")
        else:
            outcome = f"[green]found[/green] after {each.hours:.1f} h"
            if each.problem.resolved_at is not None:
                outcome += f", resolved {each.problem.resolved_at:%Y-%m-%d %H:%M}"
        console.print(f"  {name(each.entry)}  {outcome}", highlight=False)


def _surge_name(entry: dict[str, Any]) -> str:
    return f"{entry['days'][0]}  {entry['sku']:>7}  {entry['usual_lines_per_day']:4.1f} lines a day"
