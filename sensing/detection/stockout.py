"""Detector stockout_projected: stock does not last until the next goods can arrive.

The window ends with the next due receipt, but not before the lead time is over, since goods ordered today cannot arrive
earlier. Receipts within the window count. The detector opens if, on the worst day of the window, demand exceeds stock
and receipts with a probability of at least ``PROBABILITY_OPEN``. It ends below ``PROBABILITY_CLEARED`` (twice, half a
day apart, so that a receipt that is booked before its shipments does not end it).
"""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import local_date
from sensing.demand.distribution import gamma_upper
from sensing.detection.detector import DAY_MINUTES, Closing, Detector, Evaluation, Hysteresis, ShardParts
from sensing.detection.finding import DetectionContext
from sensing.detection.sentences import number, plural
from sensing.jit import kernel
from sensing.machine_settings import DAY_MS, HOUR_MS
from sensing.supply.plan import Plan
from sensing.supply.projection import known_shortage, lead_days

PROBABILITY_OPEN = 0.5
PROBABILITY_CLEARED = 0.3
HISTORY_DAYS_MIN = 14
"""A level learned from fewer days is too uncertain for an alarm, unless open orders alone exceed the stock."""


@kernel
def expected_shortage(free: float, mean: float, variance: float) -> float:
    """Expected units of demand beyond ``free`` units of stock: E[max(0, demand - free)], demand gamma.

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


def stockout_points(probability: float, days_until: float, days_without: float) -> float:
    """Severity points: probability from .5 and .9, within 3 days, at least 7 days without stock."""
    return (
        (1.0 if probability >= 0.5 else 0.0)
        + (1.0 if probability >= 0.9 else 0.0)
        + (1.0 if days_until <= 3.0 else 0.0)
        + (1.0 if days_without >= 7.0 else 0.0)
    )


class StockoutEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: stock projection of a row, at a day's close or after an event that changed stock, orders or receipts.

    Parameters
    ----------
    current_day
        Local day number before the first day of the projection.
    free
        On-hand less overdue demand, base units; NaN if stock was never counted.
    arriving
        Due receipts through the worst day of the window, base units.
    needed, needed_variance
        Mean and variance of the demand through the worst day of the window.
    probability
        Probability that this demand exceeds ``free`` and ``arriving``.
    stockout_day
        First day on which the mean projection is below zero, 0 being tomorrow; negative: none.
    window_days
        Days until the next receipt, at least the lead time.
    receipt_due
        Whether a receipt is due within the projection.
    until_receipt
        Whether the next receipt ends the window, not the lead time.
    """

    current_day: int
    free: float
    arriving: float
    needed: float
    needed_variance: float
    probability: float
    stockout_day: int
    window_days: int
    receipt_due: bool
    until_receipt: bool

    @property
    def known(self) -> bool:
        """Whether stock was ever counted."""
        return not math.isnan(self.free) and not math.isnan(self.probability)

    @property
    def shortage(self) -> float:
        """Expected lost units through the worst day of the window."""
        return float(expected_shortage(self.free + self.arriving, self.needed, self.needed_variance))

    @property
    def days_until(self) -> int:
        """Days until stock is gone; the window if the mean projection stays above zero."""
        if self.free < 0.0 and self.stockout_day == 0:
            return 0
        return self.stockout_day + 1 if 0 <= self.stockout_day < self.window_days else self.window_days

    @property
    def date(self) -> str:
        """Approximate local date on which stock is gone."""
        return local_date(self.current_day + max(self.days_until, 1))


def could_open(parts: ShardParts, plan: Plan) -> NDArray[np.bool_]:
    """(n,) rows whose projection could open a stock-out."""
    learned = parts.demand.demand["days"][plan.rows] >= HISTORY_DAYS_MIN
    short = np.empty(len(plan.rows), np.bool_)
    known_shortage(plan.on_hand, plan.overdue, plan.open_day, plan.receipts, plan.window_days, short)
    return np.asarray((learned | short) & (plan.stockout_probability >= PROBABILITY_OPEN) & ~np.isnan(plan.on_hand))


