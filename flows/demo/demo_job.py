"""The demo job: makes the input, replays it, and compares the result with the truth file. `tidegauge demo` calls it."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from rich.console import Console

from flows.demo import report
from flows.demo.clock import ZONE_NAME
from flows.demo.hindsight import Hindsight
from flows.demo.inputs import Inputs, write_inputs
from flows.demo.live_view import LiveView
from flows.demo.precision import precision
from flows.demo.retail import read_retail
from flows.demo.truth import Score, read_problems, score
from flows.output_folder import output_folder
from flows.processors import processors
from flows.replay_job import Summary, replay
from flows.summary import dead_letters
from sensing.contracts.audit import ControlTotals
from sensing.machine_settings import Settings
from sensing.outputs import DEAD_LETTERS

# Every shard adds a fixed cost per day close, and one small shop on a few processors does not need many shards.
SETTINGS = Settings(time_zone=ZONE_NAME, shards=4)


class Outcome(NamedTuple):
    """Inputs and results of the demo."""

    inputs: Inputs
    summary: Summary
    totals: list[ControlTotals]
    score: Score


def run_demo(folder: Path, days: int | None, console: Console) -> Outcome:
    """Run the demo in ``folder`` (new or empty) on the whole year or its last ``days`` days, and print the results.

    Raises
    ------
    UsageError
        When the folder is not empty.
    TidegaugeError
        When the run fails or its control totals do not balance.
    """
    with output_folder(folder):
        return _run(folder, days, console)


def _run(folder: Path, days: int | None, console: Console) -> Outcome:
    input_folder, results, truth_file = folder / "input", folder / "output", folder / "truth.json"
    input_folder.mkdir()
    started = time.perf_counter()
    inputs = write_inputs(read_retail(days), input_folder, truth_file)
    report.print_inputs(console, inputs, time.perf_counter() - started)
    with LiveView(console, sum(inputs.file_lines.values())) as view:
        summary = replay(input_folder, results, SETTINGS, workers=processors(), progress=view.show)
    outcome = Outcome(
        inputs,
        summary,
        report.read_totals(results / "audit.ndjson"),
        score(_read(truth_file), read_problems(results / "exceptions.ndjson")),
    )
    _print_outcome(console, outcome, folder)
    console.print(f"\nWhole demo: {time.perf_counter() - started:.1f} s", highlight=False)
    return outcome


def _read(truth_file: Path) -> dict[str, Any]:
    truth: dict[str, Any] = orjson.loads(truth_file.read_bytes())
    return truth


def _print_outcome(console: Console, outcome: Outcome, folder: Path) -> None:
    summary = outcome.summary
    console.print(
        f"\n[bold]Replayed {summary.lines:,} events in {summary.seconds:.1f} s:"
        f" {summary.lines / summary.seconds:,.0f} a second[/bold], {summary.rows:,} SKU-locations\n",
        highlight=False,
    )
    report.print_totals(console, outcome.totals)
    report.print_score(console, outcome.score)
    report.print_problems(console, "Worst of the others (real demand, simulated supply)", outcome.score.others)
    hindsight = Hindsight(outcome.inputs.lines, outcome.inputs.supply)
    report.print_precision(console, precision(outcome.score, hindsight))
    console.print(f"\nFiles: {folder} (input/, output/, truth.json)", highlight=False, soft_wrap=True)
    where = f"{folder / 'output' / DEAD_LETTERS}.ndjson"
    console.print(dead_letters(summary.written.get(DEAD_LETTERS, 0), where), highlight=False, soft_wrap=True)
