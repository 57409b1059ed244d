"""Uplift of promotions: stated, mixed and learned, against a slow oracle."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.demand.promotion_uplift import (
    DISCOUNT,
    FACTOR_MAX,
    POOL_DAYS,
    STATED_DAYS,
    UNSTATED_DAYS,
    Evidence,
    PromotionUplifts,
    day_weight,
    uplift_of,
)
from sensing.state.promotions import Promotion

STATED = st.none() | st.floats(-0.9, 20.0)
EVIDENCE = st.builds(
    lambda mean, weight: Evidence(mean * weight, weight), st.floats(0.05, 50.0), st.just(0.0) | st.floats(0.01, 50.0)
)


@given(STATED, EVIDENCE, EVIDENCE)
def test_the_uplift_is_the_weighted_mean(stated: float | None, row: Evidence, pool: Evidence) -> None:
    """Geometric mean of the opinions, each as often as its days; it lies between them."""
    opinions = [(1.0, UNSTATED_DAYS) if stated is None else (1.0 + stated, STATED_DAYS)]
    opinions += [(each.ratio / each.weight, days) for each, days in
                 ((row, row.weight), (pool, min(pool.weight, POOL_DAYS))) if days > 0.0]  # fmt: skip
    values, days = zip(*opinions, strict=True)
    expected = math.exp(np.average(np.log(values), weights=days))
    found = uplift_of(stated, row, pool)
    assert found.factor == pytest.approx(expected)
    assert min(values) * (1 - 1e-9) <= found.factor <= max(values) * (1 + 1e-9)
    if len(opinions) == 1:
        assert found.source == ("none" if stated is None else "stated")
    else:
        assert found.source in ("mixed", "learned")


def test_stated_until_learned() -> None:
    """Of a promotion stated at +50 % that triples demand: 1.5 exactly at first, near 3 in the end, in steps upward."""
    row, pool = Evidence(), Evidence()
    factors = [uplift_of(0.5, row, pool)]
    for _ in range(60):
        row.add(3.0, 0.95)
        pool.add(3.0, 0.95)
        factors.append(uplift_of(0.5, row, pool))
    assert factors[0] == (1.5, "stated")
    assert (np.diff([each.factor for each in factors]) > 0.0).all()
    assert factors[1].source == "mixed"
    assert factors[1].factor < 2.2
    assert factors[-1].source == "learned"
    assert factors[-1].factor == pytest.approx(3.0, rel=0.08)


def test_a_stated_end_of_demand() -> None:
    """An uplift of -100 % is exactly that until a promoted day happened."""
    assert uplift_of(-1.0, Evidence(), Evidence()) == (0.0, "stated")
    assert uplift_of(-1.0, Evidence(2.0, 2.0), Evidence()).factor > 0.0


@given(st.just(0.0) | st.floats(1e-6, 1e6), st.floats(0.0, 100.0))
def test_day_weight(expected: float, dispersion: float) -> None:
    """A day counts as at most one, and as nothing where nothing is expected."""
    weight = day_weight(expected, dispersion)
    assert 0.0 <= weight <= 1.0
    assert (weight == 0.0) == (expected == 0.0)
    assert day_weight(2.0 * expected, dispersion) >= weight
    assert day_weight(4.0, 0.5) == pytest.approx(0.5)


class SlowUplifts:
    """All days of all rows; what is learned is summed up anew each time."""

    def __init__(self) -> None:
        self.days: list[tuple[int, float, float]] = []
        self.pool_days: list[dict[int, list[tuple[float, float]]]] = []

    def row(self, row: int) -> Evidence:
        """Evidence of a row."""
        of_row = [(ratio, weight) for other, ratio, weight in self.days if other == row][::-1]
        kept = [(ratio, weight * DISCOUNT**age) for age, (ratio, weight) in enumerate(of_row)]
        return Evidence(sum(ratio * weight for ratio, weight in kept), sum(weight for _, weight in kept))

    def pool(self, even: bool) -> Evidence:
        """Evidence of the category of even or odd rows."""
        found = [
            [day for row, days in by_row.items() for day in days if row % 2 == (0 if even else 1)]
            for by_row in self.pool_days
        ]
        kept = [day for day in found if day][::-1]
        sums = [
            (DISCOUNT**age * sum(r * w for r, w in day), DISCOUNT**age * sum(w for _, w in day))
            for age, day in enumerate(kept)
        ]
        return Evidence(sum(ratio for ratio, _ in sums), sum(weight for _, weight in sums))


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.floats(0.0, 10.0), st.floats(0.01, 1.0)), max_size=6), max_size=6
    ),
    st.booleans(),
)
def test_rows_and_pools_are_the_slow_ones(days: list[list[tuple[int, float, float]]], snapshot: bool) -> None:
    """After every day and fold, with the pool of each category; a dump goes on as the original."""
    uplifts, slow = PromotionUplifts(), SlowUplifts()
    categories = {row: "even" if row % 2 == 0 else "odd" for row in range(4)}
    for at, found in enumerate(days):
        for row, ratio, weight in found:
            uplifts.learn(row, 100 + at, ratio, weight, named=False)
            slow.days.append((row, ratio, weight))
        slow.pool_days.append({row: [day[1:] for day in found if day[0] == row] for row in range(4)})
        if snapshot:
            before, uplifts = uplifts, PromotionUplifts()
            uplifts.load(before.dump())
        uplifts.take_in({row: categories[row] for row in uplifts.rows_to_take_in()})
        for row in range(4):
            expected = uplift_of(0.5, slow.row(row), slow.pool(row % 2 == 0))
            assert uplifts.uplift(row, categories[row], 0.5).factor == pytest.approx(expected.factor)
            assert uplifts.uplift(row, categories[row], 0.5, named=True) == (1.5, "stated")


def test_pools_do_not_depend_on_the_order_of_rows() -> None:
    """Sums of a pool are equal to the last bit in whatever order rows learned the day."""
    ratios = np.random.default_rng(1).gamma(2.0, 1.0, 40).tolist()
    dumps = []
    for order in (range(40), range(39, -1, -1)):
        uplifts = PromotionUplifts()
        for row in order:
            uplifts.learn(row, 100, ratios[row], 0.3, named=False)
        uplifts.take_in(dict.fromkeys(range(40), "C"))
        dumps.append(uplifts.uplift(99, "C", None).factor)
    assert dumps[0] == dumps[1]


def test_overlapping_promotions_and_runs() -> None:
    """The greatest uplift of a day holds; a run of promoted days goes on over a week without any."""
    uplifts = PromotionUplifts()
    both = [
        Promotion("a", None, 10, 12, 0.5, 0),
        Promotion("b", "L", 12, 20, 1.0, 0),
        Promotion("c", "L", 9, 9, -0.5, 0),
    ]
    assert uplifts.day_factors(0, "", both, 9, 5).tolist() == [0.5, 1.5, 1.5, 2.0, 2.0]
    assert uplifts.run_days(0, 100) == 0
    for day in (100, 101, 106):
        uplifts.learn(0, day, 0.0, 0.0, named=False)
    assert [uplifts.run_days(0, day) for day in (107, 113, 114)] == [7, 13, 0]
    assert uplifts.uplift(0, "", None) == (1.0, "none")


def test_learning_is_bounded_and_suppression_counts_days() -> None:
    """A ratio is cut at the greatest uplift that can be stated; a row counts once a day."""
    uplifts = PromotionUplifts()
    for day in range(400):
        uplifts.learn(0, day, 1e9, 1.0, named=False)
    assert uplifts.uplift(0, "", None).factor <= FACTOR_MAX
    assert [uplifts.suppress(0, 5), uplifts.suppress(0, 5), uplifts.suppress(1, 5), uplifts.suppress(0, 6)] == [
        True, False, True, True,
    ]  # fmt: skip
    assert uplifts.suppressed == 3
    again = PromotionUplifts()
    again.load(uplifts.dump())
    assert (again.suppressed, again.suppress(1, 5)) == (3, False)
