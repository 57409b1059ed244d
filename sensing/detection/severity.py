"""How bad a problem is, and until when somebody should have looked.

Points are added up: strength (0 to 4, by type), money (0 to 3) and persistence (0 or 1). 0-1 point is low, 2-3 medium,
4-5 high, 6 and more critical. Every part is monotone, so more evidence, more money or more days never lower a grade.
"""

import math

from sensing.contracts.exceptions import SEVERITIES, ExceptionType, Severity

DAY_MINUTES = 24 * 60
MONEY_STEPS = (1_000.0, 10_000.0, 100_000.0)
"""One point each, in whatever currency the prices are."""
PERSISTENT_DAYS = 3.0
_GRADE_STEPS = (2.0, 4.0, 6.0)

DEADLINE_MINUTES: dict[ExceptionType, tuple[int, int, int, int]] = {
    "order_surge": (2 * DAY_MINUTES, DAY_MINUTES, 8 * 60, 2 * 60),
    "demand_drop": (7 * DAY_MINUTES, 5 * DAY_MINUTES, 3 * DAY_MINUTES, 2 * DAY_MINUTES),
    "supplier_delay": (3 * DAY_MINUTES, 2 * DAY_MINUTES, DAY_MINUTES, 4 * 60),
    "stockout_projected": (2 * DAY_MINUTES, DAY_MINUTES, 8 * 60, 2 * 60),
    "data_quality": (DAY_MINUTES, 8 * 60, 4 * 60, 60),
}
"""Minutes from the event to the deadline, for low, medium, high, critical."""


def lift_strength(lift: float, probability: float) -> float:
    """Points of a count that is ``lift`` times what was expected (for a drop: the inverse), at most 4.

    One point each from 3, 5 and 10 times on, one for a chance of at most one in a million.
    """
    points = sum(1.0 for step in (3.0, 5.0, 10.0) if lift >= step)
    return points + (1.0 if probability <= 1e-6 else 0.0)


def delay_strength(days_late: float, *, covered: bool) -> float:
    """Points of a receipt that comes ``days_late`` days late: one each from 3, 7 and 14 days on, two where stock does
    not cover the gap.

    A gap that stock covers has at most one point: nobody waits for the goods.
    """
    points = sum((1.0 for step in (3.0, 7.0, 14.0) if days_late >= step), 0.0)
    return min(points, 1.0) if covered else min(points + 2.0, 4.0)


def stockout_strength(probability: float, days_until: float, days_without: float) -> float:
    """Points of a projected stock-out: probability from .5 and .9, within 3 days, at least 7 days without stock."""
    return (
        (1.0 if probability >= 0.5 else 0.0)
        + (1.0 if probability >= 0.9 else 0.0)
        + (1.0 if days_until <= 3.0 else 0.0)
        + (1.0 if days_without >= 7.0 else 0.0)
    )


def grade(strength: float, money: float | None, days_open: float) -> Severity:
    """Grade of a problem.

    Parameters
    ----------
    strength
        Points of the type's own evidence.
    money
        Money at stake; None or NaN where no price is known, which gives no points.
    days_open
        Days since the problem opened.
    """
    points = strength + (1.0 if days_open >= PERSISTENT_DAYS else 0.0)
    if money is not None and not math.isnan(money):
        points += sum(1.0 for step in MONEY_STEPS if money >= step)
    return SEVERITIES[sum(1 for step in _GRADE_STEPS if points >= step)]


def rank(severity: Severity) -> int:
    """Position of a grade: 0 low to 3 critical."""
    return SEVERITIES.index(severity)


def deadline(exception_type: ExceptionType, severity: Severity, event_time: int) -> int:
    """Event time (UTC ms) by which somebody should have acted."""
    return event_time + DEADLINE_MINUTES[exception_type][rank(severity)] * 60_000
