"""``python -m benchmarks cases [FOLDER] [--only NAME] [--history]``: replays small cases and prints what came out.

A case is a sub-folder of FOLDER with NDJSON files named after topics. Without FOLDER the cases in ``tests/cases/`` run;
a folder that holds NDJSON files itself is one case. Every case prints outcomes by topic, dead letters by reason with
one example, the life of every exception, and every SKU-location at the end of the input.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from benchmarks.case_results import CaseResult, FinalRow, RowName, cases_in, ended, run_case
from benchmarks.harness import ROOT
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.parameters import PlanningParameters
from sinks.errors import TidegaugeError

SHIPPED = ROOT / "tests" / "cases"
DAYS_SHOWN = 14
SPAN_SHOWN = 7
FORECAST_SHOWN = 7


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default=SHIPPED)
@click.option("--only", "names", multiple=True, help="Run this case only; may be given several times.")
@click.option("--history", is_flag=True, help="Also print all published parameters of every SKU-location.")
def main(folder: Path, names: tuple[str, ...], history: bool) -> None:
    """Run the cases and print them. A case that fails is named, and the exit code is 1 at the end."""
    found = {path.name: path for path in cases_in(folder)} or {folder.name: folder}
    unknown = sorted(set(names) - found.keys())
    if unknown:
        msg = f"no case named {', '.join(unknown)} in {folder}; there are: {', '.join(found)}"
        raise click.UsageError(msg)
    failed = 0
    for name in names or found:
        click.echo(f"=== {name}")
        try:
            result = run_case(found[name])
        except TidegaugeError as error:
            failed += 1
            click.echo(f"failed: {error}")
            continue
        click.echo("\n".join(report(result, history=history)) + "\n")
    if failed:
        raise SystemExit(1)


def report(result: CaseResult, *, history: bool = False) -> list[str]:
    """Lines of text about the result of one case."""
    lines = ["outcomes", *(f"  {line}" for line in _outcomes(result))]
    lines += [f"dead letters {len(result.dead_letters)}", *(f"  {line}" for line in _dead_letters(result))]
    lines += [f"exceptions {len(result.exceptions)}", *(f"  {line}" for line in _exceptions(result))]
    for name, row in result.rows.items():
        lines += [f"row {name[0]}/{name[1]}", *(f"  {line}" for line in _row(row, result.published.get(name, [])))]
        if history:
            lines += [f"  {line}" for line in _history(result, name)]
    return lines


def _outcomes(result: CaseResult) -> Iterator[str]:
    """Counts by topic; zeros are left out."""
    for topic, counts in result.totals.items():
        yield f"{topic:<10} " + "  ".join(f"{name} {count:,}" for name, count in counts.items() if count)


def _dead_letters(result: CaseResult) -> Iterator[str]:
    for reason, count in sorted(result.reasons().items()):
        first = next(letter for letter in result.dead_letters if letter.reason == reason)
        about = f"{first.topic}:{first.partition}:{first.offset}"
        yield f"{reason} {count}, e.g. {about} field {first.field}: required {first.required}, got {first.got}"


def _exceptions(result: CaseResult) -> Iterator[str]:
    """Two lines for each: its life, and its last sentence."""
    for life in result.exceptions.values():
        last = life[-1]
        state = "ended" if ended(life) else "open"
        yield f"{last.exception_type} {last.sku or '-'}/{last.location or '-'} {state}: {_life(life)}"
        yield f"  {last.reason}"


def _life(life: list[ExceptionState]) -> str:
    """Status changes with their instants. States that change nothing but figures are counted."""
    shown, same = [], 0
    for at, state in enumerate(life):
        before = life[at - 1] if at else None
        if before is not None and (before.status, before.severity) == (state.status, state.severity):
            same += 1
        else:
            shown.append(f"{state.status} {state.severity} {state.updated_at[:16]}")
    return " > ".join(shown) + (f" ({same} updates)" if same else "")


def _row(row: FinalRow, published: list[PlanningParameters]) -> Iterator[str]:
    document = row.parameters
    yield f"demand {_days(row.demand, newest=True)}"
    if document is None:
        yield "no forecast"
        return
    stock, proposed, forecast = document.stock, document.proposed, document.forecast
    yield (
        f"as of {document.as_of}  on hand {_figure(stock.on_hand)}  on order {stock.on_order:g}"
        f"  receipts due {_days(row.receipts)}"
    )
    yield f"open demand {stock.open_demand:g}: {_days(stock.open_demand_by_day)}"
    yield (
        f"{document.demand_class}, forecast by {forecast.method}, mean {sum(forecast.mean) / len(forecast.mean):.4g} a"
        f" day, next {' '.join(f'{mean:.3g}' for mean in forecast.mean[:FORECAST_SHOWN])}"
    )
    yield (
        f"lead time {proposed.lead_time_days_mean:g} +- {proposed.lead_time_days_sd:g} days"
        f"  safety stock {proposed.safety_stock:g}  reorder point {proposed.reorder_point:g}"
        f"  order quantity {proposed.order_quantity:g}"
    )
    yield f"stock-out {stock.stockout_date or '-'}  cover {_figure(stock.cover_days)} days"
    status = (
        f"version {published[-1].version} of {published[-1].as_of}, {published[-1].status}" if published else "none"
    )
    yield f"published {status}"


def _history(result: CaseResult, name: RowName) -> Iterator[str]:
    head = ("as of", "status", "class", "reorder point", "order qty", "lead time", "open", "on hand", "on order",
            "stock-out", "mean")  # fmt: skip
    rows: list[tuple[str, ...]] = [head]
    for document in result.published.get(name, []):
        stock, proposed, mean = document.stock, document.proposed, document.forecast.mean
        figures = (proposed.reorder_point, proposed.order_quantity, proposed.lead_time_days_mean, stock.open_demand,
                   stock.on_hand, stock.on_order)  # fmt: skip
        rows.append((document.as_of, document.status, document.demand_class, *map(_figure, figures),
                     stock.stockout_date or "-", _figure(sum(mean) / len(mean))))  # fmt: skip
    widths = [max(len(row[at]) for row in rows) for at in range(len(head))]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _days(quantities: dict[str, float], *, newest: bool = False) -> str:
    """Quantities by day: the first ones, or the newest ones."""
    if not quantities:
        return "none"
    days = sorted(quantities.items())
    shown = days[-DAYS_SHOWN:] if newest else days[:SPAN_SHOWN]
    more = len(days) - len(shown)
    text = "  ".join(f"{day} {quantity:g}" for day, quantity in shown)
    return f"({more} more) {text}" if newest and more else text + (f"  ({more} more)" if more else "")
