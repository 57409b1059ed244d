"""Formatting of numbers and days in the reasons of exceptions. Detectors call it."""

import math

from sensing.codec.instants import date

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
YEARLESS_DAYS = 180
"""A day this near to today is named without its year."""


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


def about(value: float) -> str:
    """An estimate with two significant digits or whole: 2.83 -> "2.8", 37.5 -> "38"."""
    return number(round(value, 0 if abs(value) >= 10.0 else 1 if abs(value) >= 1.0 else 2))


def plural(value: float, noun: str) -> str:
    """A number with its noun: "1 day", "2.5 days"."""
    text = number(value)
    return f"{text} {noun}" if text == "1" else f"{text} {noun}s"


def counted(value: float, noun: str) -> str:
    """The same with "no" for zero: "no order lines"."""
    return f"no {noun}s" if number(value) == "0" else plural(value, noun)


def are(value: float) -> str:
    """The verb of a number: "is" for 1, else "are"."""
    return "is" if number(value) == "1" else "are"


def were(value: float) -> str:
    """The past of `are`."""
    return "was" if number(value) == "1" else "were"


def day_name(day: int, today: int) -> str:
    """A local day: "28 Sep", and "28 Sep 2011" if it is far from today."""
    found = date(day)
    text = f"{found.day} {MONTHS[found.month - 1]}"
    return text if abs(day - today) <= YEARLESS_DAYS else f"{text} {found.year}"


def percent(probability: float) -> str:
    """A probability per cent; never 0 or 100, since neither is certain."""
    per_cent = round(100.0 * probability)
    return "below 1 %" if per_cent < 1 else "above 99 %" if per_cent > 99 else f"{per_cent} %"


def chance(probability: float) -> str:
    """A probability in words: "a chance of 1 in 420", "a chance of 35 %"."""
    if not probability > 1e-6:
        return "a chance below 1 in 1,000,000"
    if probability < 0.1:
        return f"a chance of 1 in {round(1.0 / probability):,}"
    return f"a chance of {percent(probability)}"
