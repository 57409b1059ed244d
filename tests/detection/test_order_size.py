"""Order sizes of a row: statistics, lines far outside, signs of a slip."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.detection import order_size
from sensing.detection.order_size import (
    DEVIATIONS_MIN,
    ROW_LINES_MAX,
    RUN_ALLOWANCE,
    RUN_LINES_MIN,
    RUN_MAX,
    RUN_MIN,
    RUN_STEP_MAX,
    TIMES_MIN,
    VARIANCE_PRIOR,
    VARIANCE_PRIOR_LINES,
    is_far_outside,
    is_multiple,
    is_small,
    learn_row_mode,
    learn_row_size,
    price_fits_another,
    run_chance,
    size_deviations,
    size_run,
    taught_quantity,
)

SIZES = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60)
Row = tuple[float, float, float, float]


def row_of(quantities: Sequence[float]) -> Row:
    """Statistics of a row that had these lines."""
    row: Row = (0.0, 0.0, 0.0, 0.0)
    for quantity in quantities:
        row = learn_row_size(*row, quantity)
    return row


@given(SIZES)
def test_row_statistics_are_those_of_the_logarithms(quantities: list[float]) -> None:
    """Count, mean and variance of the logarithms; the maximum decays by a thousandth of its distance a line."""
    logs = np.log(quantities)
    count, mean, variance, largest = row_of(quantities)
    assert count == min(len(logs), ROW_LINES_MAX)
    assert mean == pytest.approx(logs.mean(), abs=1e-9)
    assert variance == pytest.approx(logs.var(), abs=1e-9)
    assert logs.max() - 0.06 * (logs.max() - logs.min()) - 1e-9 <= largest <= logs.max() + 1e-9


@given(st.lists(st.sampled_from((1.0, 2.0, 12.0)), min_size=1, max_size=40))
def test_a_majority_size_is_the_most_frequent(quantities: list[float]) -> None:
    """A size that more than half of the lines have is found."""
    mode = lead = 0.0
    for quantity in quantities:
        mode, lead = learn_row_mode(mode, lead, quantity)
    size, lines = Counter(quantities).most_common(1)[0]
    if 2 * lines > len(quantities):
        assert mode == size


@given(SIZES, st.floats(0.001, 1e9))
def test_deviations_are_shrunk_to_a_usual_row(quantities: list[float], quantity: float) -> None:
    """The row's variance counts for its lines, the prior for its own; the error of the mean is added."""
    count, mean, variance, _ = row_of(quantities)
    prior = VARIANCE_PRIOR_LINES
    expected = (count * variance + prior * VARIANCE_PRIOR) / (count + prior) * (1.0 + 1.0 / count)
    found = size_deviations(quantity, count, mean, variance)
    assert found == pytest.approx((math.log(quantity) - mean) / max(math.sqrt(expected), 0.3), rel=1e-9, abs=1e-9)


@given(SIZES, st.floats(0.001, 1e9))
def test_far_outside_needs_ratio_and_deviations(quantities: list[float], quantity: float) -> None:
    """Both thresholds must be reached."""
    count, mean, variance, largest = row_of(quantities)
    ratio = math.log(quantity) - largest
    if abs(ratio - math.log(TIMES_MIN)) < 1e-9:
        return
    expected = ratio > math.log(TIMES_MIN) and size_deviations(quantity, count, mean, variance) >= DEVIATIONS_MIN
    assert is_far_outside(quantity, count, mean, variance, largest) == expected


@given(st.floats(0.001, 1e9), st.floats(-8.0, 21.0))
def test_a_small_line_is_below_the_largest_by_its_logarithm(quantity: float, log_max: float) -> None:
    """The test without a logarithm never clears a line that the test with one would not."""
    if is_small(quantity, log_max):
        assert math.log(quantity) < log_max + math.log(TIMES_MIN)


@given(st.floats(0.0, 21.0))
def test_usual_lines_are_small(log_max: float) -> None:
    """Every line up to the row's largest of up to e^2 units, and a good part of larger ones, needs no logarithm."""
    assert is_small(math.exp(min(log_max, 2.0)), log_max)


def test_lines_that_are_far_outside() -> None:
    """Small rows, uniform rows and wide rows; a row without lines has no sizes."""
    assert is_far_outside(400.0, *row_of([2.0, 2.0]))
    assert is_far_outside(300.0, *row_of([50.0, 45.0, 55.0] * 20))
    assert not is_far_outside(200.0, *row_of([50.0, 45.0, 55.0] * 20))
    assert not is_far_outside(500.0, *row_of([1.0, 2.0, 12.0, 144.0, 3.0, 600.0] * 10))
    assert not is_far_outside(1e9, 0.0, 0.0, 0.0, 0.0)
    assert not is_far_outside(0.0, *row_of([2.0]))


