"""Severity of a problem, from points. The life cycle calls `grade`.

Points are added: evidence (0 to 4, by type), importance (0 to 2), money (0 to 3) and persistence (0 or 1). 0-1 point is
low, 2-3 medium, 4-5 high, 6 and more critical. Every part is monotone, so more evidence, money or days never lower the
severity.
"""

import math

from sensing.contracts.exceptions import SEVERITIES, Severity

MONEY_STEPS = (1_000.0, 10_000.0, 100_000.0)
"""One point each, in the base currency. Money without a rate to it gives no points."""
IMPORTANCE_MAX = 2.0
PERSISTENT_DAYS = 3.0
_GRADE_STEPS = (2.0, 4.0, 6.0)


def lift_points(lift: float, probability: float) -> float:
    """Severity points of a count that is ``lift`` times what was expected (for a drop: the inverse), at most 4.

    One point each from 3, 5 and 10 times on, and one for a chance of at most one in a million.
    """
    points = sum(1.0 for step in (3.0, 5.0, 10.0) if lift >= step)
    return points + (1.0 if probability <= 1e-6 else 0.0)


def importance_points(*, strategic: bool, regulated: bool, strategic_customer: bool) -> float:
    """Severity points of what a problem concerns: one each for a strategic item, a regulated one, and a strategic
    customer whose order line caused it; at most IMPORTANCE_MAX.
    """
    return min(float(strategic + regulated + strategic_customer), IMPORTANCE_MAX)


def grade(severity_points: float, money: float | None, days_open: float) -> Severity:
    """Grade of a problem.

    Parameters
    ----------
    severity_points
        Severity points of evidence and importance.
    money
        Money at stake in the base currency; None or NaN if price or rate is not known, which gives no points.
    days_open
        Days since the problem opened.
    """
    points = severity_points + (1.0 if days_open >= PERSISTENT_DAYS else 0.0)
    if money is not None and not math.isnan(money):
        points += sum(1.0 for step in MONEY_STEPS if money >= step)
    return SEVERITIES[sum(1 for step in _GRADE_STEPS if points >= step)]


def rank(severity: Severity) -> int:
    """Position of a grade: 0 low to 3 critical."""
    return SEVERITIES.index(severity)
