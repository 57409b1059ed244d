"""stockout_projected: stock does not last until the next goods can arrive.

The window ends with the next due receipt or, where none is due, after the lead time: what is ordered today cannot come
earlier. Opens at a chance of at least ``PROBABILITY_OPEN`` that the window needs more than there is, ends below
``PROBABILITY_OVER`` (twice, half a day apart, so that one receipt booked before its shipments ends nothing).
"""

import math

from sensing.codec.instants import local_date
from sensing.contracts.subjects import problem_key
from sensing.demand.distribution import gamma_upper
from sensing.detection.finding import Finding, Look
from sensing.detection.sentences import number, plural
from sensing.detection.severity import stockout_strength
from sensing.jit import kernel

PROBABILITY_OPEN = 0.5
PROBABILITY_OVER = 0.3


@kernel
def expected_shortage(free: float, mean: float, variance: float) -> float:
    """Units by which a demand is expected to exceed ``free`` units of stock: E[max(0, demand - free)], demand gamma.

    Returns
    -------
    float
        Units; NaN where an argument is NaN.

    Notes
    -----
    With shape k and scale s of the gamma: mean Q(k + 1, free / s) - free Q(k, free / s).
    """
    if math.isnan(free) or math.isnan(mean) or math.isnan(variance):
        return math.nan
    if mean <= 0.0:
        return max(0.0, -free)
    if free <= 0.0 or variance <= 0.0:
        return max(0.0, mean - free)
    shape = mean * mean / variance
    x = free * mean / variance
    return max(0.0, mean * gamma_upper(shape + 1.0, x) - free * gamma_upper(shape, x))


def stockout(
    look: Look,
    today: int,
    free: float,
    needed: float,
    needed_variance: float,
    probability: float,
    stockout_day: int,
    window_days: int,
    *,
    receipt_due: bool,
) -> Finding:
    """Judge a row's projection, at a day's close and after an event that moved its stock, its orders or its receipts.

    Parameters
    ----------
    look
        Who, when, price, cause.
    today
        Local day number before the first day of the projection.
    free
        On-hand less what is owed already, base units; NaN where on-hand was never told.
    needed, needed_variance
        Mean and variance of the demand in the window.
    probability
        Chance that the window needs more than ``free``.
    stockout_day
        First day on which the mean projection is below zero, 0 being tomorrow; negative: none.
    window_days
        Days until the next receipt (``receipt_due``) or, where none is due, the lead time.
    """
    known = not math.isnan(free) and not math.isnan(probability)
    # What is owed beyond the stock is short whether or not more will be asked for, unless goods come tomorrow.
    wanted = needed > 0.0 or (free < 0.0 and window_days > 0)
    active = known and probability >= PROBABILITY_OPEN and wanted
    over = known and not active and probability <= PROBABILITY_OVER
    shortage = expected_shortage(free, needed, needed_variance)
    if free < 0.0:
        days_until = 0
    else:
        days_until = stockout_day + 1 if 0 <= stockout_day < window_days else window_days
    date = local_date(today + max(days_until, 1))
    until = "until the next receipt" if receipt_due else "until goods ordered now can arrive"
    if not known:
        reason = "On-hand is not known."
    else:
        stock = (
            f"{number(free)} free in stock against {number(needed)} needed in the {plural(window_days, 'day')} {until}"
        )
        odds = f"{round(100.0 * probability)} %"
        reason = f"{stock}: a stock-out around {date}, chance {odds}; about {number(shortage)} would be lost."
        if over:
            reason = f"Stock is enough again: {stock}, chance of a stock-out {odds}."
    return look.finding(
        "stockout_projected",
        key=problem_key(look.sku, look.location),
        active=active,
        cleared=over,
        strength=stockout_strength(probability, days_until, window_days - days_until) if known else 0.0,
        expected=needed,
        observed=free,
        probability=probability,
        window_hours=None,
        money_units=shortage,
        reason=reason,
        route="buyer" if not receipt_due else "planner",
        inform=("planner",) if not receipt_due else ("buyer",),
        details={
            "stockout_date": date if known else None,
            "window_days": window_days,
            "lost_units": round(shortage, 3) if known else None,
            "receipt_due": int(receipt_due),
        },
    )