def test_what_a_large_line_teaches_is_capped() -> None:
    """It teaches twice the row's largest usual line."""
    assert taught_quantity(math.log(4.0)) == pytest.approx(8.0)


@pytest.mark.parametrize(
    ("quantity", "usual", "factors", "found"),
    [
        (200.0, 2.0, (), True),
        (1200.0, 100.0, (12.0,), True),
        (1200.0, 100.0, (), False),
        (210.0, 2.0, (), False),
        (2.0, 2.0, (1.0,), False),
        (200.0, 0.0, (), False),
    ],
)
def test_exact_multiples(quantity: float, usual: float, factors: tuple[float, ...], found: bool) -> None:
    """Powers of ten and unit factors above one count, anything else does not."""
    assert is_multiple(quantity, usual, factors) == found


@pytest.mark.parametrize(
    ("quantity", "price", "usual", "found"),
    [
        (1000.0, 0.1, 10.0, True),  # the amount of ten at the usual price
        (1000.0, 10.0, 10.0, False),
        (1000.0, 4.0, 10.0, False),
        (100_000.0, 0.1, 10.0, False),  # the amount of a thousand is not usual either
        (1000.0, math.nan, 10.0, False),
        (1000.0, 0.1, math.nan, False),
    ],
)
def test_a_price_that_fits_another_quantity(quantity: float, price: float, usual: float, found: bool) -> None:
    """The row's largest usual line is 12."""
    assert price_fits_another(quantity, price, usual, 12.0) == found


def test_powers_of_ten_reach_a_billion() -> None:
    """All that a quantity can be."""
    assert order_size.POWERS_OF_TEN[0] == 10.0
    assert order_size.POWERS_OF_TEN[-1] == 1e9


@given(st.lists(st.floats(0.01, 1e5), min_size=40, max_size=60), st.lists(st.floats(0.01, 1e5), max_size=40))
def test_a_run_sums_bounded_deviations(known: list[float], quantities: list[float]) -> None:
    """Each line adds its deviation less the allowance, at most so much; the sum stays between zero and its bound."""
    row, run, expected = row_of(known), 0.0, 0.0
    for quantity in quantities:
        step = min(size_deviations(quantity, *row[:3]) - RUN_ALLOWANCE, RUN_STEP_MAX)
        expected = min(max(expected + step, 0.0), RUN_MAX)
        run = size_run(run, *row[:3], quantity)
        assert run == pytest.approx(expected)


def test_a_young_row_has_no_run() -> None:
    """Until sizes are known from enough lines, nothing is summed."""
    row = row_of([2.0, 3.0] * 10)
    assert row[0] < RUN_LINES_MIN
    assert size_run(5.0, *row[:3], 1e6) == 0.0


def test_spikes_are_no_run_and_larger_lines_are() -> None:
    """Three giants among usual lines are none; a dozen lines of five times the size are. Usual lines end it."""
    rng = np.random.default_rng(4)
    row, run = row_of(np.exp(rng.normal(2.0, 0.8, 100)).tolist()), 0.0

    def after(quantities: Sequence[float]) -> None:
        nonlocal row, run
        for quantity in quantities:
            if is_far_outside(quantity, *row):
                quantity = min(quantity, taught_quantity(row[3]))
            run = size_run(run, *row[:3], quantity)
            row = learn_row_size(*row, quantity)

    for _ in range(3):
        after([1e5, *np.exp(rng.normal(2.0, 0.8, 3)).tolist()])
    assert run < RUN_MIN
    after((5.0 * np.exp(rng.normal(2.0, 0.8, 14))).tolist())
    assert run >= RUN_MIN
    after(np.exp(rng.normal(2.0, 0.8, 60)).tolist())
    assert run < RUN_MIN / 3.0


def test_usual_lines_hardly_ever_make_a_run() -> None:
    """The stated chance bounds how often a sum of normal steps reaches a height before it falls below zero."""
    rng = np.random.default_rng(5)
    heights = []
    for _ in range(20_000):
        total = height = 0.0
        while total >= 0.0:
            total += rng.normal() - RUN_ALLOWANCE
            height = max(height, total)
        heights.append(height)
    for height in (1.0, 2.0, 3.0):
        assert np.mean(np.array(heights) >= height) <= run_chance(height)
    assert run_chance(0.0) == 1.0
