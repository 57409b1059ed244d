"""Forms of input: times in the wrong unit, nulls for empty columns, structured CloudEvents without a content type."""

from pathlib import Path

import orjson
import pytest

from benchmarks.case_results import run_case
from tests.cases.conftest import FOLDER, Case, lines_of

TIME = "RFC 3339 time with offset, or whole milliseconds since 1970-01-01T00:00:00Z; from 1990 to 9999"


def test_epoch_seconds_are_refused(case: Case) -> None:
    """Every event of the year is a dead letter that says what its time looks like; no day of 1970 has demand."""
    result = case("epoch-seconds")
    assert {topic: counts["dead_letter"] for topic, counts in result.totals.items()} == {"orders": 1460, "inventory": 1}
    assert {(letter.reason, letter.field, letter.required) for letter in result.dead_letters} == {
        ("bad_time", "event_time", TIME)
    }
    first = next(letter for letter in result.dead_letters if (letter.topic, letter.offset) == ("orders", 0))
    assert first.got == "1735718400, which looks like seconds"
    assert (result.rows, result.exceptions) == ({}, {})


@pytest.mark.parametrize(
    ("per_second", "got"),
    [(1000, None), (10**6, "1735718400000000, which looks like microseconds"),
     (10**9, "1735718400000000000, which looks like nanoseconds")],
)  # fmt: skip
def test_other_units_are_refused_by_name(tmp_path: Path, per_second: int, got: str | None) -> None:
    """The same year in milliseconds is taken; in any other unit it is refused."""
    for topic in ("orders", "inventory"):
        events = [
            event | {"event_time": event["event_time"] * per_second} for event in lines_of("epoch-seconds", topic)
        ]
        (tmp_path / f"{topic}.ndjson").write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    result = run_case(tmp_path)
    if got is None:
        assert result.reasons() == {}
        assert set(result.rows["SEC", "L"].demand.values()) == {8.0}
        assert result.row("SEC", "L").stock.on_hand == 5000.0
    else:
        assert result.reasons() == {"bad_time": 1461}
        assert min(result.dead_letters, key=lambda letter: (letter.topic != "orders", letter.offset)).got == got


def test_nulls_are_absent_fields(case: Case, tmp_path: Path) -> None:
    """Three orders of 2 and the receipt are taken, the records hold; the same comes out as without the columns."""
    result = case("nulls-from-connect")
    assert (result.reasons(), result.exceptions) == ({}, {})
    assert {topic: counts["absorbed"] for topic, counts in result.totals.items()} == {
        "orders": 3, "reference": 2, "suppliers": 1,
    }  # fmt: skip
    row = result.rows["NN", "L"]
    assert row.demand == {"2026-01-01": 2.0, "2026-01-02": 2.0, "2026-01-03": 2.0}
    stock = result.row("NN", "L").stock
    assert (stock.open_demand, stock.on_hand, stock.on_order) == (6.0, None, 0.0)
    for path in (FOLDER / "nulls-from-connect").glob("*.ndjson"):
        events = [{name: value for name, value in event.items() if value is not None}
                  for event in lines_of("nulls-from-connect", path.stem)]  # fmt: skip
        (tmp_path / path.name).write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    absent = run_case(tmp_path)
    assert absent.totals == result.totals
    assert absent.row("NN", "L").stock == stock
    assert absent.row("NN", "L").proposed == result.row("NN", "L").proposed


def test_structured_cloudevents_are_events(case: Case) -> None:
    """Ten of fourteen lines are orders of 2, as object, text and base64; what is no event is named."""
    result = case("structured-cloudevents-in-files")
    letters = {(letter.offset, letter.reason, letter.field) for letter in result.dead_letters}
    assert letters == {
        (3, "missing_field", "event_time"), (4, "unknown_event_type", "event_type"), (5, "not_an_object", None),
        (12, "wrong_type", "data"),
    }  # fmt: skip
    counts = result.totals["orders"]
    assert (counts["absorbed"] + counts["absorbed_late"], counts["dead_letter"], counts["read"]) == (10, 4, 14)
    assert result.rows["C", "L"].demand == {"2026-01-01": 18.0, "2026-01-02": 2.0}
    assert result.row("C", "L").stock.open_demand == 20.0
