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

from sensing.codec.event_record import NO_DAY
from sensing.codec.instants import date, day_number
from sensing.contracts.exception_details import StockoutDetails
from sensing.demand.distribution import gamma_upper
from sensing.detection.detector import Closing, Detector, Evaluation, Hysteresis, ShardParts
from sensing.detection.finding import DetectionContext, Finding
from sensing.detection.sentences import are, day_name, number, percent, plural
from sensing.jit import kernel
from sensing.machine_settings import DAY_MINUTES, DAY_MS, HOUR_MS
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
    worst_days
        Days through the worst day of the window, after which goods come unless the window ends with it.
    next_receipt_day
        Local day of the next receipt within the projection; NO_DAY: none is due.
    oversold_since
        Local day on which open demand was first found to exceed stock; NO_DAY: it does not.
    free_before, needed_before
        What the open exception last said of ``free`` and ``needed``; NaN: there is none.
    """

    current_day: int
    free: float
    arriving: float
    needed: float
    needed_variance: float
    probability: float
    stockout_day: int
    window_days: int
    worst_days: int
    next_receipt_day: int = NO_DAY
    oversold_since: int = NO_DAY
    free_before: float = math.nan
    needed_before: float = math.nan

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
    def receipt_due(self) -> bool:
        """Whether a receipt is due within the projection."""
        return self.next_receipt_day != NO_DAY

    @property
    def gone_day(self) -> int:
        """Approximate local day on which stock is gone."""
        return self.current_day + max(self.days_until, 1)


def could_open(parts: ShardParts, plan: Plan) -> NDArray[np.bool_]:
    """(n,) rows whose projection could open a stock-out."""
    learned = parts.demand.demand["days"][plan.rows] >= HISTORY_DAYS_MIN
    short = np.empty(len(plan.rows), np.bool_)
    known_shortage(plan.on_hand, plan.overdue, plan.open_day, plan.receipts, plan.window_days, short)
    return np.asarray((learned | short) & (plan.stockout_probability >= PROBABILITY_OPEN) & ~np.isnan(plan.on_hand))


def triggers(parts: ShardParts, closing: Closing) -> NDArray[np.bool_]:
    """Rows whose projection could open a stock-out."""
    return could_open(parts, closing.plan)


def stockout_evidence(plan: Plan, at: int, today: int, known: Finding | None = None) -> StockoutEvidence:
    """Stock projection of the row at position ``at`` of a plan, on local day ``today``.

    ``known`` is the newest finding of the open exception, if there is one.
    """
    covered = max(plan.forecast_mean.shape[1], lead_days(plan.lead_time_days_mean[at]))
    due = np.flatnonzero(plan.receipts[at, :covered] > 0)
    free = float(plan.on_hand[at] - plan.overdue[at])
    return StockoutEvidence(
        current_day=plan.day,
        free=free,
        arriving=float(plan.arriving[at]),
        needed=float(plan.needed[at]),
        needed_variance=float(plan.needed_variance[at]),
        probability=float(plan.stockout_probability[at]),
        stockout_day=int(plan.stockout[at]),
        window_days=int(plan.window_days[at]),
        worst_days=0 if np.isnan(plan.worst_days[at]) else int(plan.worst_days[at]),
        next_receipt_day=plan.day + 1 + int(due[0]) if len(due) else NO_DAY,
        oversold_since=_oversold_since(free, today, known),
        free_before=math.nan if known is None or known.observed is None else known.observed,
        needed_before=math.nan if known is None or known.expected is None else known.expected,
    )


def _oversold_since(free: float, today: int, known: Finding | None) -> int:
    if not free < 0.0:
        return NO_DAY
    before = None if known is None else known.details
    if isinstance(before, StockoutDetails) and before.oversold_since is not None:
        return day_number(before.oversold_since)
    return today


def at_close(parts: ShardParts, closing: Closing, at: int) -> list[StockoutEvidence]:
    """The projection of one row."""
    known = parts.problems.open_findings(int(closing.plan.rows[at]), STOCKOUT_PROJECTED.name)
    return [stockout_evidence(closing.plan, at, closing.plan.day, known[0] if known else None)]


def evaluate_stockout(evidence: StockoutEvidence) -> Evaluation:
    """Apply the thresholds to a row's projection."""
    known, free, shortage = evidence.known, evidence.free, evidence.shortage
    # Overdue demand beyond the stock is a shortage even without further demand, unless goods come in time.
    wanted = evidence.needed > 0.0 or free + evidence.arriving < 0.0
    active = known and evidence.probability >= PROBABILITY_OPEN and wanted
    points = stockout_points(evidence.probability, evidence.days_until, evidence.worst_days - evidence.days_until)
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
        details=StockoutDetails(
            stockout_date=date(evidence.gone_day) if known else None,
            oversold_since=None if evidence.oversold_since == NO_DAY else date(evidence.oversold_since),
            next_receipt_date=date(evidence.next_receipt_day) if evidence.receipt_due else None,
            window_days=evidence.window_days,
            needed_days=evidence.worst_days if known else None,
            lost_units=round(shortage, 3) if known else None,
            receipt_due=evidence.receipt_due,
        ),
    )


