"""Decimals of units: which ones a row has, and quantities in steps of them."""

import math
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensing.contracts.parameters import OverrideField
from sensing.contracts.reference import ItemUpdated, PolicyUpdated
from sensing.supply.resolved_policy import RESOLVED_POLICY
from sensing.supply.rounding import LAST_MAX, in_units, step_of, steps_of_all, to_steps
from sensing.supply.stock_ledger import book_count, book_movement, mark_fractional
from sensing.supply.supply_record import fresh
from sensing.supply.unit_decimals import resolve_decimals, resolved_decimals
from tests.supply.events import book, owe, tell

PLACES = st.integers(0, 3)


@given(st.floats(0, 8e3) | st.floats(0, 8e6), PLACES, st.booleans())
@example(8000.0, 3, True)
@example(1e-12, 0, True)
def test_a_quantity_in_steps_is_the_decimal_next_to_it(value: float, places: int, up: bool) -> None:
    """Rounded up, or to the nearest, as decimal arithmetic does; noise of the last bits raises nothing."""
    got = to_steps(value, places, math.nan, up)
    step = Decimal(1).scaleb(-places)
    if value > 8e6 * 10.0**-places:
        return
    exact = Decimal(value)
    wanted = exact.quantize(step, ROUND_CEILING if up else ROUND_HALF_EVEN)
    if Decimal(repr(got)) != wanted:  # within the tolerance of a step
        assert abs(Decimal(repr(got)) - exact) <= exact * Decimal("1e-9") + step * Decimal("1e-9") + (
            Decimal(0) if up else step / 2
        )
    assert got == round(got, places)


@given(st.floats(0, 1e11), PLACES, st.sampled_from([math.nan, 1.0, 12.0, 0.25, 1000.0]), st.booleans())
@example(7_999_999.5, 0, 1000.0, True)
@example(8_000_000.4, 0, math.nan, False)
@example(8_000.0004, 3, math.nan, True)
def test_a_record_gives_back_what_was_published(value: float, places: int, multiple: float, up: bool) -> None:
    """A float32 of a quantity, rounded without its multiple, is the quantity; it has few digits, and never too few."""
    got = to_steps(value, places, multiple, up)

    assert float(in_units(np.float32(got), places)) == got
    assert to_steps(got, places, multiple, up) == got
    if up:
        assert got >= value * (1 - 1e-8) - 1e-300
    if multiple > 0.0:
        assert Decimal(repr(got)) * 1000 % math.lcm(int(multiple * 1000), 10 ** (3 - places)) == 0
    assert got * 10**places <= LAST_MAX or Decimal(repr(got)) % Decimal(10).scaleb(-places) == 0


def test_what_is_not_a_quantity_stays() -> None:
    """NaN is no forecast, infinity no figure; arrays keep their shape."""
    assert math.isnan(to_steps(math.nan, 0, math.nan, True))
    assert math.isinf(to_steps(math.inf, 0, math.nan, False))
    assert step_of(0, 2.5) == (1000, 5000)
    assert step_of(3, 1e-9) == (1, 1)
    np.testing.assert_array_equal(in_units([[1.4, 2.6]], [[0, 0]]), [[1.0, 3.0]])


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("multiple", [8_001.0, 123_456_789.0, 1e9])
def test_a_huge_multiple_is_a_step(multiple: float, up: bool) -> None:
    """A step that alone has more last decimals than a record can tell apart stays whole."""
    assert to_steps(0.4 * multiple, 3, multiple, up) == (multiple if up else 0.0)
    assert to_steps(2.0 * multiple, 3, multiple, up) == 2.0 * multiple


def test_policy_states_decimals_by_base_unit() -> None:
    """The most specific policy that names the unit holds; without an item the unit is EA."""
    b = book(3)
    rows = np.arange(3)
    assert b.decimals(rows).tolist() == [0, 0, 0]
    b.reference(ItemUpdated(event_id="1", sku="S1", base_unit="KG"), np.array([1]))
    b.reference(PolicyUpdated(event_id="2", decimals={"KG": 2, "EA": 1}))
    assert b.decimals(rows).tolist() == [1, 2, 1]
    b.reference(PolicyUpdated(event_id="3", sku="S1", decimals={"EA": 3}), np.array([1]))
    assert b.decimals(rows).tolist() == [1, 2, 1]
    b.reference(PolicyUpdated(event_id="4", location="L", decimals={"KG": 0}))
    assert b.decimals(rows).tolist() == [1, 0, 1]


