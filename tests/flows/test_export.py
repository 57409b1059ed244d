"""Export of the current state as files."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from flows import export as module
from flows.cli.main import main
from flows.export import Exported, export
from sinks.errors import TidegaugeError, UsageError
from tests.sinks.documents import exception, planning, tombstone
from tests.sinks.live import RUN_ID, publish
from tests.sinks.viewing import make_view_topics

RECORDS = [
    planning("B", "DC", 1), planning("A", "DC", 2), planning("A", "DC", 3, reorder_point=60.5), planning("gone"),
    tombstone(planning("gone")), exception("x2"), exception("x1", 4, severity="low", money=None, inform=["commercial"]),
    exception("done"), exception("done", 2, status="resolved", resolved_at="2010-01-05T00:00:00.000Z"),
    tombstone(exception("forgotten")),
]  # fmt: skip


UNDECIDED = dict.fromkeys(("decision", "decided_by", "decided_role", "decided_at", "decision_reason"))


@pytest.fixture
def filled(kafka: str, topics: str) -> str:
    """Prefix of topics with something in them, of others as well."""
    make_view_topics(kafka, topics)
    publish(kafka, topics, *RECORDS)
    return topics


def lines(path: Path) -> list[Any]:
    """Documents of a file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_lines_are_the_documents_as_they_are(kafka: str, filled: str, tmp_path: Path) -> None:
    """Current parameters and open exceptions, one a line, in order of their keys, byte for byte."""
    done = export({"bootstrap.servers": kafka}, filled, tmp_path / "out", "ndjson")

    assert done == Exported(rows={"exceptions": 2, "planning-parameters": 2}, foreign=0)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "exceptions.ndjson",
        "planning-parameters.ndjson",
    ]
    found = (tmp_path / "out" / "planning-parameters.ndjson").read_bytes()
    assert found == b"".join(RECORDS[at].data + b"\n" for at in (2, 0))
    assert [state["exception_id"] for state in lines(tmp_path / "out" / "exceptions.ndjson")] == ["x1", "x2"]


def test_ended_exceptions_are_written_when_asked_for(kafka: str, filled: str, tmp_path: Path) -> None:
    """What has ended stays in the topic for a while; what was deleted is nowhere."""
    assert export({"bootstrap.servers": kafka}, filled, tmp_path, "ndjson", ended=True).rows["exceptions"] == 3
    assert [state["exception_id"] for state in lines(tmp_path / "exceptions.ndjson")] == ["done", "x1", "x2"]


