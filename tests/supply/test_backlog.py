"""Open demand by requested day."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sensing.supply.backlog import NEW_LINE, advance, open_add, open_by_day
from sensing.supply.supply_record import CELL_MAX, OPEN_DAYS, SPILLED, fresh

TODAY = 20_000


def _read(supply: NDArray[Any], today: int, days: int = 28) -> tuple[NDArray[np.float64], float]:
    by_day, overdue = np.empty((1, days)), np.empty(1)
    open_by_day(supply, np.array([0]), today, by_day, overdue)
    return by_day[0], float(overdue[0])


@given(st.data())
def test_every_line_is_where_its_requested_day_says(data: st.DataObject) -> None:
    """Total always equals the sum over lines; days within the ring are exact; the rest is overdue or later, exactly."""
    supply = fresh(1)
    today = TODAY
    lines: list[list[int]] = []  # requested day, open thousandths, bit
    for _ in range(data.draw(st.integers(1, 30))):
        action = data.draw(st.sampled_from(("new", "change", "day")))
        if action == "day":
            today += data.draw(st.integers(1, 20))
            advance(supply, 0, today)
        elif action == "new" or not lines:
            day = today + data.draw(st.integers(-5, 40))
            quantity = data.draw(st.integers(1, 10**6))
            lines.append([day, quantity, open_add(supply, 0, today, day, quantity, NEW_LINE)])
        else:
            line = data.draw(st.sampled_from(lines))
            delta = data.draw(st.integers(-line[1], 10**6))
            line[1] += delta
            assert open_add(supply, 0, today, line[0], delta, line[2]) == line[2]
        assert supply["open_total"][0] == sum(line[1] for line in lines)
    later = [line for line in lines if line[2] == 0]
    by_day, overdue = _read(supply, today, OPEN_DAYS)

    assert supply["open_later"][0] == sum(line[1] for line in later)
    assert supply["open_later_moment"][0] == sum(line[0] * line[1] for line in later)
    expected = np.zeros(OPEN_DAYS)
    late = 0.0
    total = sum(line[1] for line in later)
    if total:
        at = sum(line[0] * line[1] for line in later) // total - today
        late += total / 1000 if at < 0 else 0.0
        if 0 <= at < OPEN_DAYS:
            expected[at] += total / 1000
    for day, quantity, bit in lines:
        if bit and day >= today:
            expected[day - today] += quantity / 1000
        elif bit:
            late += quantity / 1000
    np.testing.assert_allclose(by_day, expected, atol=1e-9)
    np.testing.assert_allclose(overdue, late, atol=1e-9)


def test_a_cell_too_large_counts_as_due_at_once() -> None:
    """A day of more than 2.1 million units keeps no cell of its own; nothing is lost and its lines can be taken out
    again.
    """
    supply = fresh(1)
    for _ in range(2):
        assert open_add(supply, 0, TODAY, TODAY + 3, CELL_MAX, NEW_LINE) == 1

    by_day, overdue = _read(supply, TODAY)
    assert supply["open_ring"][0, (TODAY + 3) % OPEN_DAYS] == SPILLED
    assert by_day.sum() == 0
    assert overdue == 2 * CELL_MAX / 1000
    for _ in range(2):
        open_add(supply, 0, TODAY, TODAY + 3, -CELL_MAX, 1)
    assert _read(supply, TODAY)[1] == 0.0
    advance(supply, 0, TODAY + 4)
    assert supply["open_total"][0] == 0


def test_the_ring_never_goes_back() -> None:
    """A clock that is behind changes nothing, and a plan for an earlier day reads the days that are left."""
    supply = fresh(1)
    open_add(supply, 0, TODAY, TODAY + 1, 5000, NEW_LINE)
    advance(supply, 0, TODAY - 3)

    assert supply["open_day"][0] == TODAY
    assert _read(supply, TODAY - 1)[0][2] == 5.0
