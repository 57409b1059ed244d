"""Numbers in sentences."""

import math

import pytest

from sensing.detection.sentences import chance, number, plural


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.25, "3.25"),
        (3.0, "3"),
        (12.34, "12.3"),
        (12345.6, "12,346"),
        (0.004, "0"),
        (-0.004, "0"),
        (-7.5, "-7.5"),
        (math.nan, "an unknown number of"),
    ],
)
def test_numbers_keep_three_digits(value: float, text: str) -> None:
    """Three significant digits where they matter, thousands separated."""
    assert number(value) == text


def test_one_is_singular() -> None:
    """One day, all others days."""
    assert (plural(1, "day"), plural(2, "day"), plural(1.5, "day")) == ("1 day", "2 days", "1.5 days")


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (0.35, "a chance of 35 %"),
        (1 / 420, "a chance of 1 in 420"),
        (1e-7, "a chance below 1 in 1,000,000"),
        (0.0, "a chance below 1 in 1,000,000"),
    ],
)
def test_chances_read_plainly(probability: float, text: str) -> None:
    """Small chances are one in so many, larger ones per cent."""
    assert chance(probability) == text
