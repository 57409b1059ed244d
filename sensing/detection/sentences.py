"""Formatting of numbers in the reasons of exceptions. Detectors call it."""

import math


def number(value: float) -> str:
    """Three significant digits or whole: 3.25 -> "3.25", 12.34 -> "12.3", 12345.6 -> "12,346"; NaN -> "an unknown
    number of".
    """
    if math.isnan(value):
        return "an unknown number of"
    size = abs(value)
    digits = 0 if size >= 100.0 else 1 if size >= 10.0 else 2
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def plural(value: float, noun: str) -> str:
    """A number with its noun: "1 day", "2.5 days"."""
    text = number(value)
    return f"{text} {noun}" if text == "1" else f"{text} {noun}s"


def chance(probability: float) -> str:
    """A probability in words: "a chance of 1 in 420", "a chance of 35 %"."""
    if not probability > 1e-6:
        return "a chance below 1 in 1,000,000"
    if probability < 0.1:
        return f"a chance of 1 in {round(1.0 / probability):,}"
    return f"a chance of {round(100.0 * probability)} %"