def triggers(parts: ShardParts, closing: Closing) -> NDArray[np.bool_]:
    """Rows whose projection could open a stock-out."""
    return could_open(parts, closing.plan)


def stockout_evidence(plan: Plan, at: int) -> StockoutEvidence:
    """Stock projection of the row at position ``at`` of a plan."""
    covered = max(plan.forecast_mean.shape[1], lead_days(plan.lead_time_days_mean[at]))
    due = np.flatnonzero(plan.receipts[at, :covered] > 0)
    window = int(plan.window_days[at])
    return StockoutEvidence(
        current_day=plan.day,
        free=float(plan.on_hand[at] - plan.overdue[at]),
        arriving=float(plan.arriving[at]),
        needed=float(plan.needed[at]),
        needed_variance=float(plan.needed_variance[at]),
        probability=float(plan.stockout_probability[at]),
        stockout_day=int(plan.stockout[at]),
        window_days=window,
        receipt_due=len(due) > 0,
        until_receipt=len(due) > 0 and window == int(due[0]),
    )


def at_close(_: ShardParts, closing: Closing, at: int) -> list[StockoutEvidence]:
    """The projection of one row."""
    return [stockout_evidence(closing.plan, at)]


def evaluate_stockout(evidence: StockoutEvidence) -> Evaluation:
    """Apply the thresholds to a row's projection."""
    known, free, window, shortage = evidence.known, evidence.free, evidence.window_days, evidence.shortage
    # Overdue demand beyond the stock is a shortage even without further demand, unless goods come in time.
    wanted = evidence.needed > 0.0 or free + evidence.arriving < 0.0
    active = known and evidence.probability >= PROBABILITY_OPEN and wanted
    points = stockout_points(evidence.probability, evidence.days_until, window - evidence.days_until)
    return Evaluation(
        active=active,
        cleared=known and not active and evidence.probability <= PROBABILITY_CLEARED,
        severity_points=points if known else 0.0,
        expected=evidence.needed,
        observed=free,
        probability=evidence.probability,
        money_units=shortage,
        route="planner" if evidence.receipt_due else None,
        inform=("buyer",) if evidence.receipt_due else None,
        details={
            "stockout_date": evidence.date if known else None,
            "window_days": window,
            "lost_units": round(shortage, 3) if known else None,
            "receipt_due": int(evidence.receipt_due),
        },
    )


def stockout_sentence(_: DetectionContext, evidence: StockoutEvidence, evaluation: Evaluation) -> str:
    """Sentence: free stock, demand of the window, date and chance of the stock-out, and lost units."""
    if not evidence.known:
        return "On-hand is not known."
    until = "until the next receipt" if evidence.until_receipt else "until goods ordered now can arrive"
    window = f"{plural(evidence.window_days, 'day')} {until}"
    due = f" and {number(evidence.arriving)} due" if evidence.arriving > 0.0 else ""
    stock = f"{number(evidence.free)} free in stock{due} against {number(evidence.needed)} needed in the {window}"
    odds = f"{round(100.0 * evidence.probability)} %"
    if evaluation.cleared:
        return f"Stock is enough again: {stock}, chance of a stock-out {odds}."
    lost = number(evidence.shortage)
    return f"{stock}: a stock-out around {evidence.date}, chance {odds}; about {lost} would be lost."


STOCKOUT_PROJECTED = Detector(
    name="stockout_projected",
    prefix="stockout",
    opens=f"stock and receipts do not last through the lead time and until the next receipt, at a chance of at least"
    f" {PROBABILITY_OPEN:g}",
    ends=f"the chance is at most {PROBABILITY_CLEARED:g}, twice within half a day or more",
    route="buyer",
    inform=("planner",),
    caused_by=("supplier_delay",),
    hysteresis=Hysteresis(1, 2, 12 * HOUR_MS, 2 * DAY_MS, 14 * DAY_MS),
    deadline_minutes=(2 * DAY_MINUTES, DAY_MINUTES, 8 * 60, 2 * 60),
    evaluate=evaluate_stockout,
    sentence=stockout_sentence,
    triggers=triggers,
    at_close=at_close,
)