def stockout_sentence(_: DetectionContext, evidence: StockoutEvidence, evaluation: Evaluation) -> str:
    """Sentence: free stock, demand through the worst day, date and chance of a stock-out, next receipt, lost units."""
    if not evidence.known:
        return "The stock is not known."
    today, free, needed = evidence.current_day, evidence.free, evidence.needed
    due = f" and {number(evidence.arriving)} due" if evidence.arriving > 0.0 else ""
    stock = f"{number(free)} free in stock{due}"
    window, odds = _window(evidence), percent(evidence.probability)
    if evaluation.cleared:
        return (
            f"Stock is enough again{_why(evidence)}: {stock} against {number(needed)} needed {window}; the chance of a"
            f" stock-out is {odds}."
        )
    lost = f"about {number(evidence.shortage)} would be lost"
    if free < 0.0:
        since = f" since {day_name(evidence.oversold_since, today)}" if evidence.oversold_since != NO_DAY else ""
        more = f" Another {number(needed)} {are(needed)} needed {window}." if number(needed) != "0" else ""
        return f"Oversold by {number(-free)}{since}; {_receipt(evidence, due)}.{more} {lost[0].upper()}{lost[1:]}."
    likely = "likely" if evaluation.active else "possible"
    return (
        f"A stock-out is {likely} around {day_name(evidence.gone_day, today)} ({odds}): {stock} against"
        f" {number(needed)} needed {window}; {_receipt(evidence)}; {lost}."
    )


def _window(evidence: StockoutEvidence) -> str:
    """The days of which the need is stated."""
    following = evidence.current_day + 1 + evidence.worst_days
    if following == evidence.next_receipt_day:
        until = "until the next receipt"
    elif evidence.worst_days < evidence.window_days:
        until = f"until the receipt of {day_name(following, evidence.current_day)}"
    else:
        until = "until goods ordered now can arrive"
    days = "day" if evidence.worst_days == 1 else plural(evidence.worst_days, "day")
    return f"in the {days} {until}"


def _receipt(evidence: StockoutEvidence, due: str = "") -> str:
    if not evidence.receipt_due:
        return "no receipt is due"
    arriving = f" ({due.removeprefix(' and ')})" if due else ""
    return f"next receipt {day_name(evidence.next_receipt_day, evidence.current_day)}{arriving}"


def _why(evidence: StockoutEvidence) -> str:
    """Which of stock and need has changed more since the exception last spoke; empty if neither has."""
    more, less = evidence.free - evidence.free_before, evidence.needed_before - evidence.needed
    if more >= max(less, 1.0):
        return f", since free stock rose from {number(evidence.free_before)} to {number(evidence.free)}"
    if less >= max(more, 1.0):
        return f", since the need fell from {number(evidence.needed_before)} to {number(evidence.needed)}"
    return ""


STOCKOUT_PROJECTED = Detector(
    name="stockout_projected",
    prefix="stockout",
    opens=f"stock and receipts do not last through the lead time and until the next receipt, at a chance of at least"
    f" {PROBABILITY_OPEN:g}",
    ends=f"the chance is at most {PROBABILITY_CLEARED:g}, twice within half a day or more",
    route="buyer",
    inform=("planner",),
    details=StockoutDetails,
    caused_by=("supplier_delay",),
    hysteresis=Hysteresis(1, 2, 12 * HOUR_MS, 7 * DAY_MS, 14 * DAY_MS),
    deadline_minutes=(2 * DAY_MINUTES, DAY_MINUTES, 8 * 60, 2 * 60),
    evaluate=evaluate_stockout,
    sentence=stockout_sentence,
    triggers=triggers,
    at_close=at_close,
)