def test_tables_have_flat_columns(kafka: str, filled: str, tmp_path: Path) -> None:
    """Every value of a document has a column of a fitting type; forecasts are lists; nothing is lost."""
    export({"bootstrap.servers": kafka}, filled, tmp_path)
    rows = pq.read_table(tmp_path / "planning-parameters.parquet").to_pylist()

    assert [(row["sku"], row["location"], row["version"], row["reorder_point"]) for row in rows] == [
        ("A", "DC", 3, 60.5), ("B", "DC", 1, 55.0),
    ]  # fmt: skip
    assert rows[1] == {
        "sku": "B", "location": "DC", "version": 1, "lineage": RUN_ID, "status": "proposed",
        "as_of": dt.date(2010, 1, 3), "decimals": 3, "demand_class": "smooth", "method": "smoothing",
        "forecast_start": dt.date(2010, 1, 4), "forecast_mean": [1.5, 2.0], "forecast_levels": [0.05, 0.5, 0.95],
        "forecast_quantiles": [[0.0, 1.0, 4.0], [0.0, 1.0, 4.0]], "lead_time_days_mean": 7.25, "lead_time_days_sd": 2.0,
        "lead_time_days_p50": None, "lead_time_days_p90": None,
        "lead_time_demand_mean": 40.0, "lead_time_demand_sd": 9.0, "lead_time_demand_quantile": 55.0,
        "service_target": 0.95, "safety_stock": 15.0, "reorder_point": 55.0, "order_up_to": 80.0,
        "order_quantity": 25.0, "in_force_safety_stock": None, "in_force_reorder_point": 45.0,
        "in_force_order_up_to": None, "in_force_order_quantity": None, "in_force_lead_time_days": None,
        "in_force_since": "2010-01-01T00:00:00Z", "on_hand": 33.0, "on_order": 0.0, "open_demand": 2.0,
        "open_demand_by_day": [("2010-01-05", 2.0)], "stockout_date": None, "cover_days": 9.25, "change_total": 10.0,
        "change_demand_mean": 10.0, "change_demand_spread": 0.0, "change_lead_time_mean": 0.0,
        "change_lead_time_spread": 0.0, "change_service_target": 0.0, "change_override": 0.0,
        "change_rounding": 0.0, "change_triggers": [], "change_cause_event_ids": [], "change_events": 0,
        "reason": "Reorder point 45 -> 55 (+10): demand level +10.",
        "freshness": [("orders", "2010-01-04T00:00:00Z"), ("suppliers", None)], "accuracy_wape": None,
        "accuracy_bias": None, "accuracy_coverage_95": None, "accuracy_days": None, "overrides": [], **UNDECIDED,
        "owed": 0.0, "allocated": 0.0, "free": None, "on_order_by_day": [], "open": "known", "shipments": "heard",
        "in_transit": 0.0, "left_over": None, "lifecycle": "active", "last_day": None, "under_old_names": 0.0,
        "successor": None, "predecessors": [], "kit": False, "forecast_baseline": None,
        "forecast_promotions": [], "forecast_opportunities": [], "forecast_signals": [],
        "forecast_near_term": None,
        "item_name": None, "family": None, "category": None, "strategic": False, "regulated": False, "region": None,
        "supplier": None, "buyer": None,
    }  # fmt: skip
    first, second = pq.read_table(tmp_path / "exceptions.parquet").to_pylist()
    assert (first["exception_id"], first["severity"], first["money"], first["inform"]) == (
        "x1",
        "low",
        None,
        ["commercial"],
    )
    assert second == {
        "exception_id": "x2", "exception_type": "order_surge", "version": 1, "lineage": RUN_ID, "status": "opened",
        "severity": "high", "sku": "A", "location": "DC", "opened_at": dt.datetime(2010, 1, 4, 0, 0, 0, 7000, dt.UTC),
        "updated_at": dt.datetime(2010, 1, 4, 0, 0, 0, 7000, dt.UTC), "resolved_at": None, "expected": None,
        "observed": 21.0, "probability": None, "window_start": None, "window_end": None, "money": 1200.5,
        "currency": "EUR", "margin": None, "money_base": 1200.5, "base_currency": "EUR", "money_status": "ranked",
        "reason": "21 order lines where 6 are usual.", "route": "planner", "inform": [],
        "deadline": dt.datetime(2010, 1, 4, 8, tzinfo=dt.UTC), "cause_event_ids": ["e1", "e2"],
        "details": [
            ("type", "order_surge"), ("window_hours", "24"), ("lift", "3.5"), ("units", "42.0"), ("customers", None),
            ("promotions", None), ("size_lift", None),
        ], "label": None, **UNDECIDED, "owner": None, "item_name": None, "family": None,
        "category": None, "strategic": False, "regulated": False, "region": None, "customer": None,
        "customer_strategic": False, "customer_segment": None, "customer_region": None, "overdue": False,
        "resolution": None, "caused_by": [], "orders": [], "purchase_order": None, "purchase_order_line": None,
        "decimals": 3,
    }  # fmt: skip


