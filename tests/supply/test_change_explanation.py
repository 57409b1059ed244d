"""The split of a change of the reorder point, and its sentence."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensing.contracts.parameters import Change
from sensing.supply.change_explanation import PARTS, explain, first, other_changes, substitute_inputs
from sensing.supply.lead_time_demand import reorder_point
from sensing.supply.rounding import in_units

INPUTS = st.tuples(
    st.floats(0.001, 500), st.floats(0.001, 5000), st.floats(0.5, 60), st.floats(0, 20), st.floats(0, 14),
    st.floats(0.5, 0.999),
)  # fmt: skip
Six = tuple[float, float, float, float, float, float]


def _change(old: Six, new: Six, places: int) -> Change:
    parts = np.empty((1, 5))
    substitute_inputs(np.array([old]), np.array([new]), np.ones(1), parts)
    before, after = _points(old, new, places)
    return explain(before, after, parts[0].tolist(), places)


def _points(old: Six, new: Six, places: int) -> tuple[float, float]:
    """Reorder points as published with ``places`` decimals."""
    before, after = (float(in_units(reorder_point(*values, 1.0), places, up=True)) for values in (old, new))
    return before, after


@given(INPUTS, INPUTS, st.integers(0, 3))
def test_parts_add_up_to_the_change(old: Six, new: Six, places: int) -> None:
    """The parts as published add up exactly to the difference of the published reorder points; rounding is a part.

    None has more than one decimal beyond those of the unit.
    """
    change = _change(old, new, places)
    before, after = (Decimal(repr(value)) for value in _points(old, new, places))
    parts = [Decimal(repr(getattr(change, name))) for name in (*PARTS, "rounding")]

    assert sum(parts) == Decimal(repr(change.total)) == after - before
    assert all(part == round(part, places + 1) for part in parts)
    if max(before, after) <= 8 * 10 ** (6 - places):
        assert abs(parts[-1]) <= Decimal("1.3") * Decimal(10) ** -places


def test_what_rounding_cannot_explain_goes_to_the_largest_part() -> None:
    """An item that ends has another reorder point than its inputs give."""
    change = explain(10.0, 2.0, [-1.0, -0.5, 0.0, 0.0, 0.0], 0)

    assert (change.demand_mean, change.demand_spread, change.rounding) == (-7.5, -0.5, 0.0)


def test_a_value_of_a_person_is_a_part_of_its_own() -> None:
    """Where one end comes from an override, the rest is the override's."""
    change = explain(10.0, 30.0, [1.0, 0.4, 0.0, 0.0, 0.0], 0, overridden=True)

    assert (change.total, change.override, change.rounding) == (20.0, 18.6, 0.0)


def test_other_changes_are_spoken_of() -> None:
    """What has not changed is not."""
    assert other_changes((3.0, 2.0), (7.0, 9.5), ("new", "smooth")) == (
        " Order quantity 3 -> 2. Lead time 7 -> 9.5 days. Demand class new -> smooth."
    )
    assert other_changes((3.0, 3.0), (7.001, 7.002), ("new", "new")) == ""


@given(INPUTS, st.integers(0, 4), INPUTS)
@example((36.0, 2.0, 41.0, 7.0, 14.0, 0.515625), 1, (1.0, 1.0, 1.0, 0.0, 0.0, 0.5))
def test_a_change_of_one_input_is_that_part_alone(old: Six, which: int, other: Six) -> None:
    """Where one of the five changes, all others are zero; review time goes with the lead time."""
    fields = ((0,), (1,), (2, 4), (3,), (5,))[which]
    values = [other[k] if k in fields else old[k] for k in range(6)]
    change = _change(old, (values[0], values[1], values[2], values[3], values[4], values[5]), 0)

    for k, name in enumerate(PARTS):
        if k != which:
            assert getattr(change, name) == 0.0


def test_parts_are_taken_in_order() -> None:
    """Each part is the change of the reorder point when its input is replaced after the earlier ones."""
    old, new = (10.0, 20.0, 7.0, 1.0, 0.0, 0.9), (14.0, 40.0, 9.0, 3.0, 1.0, 0.98)
    parts = np.empty((1, 5))
    substitute_inputs(np.array([old]), np.array([new]), np.ones(1), parts)
    steps = [
        reorder_point(10.0, 20.0, 7.0, 1.0, 0.0, 0.9, 1.0),
        reorder_point(14.0, 20.0, 7.0, 1.0, 0.0, 0.9, 1.0),
        reorder_point(14.0, 40.0, 7.0, 1.0, 0.0, 0.9, 1.0),
        reorder_point(14.0, 40.0, 9.0, 1.0, 1.0, 0.9, 1.0),
        reorder_point(14.0, 40.0, 9.0, 3.0, 1.0, 0.9, 1.0),
        reorder_point(14.0, 40.0, 9.0, 3.0, 1.0, 0.98, 1.0),
    ]

    assert parts[0].tolist() == np.diff(steps).tolist()


@pytest.mark.parametrize(
    ("before", "after", "parts", "sentence"),
    [
        (120.0, 155.0, [20.0, 0.0, 12.0, 3.0, 0.0],
         "Reorder point 120 -> 155 (+35): demand level +20, lead time +12, lead-time spread +3."),
        (50.0, 48.0, [-3.0, 0.0, 0.0, 0.0, 1.0], "Reorder point 50 -> 48 (-2): demand level -3, service target +1."),
        (50.0, 50.0, [-1.0, 1.0, 0.0, 0.0, 0.0], "Reorder point unchanged at 50: demand level -1, demand spread +1."),
        (50.0, 50.0, [0.0] * 5, "Reorder point unchanged at 50."),
        (8.0, 9.0, [0.4, 0.2, 0.0, 0.0, 0.0],
         "Reorder point 8 -> 9 (+1): demand level +0.4, rounding +0.4, demand spread +0.2."),
    ],
)  # fmt: skip
def test_the_sentence_says_what_moved_most(before: float, after: float, parts: list[float], sentence: str) -> None:
    """Before, after, and the parts by size; what did not move is not spoken of."""
    assert explain(before, after, parts, 0).sentence == sentence


def test_a_first_proposal_changes_nothing_and_says_what_it_covers() -> None:
    """No change is claimed where there was nothing before."""
    change = first(155.0, 120.4, 34.6, 9.0, 0.95)

    assert change.total == sum(getattr(change, name) for name in PARTS) == 0.0
    assert change.sentence == (
        "First proposal: reorder point 155 covers 9 days at 95 % service: expected demand 120, safety stock 34.6."
    )
