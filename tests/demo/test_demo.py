"""What the demo claims, through the main job: accounts balance, giant orders leave no trace, planted surges are
found.
"""

import io
import re
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from rich.console import Console

from flows.cli.demo import demo
from flows.demo.clock import ZONE_NAME
from flows.demo.demo_job import Outcome, run_demo
from flows.demo.inputs import write_inputs
from flows.demo.report import first_day_count
from flows.demo.retail import read_retail
from flows.replay_job import replay
from sensing.contracts.topic_registry import published
from sensing.machine_settings import Settings
from sensing.outputs import EXCEPTIONS
from sinks.errors import UsageError
from tests.contracts.published import Seen
from tests.flows.counting import outputs_of
from tests.machines.output_digits import STRUCTS, excess_digits

pytestmark = pytest.mark.slow

GIANTS = ("541431", "581483")
DAYS = 150
SCHEMAS_EVERY = {EXCEPTIONS: 8}
DIGITS_EVERY = 20
DEFAULTS = Settings(time_zone=ZONE_NAME)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, str, Path]:
    """The demo on the last 150 days: outcome, what it printed, and its folder."""
    folder = tmp_path_factory.mktemp("demo")
    out = io.StringIO()
    outcome = run_demo(folder, DAYS, Console(file=out, width=120))
    return outcome, out.getvalue(), folder


def test_every_event_is_accounted_for(shown: tuple[Outcome, str, Path]) -> None:
    """Every line of every file is read, and what was read is the sum of what became of it; none of it is a dead
    letter.
    """
    outcome, _, _ = shown

    assert {total.topic: total.read for total in outcome.totals} == outcome.inputs.file_lines
    assert [total.dead_letter for total in outcome.totals] == [0] * len(outcome.totals)


def test_records_are_as_published(shown: tuple[Outcome, str, Path]) -> None:
    """The lines of the output files are as the published schemas say, with formats and headers.

    A part of them is checked, more of the exceptions, which differ most: all of them would take minutes. The tests of
    contracts check every record of their streams.
    """
    seen = Seen()
    for spec in published():
        lines = (shown[2] / "output" / f"{spec.name}.ndjson").read_bytes().splitlines()
        for line in lines[:: SCHEMAS_EVERY.get(spec.name, 80)]:
            seen.add_line(line)

    assert seen.faults == {}
    assert seen.types >= {"exception.opened", "exception.resolved", "parameters.proposed", "decision.automatic"}


def test_planted_surges_are_found(shown: tuple[Outcome, str, Path]) -> None:
    """At least nine in ten planted surges are found, most of them on their first day."""
    surges = shown[0].score.surges
    found = [planted for planted in surges if planted.problem is not None]

    assert len(surges) >= 18
    assert len(found) >= 0.9 * len(surges)
    assert first_day_count(shown[0].score) > len(found) / 2


def test_planted_supplier_delay_is_found(shown: tuple[Outcome, str, Path]) -> None:
    """The supplier that postponed its orders is noticed on the items that wait for them."""
    delays = shown[0].score.delays

    assert sum(planted.problem is not None for planted in delays) >= 0.9 * len(delays) > 0


def test_summary_shows_what_matters(shown: tuple[Outcome, str, Path]) -> None:
    """Rows in, events out, totals, truth found and missed, what else was raised, and where the files are: all is
    printed.
    """
    _, printed, folder = shown

    for text in ("order.cancelled", "not_goods", "Simulated", "exception records", "superseded", "on the first day"):
        assert text in printed
    assert re.search(r"^order_surge +[\d,]+ +\d+ +[\d,]+ +[\d,]+ +\d+ +\d+%$", printed, re.MULTILINE)
    assert re.search(r"^all +[\d,]+ +\d+ +[\d,]+ +[\d,]+ +\d+ +\d+%$", printed, re.MULTILINE)
    assert "dead letters: none" in printed
    assert str(folder) in printed
    assert printed.count("found after") + printed.count("missed") == len(shown[0].score.surges)


