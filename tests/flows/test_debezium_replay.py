"""Tables of an ERP through the engine: a snapshot teaches in silence, changes are events, tombstones are skipped."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from benchmarks.case_results import CaseResult, run_case
from benchmarks.harness import ROOT
from flows.cli.main import main
from flows.input.table_mappings import read_tables
from sensing.machine_settings import Settings
from sinks.errors import UsageError
from tests.codec.debezium_messages import ORDERS, SNAPSHOT_MS, decimal, flat, order_row

DAYS = 60
DAY_MS = 86_400_000
SNAPSHOT = SNAPSHOT_MS + (DAYS - 3) * DAY_MS
MAPPING = """
["public.order_lines"]
event = "order.placed"
key = ["order_no", "line_no"]
version = "row_version"
time = "ordered_at"
fields = { order_id = "order_no", line = "line_no", sku = "item", quantity = "qty" }
constants = { location = "DC1" }
scales = { qty = 3 }
"""


def lines(folder: Path, *messages: Any) -> None:
    """Write orders.ndjson."""
    folder.mkdir(exist_ok=True)
    (folder / "orders.ndjson").write_bytes(b"".join(orjson.dumps(message) + b"\n" for message in messages))


def replayed(folder: Path, *messages: Any) -> CaseResult:
    """Replay messages with the mapping."""
    lines(folder, *messages)
    return run_case(folder, Settings(tables=ORDERS))


def history(surge: bool) -> list[dict[str, Any]]:
    """Rows of a snapshot: two lines a day, at the end forty a day if there is a surge."""
    rows = []
    for day in range(DAYS):
        count = 40 if surge and day >= DAYS - 3 else 2
        rows += [order_row(100 * day + at, day, ordered_at=(SNAPSHOT_MS - (4 - day) * DAY_MS + at * 60_000) * 1000)
                 for at in range(count)]  # fmt: skip
    return rows


@pytest.mark.parametrize("operation", ["c", "r"])
def test_a_snapshot_teaches_and_does_not_alarm(tmp_path: Path, operation: str) -> None:
    """The same rows as created ones raise a surge, as rows of a snapshot they raise nothing; demand is the same."""
    result = replayed(tmp_path / "in", *(flat(operation, row, SNAPSHOT) for row in history(surge=True)))
    assert result.reasons() == {}
    assert result.totals["orders"]["absorbed"] + result.totals["orders"]["absorbed_late"] == 2 * (DAYS - 3) + 120
    demand = result.rows["A-1", "DC1"].demand
    assert sorted(set(demand.values())) == [4.0, 80.0]
    assert bool(result.exceptions) == (operation == "c")


def test_after_the_snapshot_what_holds_is_published(tmp_path: Path) -> None:
    """Changes later than the snapshot move the clock beyond it: then exceptions and parameters are published."""
    later = [order_row(9000 + at, DAYS, ordered_at=(SNAPSHOT + DAY_MS + at * 60_000) * 1000) for at in range(80)]
    messages = [*(flat("r", row, SNAPSHOT) for row in history(surge=False)),
                *(flat("c", row, SNAPSHOT + DAY_MS) for row in later)]  # fmt: skip
    result = replayed(tmp_path / "in", *messages)
    assert result.reasons() == {}
    assert result.published["A-1", "DC1"]
    assert {life[-1].exception_type for life in result.exceptions.values()} == {"order_surge"}


def test_changes_deletions_and_tombstones(tmp_path: Path) -> None:
    """A line is changed and one is deleted; the tombstone behind the deletion is no event."""
    first, second = order_row(1, 0), order_row(2, 0)
    time = SNAPSHOT_MS
    folder, mapping, output = tmp_path / "in", tmp_path / "tables.toml", tmp_path / "out"
    changed = first | {"row_version": 2, "qty": decimal("7.000")}
    lines(folder, flat("c", first, time), flat("c", second, time), flat("u", changed, time, old=first),
          flat("d", second, time), None)  # fmt: skip
    mapping.write_text(MAPPING, "utf-8")
    arguments = ["replay", "--input", str(folder), "--output", str(output), "--tables", str(mapping)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "4 lines" in result.output
    assert "1 tombstone skipped" in result.output
    assert "dead letters: none" in result.output
    totals = [orjson.loads(line)["data"] for line in (output / "audit.ndjson").read_bytes().splitlines()
              if b"control.totals" in line]  # fmt: skip
    assert [total["read"] for total in totals if total["topic"] == "orders"] == [4]
    row = replayed(tmp_path / "again", flat("c", first, time), flat("c", second, time),
                   flat("u", changed, time, old=first), flat("d", second, time)).rows["A-1", "DC1"]  # fmt: skip
    assert sum(row.demand.values()) == 7.0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not toml", "required a TOML file that maps database tables to events, got "),
        (MAPPING.replace('version = "row_version"', ""), "table 'public.order_lines', version: required a column"),
    ],
)
def test_a_wrong_file_is_a_sentence(tmp_path: Path, content: str, message: str) -> None:
    """It names the file, the table and the fix."""
    path = tmp_path / "tables.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=r"tables\.toml") as caught:
        read_tables(path)
    assert message in str(caught.value)
    with pytest.raises(UsageError, match=r"none\.toml"):
        read_tables(tmp_path / "none.toml")
    path.write_text(MAPPING, "utf-8")
    assert read_tables(path)["public.order_lines"]["event"] == "order.placed"


def test_the_documented_mapping_is_one(tmp_path: Path) -> None:
    """The example of the documents, as a file."""
    document = (ROOT / "sensing/contracts/README.md").read_text("utf-8")
    path = tmp_path / "tables.toml"
    path.write_text(document.partition("### Tables by Debezium")[2].split("```")[1].removeprefix("toml"), "utf-8")
    found = read_tables(path)
    assert {mapping["event"] for mapping in found.values()} == {"order.placed", "po.placed"}