@given(st.lists(st.tuples(st.floats(0, 1e7), PLACES, st.sampled_from([math.nan, 12.0])), max_size=5), st.booleans())
def test_many_quantities_are_rounded_as_one(rows: list[tuple[float, int, float]], up: bool) -> None:
    """The kernel over arrays gives what that of one quantity gives."""
    columns = np.array(rows, np.float64).reshape(-1, 3).T.copy()
    out = np.empty(len(rows))
    steps_of_all(columns[0], columns[1], columns[2], up, out)

    assert out.tolist() == [to_steps(value, places, multiple, up) for value, places, multiple in rows]


@given(st.integers(-(10**13), 10**13))
def test_a_fraction_marks_its_row(quantity: int) -> None:
    """Whatever its sign; a whole number does not take the mark away."""
    supply = fresh(2)
    mark_fractional(supply, 1, quantity)
    assert supply["fractional"].tolist() == [0, int(Decimal(quantity) % 1000 != 0)]
    supply["fractional"] = 1
    mark_fractional(supply, 1, 1000)
    assert supply["fractional"].tolist() == [1, 1]


def _moved(quantity: int) -> int:
    b = book(1)
    book_movement(b.supply, 0, 5, quantity)
    return int(b.decimals(np.arange(1))[0])


def test_a_row_has_decimals_from_its_first_fraction_on() -> None:
    """Whether it was moved, counted, is open or on order; it keeps them."""
    assert [_moved(quantity) for quantity in (7000, -7000, 7001, -500)] == [0, 0, 3, 3]
    b = book(5)
    book_count(b.supply, 0, 5, 1500)
    book_count(b.supply, 0, 9, 2000)
    owe(b, 1, 20_000, 1500)
    tell(b, "placed", 0, row=2, quantity=2.5)
    tell(b, "placed", 0, row=2, quantity=2.5, po_id="Q")
    b.reference(ItemUpdated(event_id="1", sku="S3", order_quantity_multiple=0.5), np.array([3]))
    assert b.decimals(np.arange(5)).tolist() == [3, 3, 3, 3, 0]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("reorder_point", 12.6, 13.0), ("safety_stock", 12.4, 12.0), ("order_quantity", 10.0, 36.0),
        ("order_quantity", 37.0, 48.0), ("order_quantity", 0.0, 0.0), ("lead_time_days", 9.876, 9.88),
    ],
)  # fmt: skip
def test_a_person_s_value_is_in_steps_as_well(field: OverrideField, value: float, expected: float) -> None:
    """Of its unit, an order quantity of minimum and multiple; nothing at all may be ordered."""
    b = book(1)
    record = ItemUpdated(event_id="1", sku="S0", order_quantity_min=30.0, order_quantity_multiple=12.0)
    b.reference(record, np.arange(1))

    assert b.decided_value(0, field, value) == expected


UNSTATED = st.just(math.nan)


@given(
    st.lists(
        st.tuples(
            UNSTATED | PLACES, UNSTATED | st.sampled_from([2.0, 2.5]), UNSTATED | st.sampled_from([6.0, 0.5]),
            st.booleans(), st.sampled_from([0, 3000, 3001]), st.sampled_from([0, 3000, -1500]),
        ),
        max_size=5,
    )
)  # fmt: skip
def test_decimals_are_stated_or_learned_from_all_quantities_of_a_row(
    told: list[tuple[float, float, float, bool, int, int]],
) -> None:
    """Of any rows in any order: three as soon as one quantity has a fraction."""
    policy, supply = np.zeros(len(told), RESOLVED_POLICY), fresh(9)
    rows = np.arange(len(told))[::-1] + 2
    wanted = []
    for at, (stated, minimum, multiple, fractional, open_total, on_order) in enumerate(told):
        for name, value in (("decimals", stated), ("minimum", minimum), ("multiple", multiple)):
            policy[name][at] = value
        for name, value in (("fractional", fractional), ("open_total", open_total), ("on_order", on_order)):
            supply[name][rows[at]] = value
        quantities = [open_total / 1000, on_order / 1000, *(each for each in (minimum, multiple) if each == each)]
        learned = 3.0 if fractional or any(quantity % 1 for quantity in quantities) else 0.0
        wanted.append(stated if stated == stated else learned)
    assert resolved_decimals(policy, supply, rows).tolist() == wanted
    out = np.empty(len(told))
    resolve_decimals(policy, supply, rows, out)
    assert out.tolist() == wanted