def replayed(folder: Path, days: int, until: str, without: tuple[str, ...] = (), codes: str = "") -> Path:
    """Replay a slice, less the orders named, of the items whose codes match a pattern; returns the output folder."""
    input_folder, output_folder = folder / "input", folder / "output"
    input_folder.mkdir(parents=True)
    rows = read_retail(days, until=until)
    rows = rows.filter(pc.match_substring_regex(rows["StockCode"], codes))
    write_inputs(rows, input_folder, folder / "truth.json")
    orders = input_folder / "orders.ndjson"
    kept = [
        line
        for line in orders.read_bytes().splitlines(keepends=True)
        if not any(b'"order_id":"%s"' % order.encode() in line for order in without)
    ]
    orders.write_bytes(b"".join(kept))
    replay(input_folder, output_folder, DEFAULTS)
    return output_folder


def parameters(output_folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of parameters.parquet by SKU and location."""
    rows = pq.read_table(output_folder / "parameters.parquet").to_pylist()
    return {(row["sku"], row["location"]): row for row in rows}


@pytest.mark.parametrize(
    ("days", "until", "sku"), [(60, "2011-01-29", "23166"), (30, "2011-12-10", "23843")], ids=["541431", "581483"]
)
def test_giants_leave_no_trace(days: int, until: str, sku: str, tmp_path: Path) -> None:
    """Planning parameters equal those of a run without the giant order and its cancellation, but for rows that exist
    only through them. The shop has the items with the same fifth digit: pools need neighbours, not all of them.
    """
    some = f"^[0-9]{{4}}{sku[4]}"
    with_giants = replayed(tmp_path / "with", days, until, codes=some)
    without = replayed(tmp_path / "without", days, until, GIANTS, some)

    got, expected = parameters(with_giants), parameters(without)
    assert len(expected) > 200
    assert {key: got[key] for key in expected} == expected
    assert set(got) - set(expected) <= {(sku, "UK")}


@pytest.fixture(scope="module")
def slice_of_orders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """Real orders of ten days: the input, and what comes of it."""
    folder = tmp_path_factory.mktemp("slice")
    return folder / "input", outputs_of(replayed(folder, 10, "2011-11-20"))


@pytest.mark.parametrize(
    "options",
    [
        {"batch_messages": 1},
        {"batch_messages": 1_000},
        {"workers": 2},
    ],
)
def test_neither_blocks_nor_processes_show(
    slice_of_orders: tuple[Path, dict[str, bytes]], tmp_path: Path, options: Any
) -> None:
    """The same bytes in every file, the time of recording aside."""
    input_folder, expected = slice_of_orders
    replay(input_folder, tmp_path / "out", DEFAULTS, **options)
    assert outputs_of(tmp_path / "out") == expected
    assert all(expected[f"{topic}.ndjson"] for topic in ("exceptions", "planning-parameters", "audit"))


def test_output_with_content_is_refused(tmp_path: Path) -> None:
    """The demo writes nowhere where something is."""
    (tmp_path / "mine").write_text("mine")

    with pytest.raises(UsageError, match=r"required a new or empty folder, got 1 files such as .*; give another one"):
        run_demo(tmp_path, 1, Console(file=io.StringIO()))
    result = CliRunner().invoke(demo, ["--output", str(tmp_path)])
    assert result.exit_code == 2
    assert "required a new or empty folder" in result.output


def test_help_says_what_it_does() -> None:
    """The command explains itself without loading the engine."""
    result = CliRunner().invoke(demo, ["--help"])

    assert result.exit_code == 0
    assert "planted" in result.output.lower()


def test_no_number_has_more_digits_than_its_unit_and_currency(shown: tuple[Outcome, str, Path]) -> None:
    """In a part of the records of every output; the shop sells whole pieces."""
    excess: dict[str, str] = {}
    for path in (shown[2] / "output").glob("*.ndjson"):
        with path.open("rb") as lines:
            for event in map(orjson.loads, islice(lines, 0, None, DIGITS_EVERY)):
                excess.update(excess_digits(STRUCTS[event["type"]], event["data"]))
                assert path.stem != "planning-parameters" or event["data"]["decimals"] == 0

    assert excess == {}
