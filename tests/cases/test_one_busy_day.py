"""A day far beyond all others teaches the row a bounded quantity, in a young row as in an old one."""

from datetime import date, timedelta
from pathlib import Path

import orjson
import pytest

from benchmarks.case_results import run_case
from sensing.contracts.parameters import PlanningParameters
from tests.cases.conftest import Case, lines_of

BUSY_DAY = date(2026, 1, 3)


def bounded(found: PlanningParameters) -> bool:
    """Whether neither the weekday of the busy day nor the reorder point takes 400 units for usual."""
    return max(found.forecast.mean) < 20.0 and found.proposed.reorder_point < 150.0


def test_the_weekday_of_a_young_row(case: Case) -> None:
    """After 2, 2 and 400 units the next Saturday is not forecast at 802, and 400 are still what was demanded."""
    result = case("one-large-order-weekday")
    assert result.rows["B", "L"].demand["2026-01-03"] == 400.0
    assert bounded(result.row("B", "L"))


@pytest.mark.parametrize("usual_days", [7, 30, 90])
def test_the_weekday_of_a_row_with_a_history(tmp_path: Path, usual_days: int) -> None:
    """The same after many days of two units."""
    orders = lines_of("one-large-order-weekday", "orders")
    busy = [event for event in orders if event["event_time"][:10] == str(BUSY_DAY)]
    usual = [
        {**orders[at], "event_id": f"usual-{days}-{at}", "event_time": f"{BUSY_DAY - timedelta(days)}T09:00:0{at}Z"}
        for days in range(usual_days, 0, -1)
        for at in range(2)
    ]
    (tmp_path / "orders.ndjson").write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in (*usual, *busy)))
    assert bounded(run_case(tmp_path).row("B", "L"))
