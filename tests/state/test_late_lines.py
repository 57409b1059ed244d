"""Late lines of a shard against a plain dictionary."""

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.state.late_lines import LateLine, LateLines
from tests.snapshots import resumed

DATE = dt.date(2026, 3, 1)
STEPS = st.lists(
    st.tuples(st.sampled_from(("put", "take")), st.integers(0, 3), st.sampled_from("xyz"), st.integers(1, 9)),
    max_size=40,
)  # fmt: skip


def late(row: int, name: str, units: int) -> LateLine:
    """A line of a row."""
    return LateLine(
        supplier="S", sku=f"A{row}", location="L", po_id=name, line="1", units=float(units), first_date=DATE,
        expected_date=DATE, usual_days_late=1,
    )  # fmt: skip


@given(STEPS, st.integers(1, 8))
def test_it_holds_what_was_put_and_not_taken(steps: list[tuple[str, int, str, int]], lines_max: int) -> None:
    """At most the bound; what found no room is counted; a dump goes on the same."""
    table, expected, refused = LateLines(lines_max), dict[tuple[int, tuple[str, str]], LateLine](), 0
    for step, row, name, units in steps:
        key = (name, "1")
        if step == "take":
            assert table.take(row, key) == expected.pop((row, key), None)
            continue
        room = (row, key) in expected or len(expected) < lines_max
        refused += not room
        assert table.put(row, key, late(row, name, units)) == room
        if room:
            expected[row, key] = late(row, name, units)
        table = resumed(LateLines(lines_max), table.dump())
    assert (len(table), table.refused) == (len(expected), refused)
    assert sorted(table.all_keys()) == sorted(expected)
    assert all(table.get(row, key) == line for (row, key), line in expected.items())
    rows = [row for row, _ in expected]
    assert table.listed(np.arange(4)).tolist() == [row in rows for row in range(4)]
    assert [sorted(table.of_row(row)) for row in range(4)] == [
        sorted(key for at, key in expected if at == row) for row in range(4)
    ]
