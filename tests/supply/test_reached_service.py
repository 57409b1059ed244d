"""Service of reorder points in force, against a slow oracle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand.demand_record import CLASSES
from sensing.supply.reached_service import DISCOUNT, ReachedService

DAYS = st.lists(
    st.tuples(st.integers(0, 9), st.booleans(), st.one_of(st.none(), st.integers(0, 40)), st.floats(0.2, 9.4)),
    max_size=60,
)


def day(found: ReachedService, rows: list[int], units: list[float], censored: list[bool]) -> None:
    """Close a day."""
    found.learn(np.array(rows), np.array(units), np.array(censored))


def begin(found: ReachedService, row: int, point: float | None, days: float, code: int = 1) -> None:
    """Plan a row."""
    points = np.array([np.nan if point is None else point])
    found.begin(np.array([row]), points, np.array([days]), np.array([code], np.uint8))


@given(days=DAYS)
def test_cycles_are_those_of_the_oracle(days: list[tuple[int, bool, int | None, float]]) -> None:
    """Every cycle is the sum of its days; a day out of stock ends it; the next one begins with the next plan."""
    found, cycle, counted = ReachedService(len(CLASSES)), None, []
    for units, censored, point, lead_time in days:
        day(found, [3], [float(units)], [censored])
        if cycle is not None:
            seen, length, limit = cycle
            seen = None if censored else [*seen, units]
            cycle = None if seen is None else (seen, length, limit)
            if seen is not None and len(seen) == length:
                counted.append(sum(seen) <= limit)
                cycle = None
        begin(found, 3, point, lead_time)
        if cycle is None and point is not None:
            cycle = ([], max(round(lead_time), 1), point)
    weights = [DISCOUNT ** (len(counted) - 1 - k) for k in range(len(counted))]
    assert found.totals["cycles"][1] == pytest.approx(sum(weights))
    assert found.totals["within"][1] == pytest.approx(float(np.dot(weights, counted)))
    assert not found.totals["cycles"][[0, 2, 3, 4, 5]].any()


def test_rows_without_a_point_cost_nothing() -> None:
    """Nothing is kept of them."""
    found = ReachedService(len(CLASSES))
    begin(found, 1_000_000, None, 7.0)
    day(found, [1, 2], [1.0, 2.0], [False, False])
    assert found.cycles.size == 0


def test_forgotten_cycles_are_not_counted() -> None:
    """A new base unit ends a cycle, also of rows that have none."""
    found = ReachedService(len(CLASSES))
    begin(found, 2, 5.0, 1.0)
    found.forget(np.array([2, 77]))
    day(found, [2], [1.0], [False])
    assert not found.totals["cycles"].any()


def test_a_restored_copy_goes_on_the_same() -> None:
    """Cycles and totals are in a dump."""
    found, copy = ReachedService(len(CLASSES)), ReachedService(len(CLASSES))
    begin(found, 2, 5.0, 2.0)
    begin(found, 4, 1.0, 1.0, 4)
    day(found, [2, 4], [3.0, 2.0], [False, False])
    copy.load(found.dump())
    for each in (found, copy):
        day(each, [2, 4], [3.0, 2.0], [False, False])
    assert copy.dump() == found.dump()
    assert (found.totals["cycles"][1], found.totals["within"][1]) == (1.0, 0.0)