@pytest.mark.parametrize("rows", [1, 2, 4096])
def test_many_rows_are_written_some_at_a_time(
    kafka: str, filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """How many are in memory at once does not show."""
    monkeypatch.setattr(module, "ROWS_AT_ONCE", rows)
    export({"bootstrap.servers": kafka}, filled, tmp_path, ended=True)

    assert pq.read_table(tmp_path / "exceptions.parquet")["exception_id"].to_pylist() == ["done", "x1", "x2"]


def test_empty_topics_give_empty_files(kafka: str, topics: str, tmp_path: Path) -> None:
    """Files of no rows, with all columns."""
    make_view_topics(kafka, topics)

    assert export({"bootstrap.servers": kafka}, topics, tmp_path) == Exported(
        {"exceptions": 0, "planning-parameters": 0}, 0
    )
    assert pq.read_table(tmp_path / "planning-parameters.parquet").num_rows == 0
    assert "reorder_point" in pq.read_schema(tmp_path / "planning-parameters.parquet").names


def test_what_is_not_ours_is_left_out_and_counted(kafka: str, filled: str, tmp_path: Path) -> None:
    """Without our headers, or with a value that is no document of ours."""
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(f"{filled}exceptions", b"nonsense", b"y")
    producer.produce(f"{filled}exceptions", b"{}", b"z", headers={"ce_lineage": b"1", "ce_id": b"z#1"})
    producer.flush(30)

    assert export({"bootstrap.servers": kafka}, filled, tmp_path) == Exported(
        {"exceptions": 2, "planning-parameters": 2}, 2
    )


def test_a_document_over_several_lines_is_one_line(kafka: str, topics: str, tmp_path: Path) -> None:
    """Somebody who writes by hand may break lines; NDJSON may not."""
    make_view_topics(kafka, topics)
    broken = exception("x")._replace(data=exception("x").data.replace(b",", b",\n"))
    publish(kafka, topics, broken)
    export({"bootstrap.servers": kafka}, topics, tmp_path, "ndjson")

    assert lines(tmp_path / "exceptions.ndjson") == [json.loads(broken.data)]


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    """Nothing is read, and nothing is touched; a file is no folder."""
    (tmp_path / "a").write_text("mine")
    with pytest.raises(UsageError, match="required a new or empty folder, got 1 files such as a; give another one"):
        export({"bootstrap.servers": "127.0.0.1:1"}, "", tmp_path)
    with pytest.raises(UsageError, match="required a new or empty folder, got a file"):
        export({"bootstrap.servers": "127.0.0.1:1"}, "", tmp_path / "a")
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.parametrize("there", [True, False])
def test_a_failed_export_leaves_nothing(kafka: str, topics: str, tmp_path: Path, there: bool) -> None:
    """A folder that was made is removed, one that was there is empty as before."""
    folder = tmp_path / "out"
    if there:
        folder.mkdir()
    with pytest.raises(
        TidegaugeError, match=f"kafka topics: required {topics}exceptions, {topics}planning-parameters, got none"
    ):
        export({"bootstrap.servers": kafka}, topics, folder)

    assert folder.exists() == there
    assert not there or not list(folder.iterdir())


def test_the_command_writes_and_says_what(kafka: str, filled: str, tmp_path: Path) -> None:
    """One line at the end, on standard error; options reach the export."""
    places = ["--bootstrap-servers", kafka, "--prefix", filled, "--output", str(tmp_path / "out")]
    result = CliRunner().invoke(main, ["export", *places, "--format", "ndjson", "--all"])

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"planning parameters of 2 SKU-locations and 3 exceptions in {tmp_path / 'out'}\n"
    assert len(lines(tmp_path / "out" / "exceptions.ndjson")) == 3


def test_the_command_says_what_it_left_out(kafka: str, filled: str, tmp_path: Path) -> None:
    """Records of others are counted in the last line."""
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(f"{filled}exceptions", b"nonsense", b"y")
    producer.flush(30)
    places = ["--bootstrap-servers", kafka, "--prefix", filled, "--output", str(tmp_path)]

    assert CliRunner().invoke(main, ["export", *places]).stderr.endswith("; 1 records of others left out\n")


def test_the_command_names_its_errors(kafka: str, topics: str, tmp_path: Path) -> None:
    """A folder that is not empty is a usage error, a topic that is not there a failure."""
    (tmp_path / "a").write_text("mine")
    places = ["--bootstrap-servers", kafka, "--prefix", topics]
    refused = CliRunner().invoke(main, ["export", *places, "--output", str(tmp_path)])
    failed = CliRunner().invoke(main, ["export", *places, "--output", str(tmp_path / "out")])

    assert (refused.exit_code, failed.exit_code) == (2, 4)
    assert "required a new or empty folder" in " ".join(refused.stderr.split())
    assert failed.stderr.startswith(
        f"Error: kafka topics: required {topics}exceptions, {topics}planning-parameters, got none"
    )
