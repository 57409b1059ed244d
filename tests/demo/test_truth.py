"""Scoring of detections on hand-made cases: in time, too late, too early, of another type, and others."""

import datetime as dt
from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.demo.report import first_day_count
from flows.demo.truth import Problem, Score, ranked, read_problems, score

SURGE = {
    "type": "order_surge",
    "sku": "A",
    "location": "UK",
    "start": "2011-09-05T09:00:00+01:00",
    "first_day_end": "2011-09-06T00:00:00+01:00",
    "end": "2011-09-08T00:00:00+01:00",
}
DELAY = {
    "type": "supplier_delay",
    "supplier": "S",
    "start": "2011-09-05T00:00:00+01:00",
    "end": "2011-10-05T00:00:00+01:00",
    "lines": [
        {"sku": "A", "location": "UK", "event_id": "PO-1-delayed"},
        {"sku": "B", "location": "UK", "event_id": "PO-2-delayed"},
    ],
}
NOTHING: dict[str, Any] = {"surges": [], "supplier_delays": []}


def record(exception_id: str = "x", status: str = "opened", **fields: object) -> dict[str, Any]:
    """One line of exceptions.ndjson: an order surge of item A, but for what is told."""
    state = {
        "exception_id": exception_id,
        "exception_type": "order_surge",
        "version": 1,
        "status": status,
        "severity": "medium",
        "sku": "A",
        "location": "UK",
        "opened_at": "2011-09-05T12:00:00Z",
        "updated_at": "2011-09-05T12:00:00Z",
    }
    return {"specversion": "1.0", "id": f"{exception_id}.1", "type": f"exception.{status}", "data": state | fields}


def scored(tmp_path: Path, truth: dict[str, Any], *records: dict[str, Any]) -> Score:
    """Score of a file of records."""
    return score(NOTHING | truth, problems_of(tmp_path, *records))


def problems_of(tmp_path: Path, *records: dict[str, Any]) -> list[Problem]:
    """Problems of a file of records."""
    file = tmp_path / "exceptions.ndjson"
    file.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in records))
    return read_problems(file)


def test_problem_is_the_sum_of_its_records(tmp_path: Path) -> None:
    """A problem opens with its first shown record, keeps its worst state and all causes, and ends with its
    last.
    """
    (problem,) = problems_of(
        tmp_path,
        record(severity="high", reason="much", cause_event_ids=["a"]),
        record(status="resolved", severity="low", resolved_at="2011-09-07T00:00:00Z", cause_event_ids=["b"]),
    )

    assert problem.state.severity == "high"
    assert problem.state.reason == "much"
    assert problem.opened_at == dt.datetime(2011, 9, 5, 12, tzinfo=dt.UTC)
    assert problem.resolved_at == dt.datetime(2011, 9, 7, tzinfo=dt.UTC)
    assert problem.cause_event_ids == {"a", "b"}


def test_what_only_ends_is_no_problem(tmp_path: Path) -> None:
    """A problem that was never open in these records does not count."""
    assert problems_of(tmp_path, record(status="resolved"), record(status="expired")) == []


@pytest.mark.parametrize(
    ("opened_at", "hours"),
    [("2011-09-05T08:00:00Z", 0.0), ("2011-09-05T20:00:00Z", 12.0), ("2011-09-08T22:59:59Z", 86.99972222222222)],
    ids=["at the first line", "the same day", "a day after the end"],
)
def test_surge_found(tmp_path: Path, opened_at: str, hours: float) -> None:
    """A surge opened from the first planted line to a day after the end is found, and the time it took is told."""
    result = scored(tmp_path, {"surges": [SURGE]}, record(opened_at=opened_at))

    assert result.surges[0].problem is not None
    assert result.surges[0].hours == pytest.approx(hours)
    assert first_day_count(result) == (hours < 15)
    assert result.others == []


@pytest.mark.parametrize(
    "fields",
    [
        {"opened_at": "2011-09-05T07:59:59Z", "status": "resolved", "resolved_at": "2011-09-05T07:59:59Z"},
        {"opened_at": "2011-09-08T23:00:00Z"},
        {"sku": "B"},
        {"location": "FR"},
        {"exception_type": "demand_drop"},
    ],
    ids=["before", "too late", "another item", "another location", "another type"],
)
def test_surge_missed(tmp_path: Path, fields: dict[str, Any]) -> None:
    """Anything else does not count and is listed among the others."""
    opened = record(**{key: value for key, value in fields.items() if key not in ("status", "resolved_at")})
    result = scored(tmp_path, {"surges": [SURGE]}, opened, record(**fields))

    assert result.surges[0].problem is None
    assert not result.surges[0].open_already
    assert len(result.others) == 1


def test_surge_that_was_open_already_is_no_find(tmp_path: Path) -> None:
    """A surge that began before the planted one and was still open is said to be so, not counted."""
    result = scored(tmp_path, {"surges": [SURGE]}, record(opened_at="2011-09-04T12:00:00Z"))

    assert result.surges[0].problem is None
    assert result.surges[0].open_already


def test_earliest_answer_counts(tmp_path: Path) -> None:
    """Of two problems in the window the earlier one is the find, and the other is among the others."""
    later, earlier = record("later", opened_at="2011-09-06T12:00:00Z"), record("earlier")
    result = scored(tmp_path, {"surges": [SURGE]}, later, earlier)

    assert result.surges[0].problem is not None
    assert result.surges[0].problem.state.exception_id == "earlier"
    assert [problem.state.exception_id for problem in result.others] == ["later"]


def test_delays_are_scored_per_purchase_order(tmp_path: Path) -> None:
    """A postponed order is found by the problem that names its announcement; one whose item raised nothing is
    missed.
    """
    named = record(exception_type="supplier_delay", opened_at="2011-09-03T00:00:00Z", cause_event_ids=["PO-1-delayed"])
    result = scored(tmp_path, {"supplier_delays": [DELAY]}, named)

    assert [planted.problem is not None for planted in result.delays] == [True, False]


def test_delay_found_without_being_named(tmp_path: Path) -> None:
    """A delay problem of the item that opens while the order is late is a find as well."""
    result = scored(tmp_path, {"supplier_delays": [DELAY]}, record(exception_type="supplier_delay", sku="B"))

    assert [planted.problem is not None for planted in result.delays] == [False, True]


def test_the_others_are_kept(tmp_path: Path) -> None:
    """What was not planted is among the others."""
    large = [record(name, exception_type="large_order", sku="G") for name in ("a", "b")]
    result = scored(tmp_path, {"surges": [SURGE]}, record("s", exception_type="data_quality"), *large)

    assert sorted(problem.state.exception_id for problem in result.others) == ["a", "b", "s"]


def test_worst_first(tmp_path: Path) -> None:
    """Problems rank by severity, then by money, then by id."""
    problems = problems_of(
        tmp_path,
        record("c", money_base=5.0),
        record("a", money_base=5.0),
        record("b", money_base=9.0),
        record("d", severity="critical"),
    )

    assert [problem.state.exception_id for problem in ranked(problems)] == ["d", "b", "a", "c"]
