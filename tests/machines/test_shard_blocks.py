"""Results do not depend on the cuts of a stream into batches, nor on empty batches between them."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines import resumable
from tests.machines.business import usual, usual_stream, young_stream
from tests.machines.streams import MONDAY, Line, Result, Stream, line, run, sizes
from tests.searches import examples

pytestmark = pytest.mark.compiled

SETTINGS = Settings(shards=2)
OUTCOMES = ("absorbed", "absorbed_late", "duplicate", "superseded", "held", "dead_letter")
TYPES = {
    "order_surge", "demand_drop", "supplier_delay", "stockout_projected", "data_quality", "master_data", "large_order",
    "inventory_out_of_sync", "forecast_variance", "delay_digest",
}  # fmt: skip
REASONS = {"unknown_unit", "unknown_location", "unknown_supplier", "line_changed_item", "out_of_range"}


def dumps(result: Result) -> list[bytes]:
    """Final states."""
    return [machine.dump() for machine in result.shards]


def test_the_stream_has_it_all() -> None:
    """The stream of these tests raises every type of problem, meets every reason, and earns River models."""
    found = usual()
    assert {state["exception_type"] for state in found.data("exceptions")} == TYPES
    assert {letter["reason"] for letter in found.data("dead-letters")} >= REASONS
    outcomes: Counter[str] = Counter()
    for totals in found.data("audit"):
        outcomes.update({name: totals[name] for name in OUTCOMES if "read" in totals})
    assert all(outcomes[name] for name in OUTCOMES)
    methods = {row["method"] for row in found.table().values()}
    assert methods == {"none", "smoothing", "river"}  # none: never sold


@pytest.mark.parametrize(
    ("size", "how"),
    [(1, {}), (7, {"everyone": False}), (100, {"ticks": 3}), (1_000, {"ticks": 1})],
)
def test_block_sizes_do_not_show(size: int, how: dict[str, Any]) -> None:
    """Outputs, totals, parameters and the state itself are the same bytes for any block size, with ticks or without."""
    stream = usual_stream()
    found = run(stream, SETTINGS, sizes(stream, size), **how)
    assert found.plain() == usual().plain()
    assert dumps(found) == dumps(usual())


@pytest.mark.parametrize("rows", [1, 3])
def test_portions_of_a_close_do_not_show(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of a day may close in any portions."""
    expected = usual()
    monkeypatch.setattr(resumable, "ROWS_AT_ONCE", rows)
    found = run(usual_stream(), SETTINGS)
    assert found.plain() == expected.plain()
    assert dumps(found) == dumps(expected)


@pytest.mark.slow
@given(st.integers(0, 10**6), st.data())
@settings(max_examples=examples(5))
def test_no_cut_shows(seed: int, data: st.DataObject) -> None:
    """Any cuts of any small business give the same bytes as one batch."""
    stream = young_stream(seed)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream)), max_size=30)))
    found = run(stream, SETTINGS, cuts, ticks=data.draw(st.integers(0, 2)), everyone=data.draw(st.booleans()))
    assert found.plain() == run(stream, SETTINGS).plain()


def late_in_a_new_zone(day: int) -> list[Line]:
    """The first row of a zone is born by a late event just after the zone's midnight, 05:00 UTC."""
    start = MONDAY + day * DAY_MS
    lines = [line("location.updated", "r1", None, location="NYC", time_zone="America/New_York")]
    lines += [line("location.updated", "r2", None, location="HOME")]
    for hour in range(12):
        lines.append(line("order.placed", f"h{hour}", start + hour * HOUR_MS, sku="A", location="HOME", quantity=1))
        if hour == 7:
            late = start + 4 * HOUR_MS + HOUR_MS // 2
            lines.append(line("order.placed", "n", late, sku="A", location="NYC", quantity=1))
    lines.append(line("order.placed", "end", start + 40 * HOUR_MS, sku="A", location="HOME", quantity=1))
    return lines


def test_the_first_row_of_a_zone_closes_when_it_would_in_any_block() -> None:
    """A row born late closes its first day with its zone's next close, however far a block had run ahead."""
    stream = Stream(late_in_a_new_zone(3))
    one = Settings(shards=1)
    whole = run(stream, one)
    for size in (1, 2, 5):
        assert run(stream, one, sizes(stream, size)).plain() == whole.plain()
    instants = [record.instant for record in whole.outputs[0]]
    assert instants == sorted(instants)


def test_a_final_clock_between_two_midnights_closes_the_zone_whose_day_is_over() -> None:
    """Where the clock ends at 18:20 UTC, all rows of Kathmandu (midnight 18:15) close, and none of Kolkata (18:30)."""
    lines = [
        line("location.updated", "r1", None, location="KOL", time_zone="Asia/Kolkata"),
        line("location.updated", "r2", None, location="KTM", time_zone="Asia/Kathmandu"),
    ]
    for number in range(40):
        for location in ("KOL", "KTM"):
            time = MONDAY + 10 * HOUR_MS + number
            event_id = f"{location}{number}"
            lines.append(line("order.placed", event_id, time, sku=f"S{number}", location=location, quantity=1))
    stream = Stream(lines, end=MONDAY + 18 * HOUR_MS + HOUR_MS // 3)
    found = run(stream, Settings(shards=1)).table()
    assert {row["as_of"] for (_, location), row in found.items() if location == "KTM"} == {"2026-02-02"}
    assert {row["as_of"] for (_, location), row in found.items() if location == "KOL"} == {"2026-02-01"}
