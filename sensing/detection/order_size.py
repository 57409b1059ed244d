"""Order sizes: which lines lie far outside the sizes of their row, and which of those are slips.

Kernels learn the sizes of every row and test each line; `sensing.machines.order_judgement` looks for signs of a slip.
The verdict reads nothing but the row, its item and the line, so it is the same however rows are spread over shards.

A line is far outside if its quantity is at least TIMES_MIN times the row's largest usual line and its logarithm lies
DEVIATIONS_MIN standard deviations above the row's mean; a young row's variance is shrunk to that of a usual row. In a
year of Online Retail (527,667 lines, 6,580 item-countries) that are 548 lines, 3.6 % of the units.

Lines that are all larger than usual, though none is far outside, are a surge of units. A row sums how far its lines
deviate, less an allowance, and the sum starts anew below zero (Page, 1954, Continuous inspection schemes). A line
counts for a bounded deviation, so that a few spikes are none.

Such a line is real business unless two of three signs say that it is a slip: the quantity is an exact power of ten, or
a unit factor, times the row's most frequent size or the line's version before; the price fits another, usual quantity;
the same customer's twin was cancelled shortly before.
"""

import math
from typing import NamedTuple

from sensing.contracts.exception_details import Sign
from sensing.jit import kernel, lean_kernel

ROW_LINES_MAX = 64.0
"""A row's mean and variance of the logarithm cover about this many lines."""
MAX_KEPT = 0.999
"""The row's largest line moves towards the mean by a thousandth of their distance (in logarithms) per line."""
TIMES_MIN = 5.0
DEVIATIONS_MIN = 4.0
SMALL_TIMES = TIMES_MIN * (1.0 - 1e-6)
VARIANCE_PRIOR = 1.0
"""Variance of the logarithm within a usual row; Online Retail 1.14, M5 .32, Complete Journey .10."""
VARIANCE_PRIOR_LINES = 8.0
DEVIATION_MIN = 0.3
RUN_ALLOWANCE = 0.75
"""Deviations that a line must have for the sum to grow. Normal lines reach a sum of x with a chance of exp(-1.5 x)."""
RUN_STEP_MAX = 2.25
RUN_MIN = 9.0
RUN_MAX = 2.0 * RUN_MIN
RUN_LINES_MIN = 32.0
"""Lines that a row's sizes must be known from."""
TAUGHT_TIMES = 2.0
"""A line far outside teaches level, profile and sizes at most this many times the row's largest usual line."""
TWIN_MS = 15 * 60_000
"""A twin was cancelled at most this long before."""
PRICE_RATIO_MAX = 1.0 / 3.0
SIGNS_MIN = 2
EXACT = 1e-6
POWERS_OF_TEN = tuple(10.0**k for k in range(1, 10))


class Judgement(NamedTuple):
    """What is known of a record far outside its row's sizes before it teaches its own.

    ``place`` is its topic, partition and offset; ``typical`` and ``largest`` are the usual and largest usual line.
    """

    place: tuple[int, int, int]
    signs: tuple[Sign, ...]
    typical: float
    largest: float


@lean_kernel
def learn_row_size(
    count: float, log_mean: float, log_variance: float, log_max: float, quantity: float
) -> tuple[float, float, float, float]:
    """Statistics of a row's order sizes after one more line of ``quantity`` > 0 units; all zero before the first.

    Returns
    -------
    tuple
        Lines (at most ROW_LINES_MAX), mean and variance of the natural logarithm of the quantity, logarithm of the
        decayed maximum. Made to be kept in four f4.
    """
    x = math.log(quantity)
    if count <= 0.0:
        return 1.0, x, 0.0, x
    lines = min(count + 1.0, ROW_LINES_MAX)
    gain = 1.0 / lines
    deviation = x - log_mean
    mean = log_mean + gain * deviation
    variance = (1.0 - gain) * (log_variance + gain * deviation * deviation)
    return lines, mean, variance, max(x, mean + (log_max - mean) * MAX_KEPT)


@lean_kernel
def learn_row_mode(mode: float, lead: float, quantity: float) -> tuple[float, float]:
    """Most frequent size of a row and its lead over all others, after one more line of ``quantity`` units.

    Exact if one size makes up more than half of the lines. Source: Boyer and Moore (1991), MJRTY, a fast majority vote
    algorithm.
    """
    if lead <= 0.0:
        return quantity, 1.0
    if quantity == mode:
        return mode, min(lead + 1.0, ROW_LINES_MAX)
    return mode, lead - 1.0


@kernel
def size_deviations(quantity: float, count: float, log_mean: float, log_variance: float) -> float:
    """Standard deviations by which the logarithm of ``quantity`` exceeds the row's mean, for a row of ``count`` >= 1
    lines.

    The row's variance counts for its lines and VARIANCE_PRIOR for VARIANCE_PRIOR_LINES; the error of the mean is added.
    """
    variance = (count * log_variance + VARIANCE_PRIOR_LINES * VARIANCE_PRIOR) / (count + VARIANCE_PRIOR_LINES)
    return (math.log(quantity) - log_mean) / max(math.sqrt(variance * (1.0 + 1.0 / count)), DEVIATION_MIN)


@kernel
def size_run(run: float, count: float, log_mean: float, log_variance: float, quantity: float) -> float:
    """The sum of deviations after a line of ``quantity`` units; the other arguments are those before it."""
    if count < RUN_LINES_MIN or quantity <= 0.0:
        return 0.0
    step = size_deviations(quantity, count, log_mean, log_variance) - RUN_ALLOWANCE
    return min(max(run + min(step, RUN_STEP_MAX), 0.0), RUN_MAX)


def run_chance(run: float) -> float:
    """Upper bound of the chance that usual lines reach a sum of deviations, from the newest start on.

    Source: Lundberg's inequality for normal steps (Asmussen and Albrecher, 2010, Ruin probabilities, IV.5).
    """
    return min(1.0, math.exp(-2.0 * RUN_ALLOWANCE * run))


@lean_kernel
def is_small(quantity: float, log_max: float) -> bool:
    """Whether ``quantity`` is certainly below TIMES_MIN times the row's largest usual line; computes no logarithm.

    For x >= 0, 1 + x + x^2 / 2 is at most e^x. The margin is far larger than an error of rounding.
    """
    return log_max >= 0.0 and quantity < SMALL_TIMES * (1.0 + log_max + 0.5 * log_max * log_max)


@lean_kernel
def is_far_outside(quantity: float, count: float, log_mean: float, log_variance: float, log_max: float) -> bool:
    """Whether a line of ``quantity`` units lies far outside the row's sizes before it, as `learn_row_size` keeps them.

    A row without lines has no sizes.
    """
    if count <= 0.0 or quantity <= 0.0 or is_small(quantity, log_max):
        return False
    if math.log(quantity) < log_max + math.log(TIMES_MIN):
        return False
    return size_deviations(quantity, count, log_mean, log_variance) >= DEVIATIONS_MIN


@lean_kernel
def taught_quantity(log_max: float) -> float:
    """Units that a line far outside teaches at most."""
    return TAUGHT_TIMES * math.exp(log_max)


def is_multiple(quantity: float, usual: float, factors: tuple[float, ...]) -> bool:
    """Whether ``quantity`` is an exact power of ten or one of ``factors`` (above 1) times a ``usual`` quantity."""
    if not usual > 0.0:
        return False
    ratio = quantity / usual
    return any(abs(ratio - factor) <= EXACT * factor for factor in (*POWERS_OF_TEN, *factors) if factor > 1.0)


def price_fits_another(quantity: float, price: float, usual_price: float, largest: float) -> bool:
    """Whether the amount of a line, at the usual price, is that of a usual quantity.

    The price is at most a third of the usual one, and what the line costs would buy no more than TIMES_MIN times the
    row's ``largest`` usual line. Unknown prices (NaN) fit nothing.
    """
    if not (price > 0.0 and usual_price > 0.0) or price / usual_price > PRICE_RATIO_MAX:
        return False
    return quantity * price / usual_price < TIMES_MIN * largest
