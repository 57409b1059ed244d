"""Detector demand_drop: far fewer order lines than before, over 7 days, 14 days, or since the last line (slow movers).

It runs at a row's day close. The smoothed level has already begun to follow a drop. So a window is compared with the
level before it, which follows from today's level and the window's lines (`expected_before`).

A drop opens on the second close in a row at which, for one window, all hold: a chance of at most ``PROBABILITY_MAX`` of
so few lines, at most ``SHARE_MAX`` of the expected ones, at least ``EXPECTED_MIN`` expected, ``HISTORY_DAYS_MIN`` days
of history. On days on which the location is closed or silent, or the row out of stock, no lines are expected. If the
demand class is `ending`, few lines are normal: an open drop resolves and no other opens.

Figures on Online Retail (19,510 item-countries, 3.8 million judged row-days): 0.33 openings per 1,000 row-days, two
thirds of them in the shop's own Christmas closing, which the imitation did not know of; 0.11 without. Items silenced on
a random day, found within 28 days: of those with 3 lines a day 98 % (median after 4 days), 1 line a day 98 % (9 days),
0.3 lines a day 42 % (18 days); cut to 30 % at 3 lines a day 58 % (8 days). Against today's level it would have been 98,
37 and 0 % at three times the probability.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import date
from sensing.contracts.exception_details import DropDetails
from sensing.demand.demand_record import CLASSES
from sensing.detection.detector import Closing, Detector, Evaluation, Hysteresis, ShardParts
from sensing.detection.finding import DetectionContext
from sensing.detection.sentences import chance, counted, day_name, number, plural, were
from sensing.detection.severity import lift_points
from sensing.detection.window_statistics import few_probability, reported_window, units_per_line
from sensing.jit import kernel
from sensing.machine_settings import DAY_MINUTES, DAY_MS

WINDOWS_DAYS = (7, 14)
PROBABILITY_MAX = 3e-3
SHARE_MAX = 0.5
EXPECTED_MIN = 4.0
HISTORY_DAYS_MIN = 28.0
SHARE_CLEARED = 0.7
PROBABILITY_CLEARED = 0.03
"""A drop is over when no window holds less than SHARE_OVER of its lines at a chance of at most this."""
LEVEL_RATE = 0.05
"""Rate at which `sensing.demand.row_statistics.learn_lines` moves the level of lines."""
_AVERAGE_DAYS_MAX = 60.0
_ENDING = CLASSES.index("ending")


@kernel
def expected_before(expected: float, observed: float, lines_level: float) -> float:
    """Lines that a window would have held at the level before it.

    Parameters
    ----------
    expected
        Lines of the window at today's level; divided by ``lines_level`` it is the window's weight in average days, at
        most 60.
    observed
        Lines in the window, taken as evenly spread.
    lines_level
        Today's level of lines per average day, smoothed at ``LEVEL_RATE``.

    Notes
    -----
    After w average days at the rate r a level L has become q L + (1 - q) r with q = (1 - LEVEL_RATE)^w; solved for L.
    """
    if not (lines_level > 0.0 and expected > 0.0):
        return 0.0
    days = min(expected / lines_level, _AVERAGE_DAYS_MAX)
    kept = (1.0 - LEVEL_RATE) ** days
    level = (lines_level - (1.0 - kept) * observed / days) / kept
    return float(max(0.0, level) * days)


@kernel
def is_drop(observed: float, expected: float, dispersion: float, window_days: float, history_days: float) -> bool:
    """Whether the opening threshold of the module docstring holds; ``expected`` comes from `expected_before`."""
    if history_days < HISTORY_DAYS_MIN or expected < EXPECTED_MIN or observed > SHARE_MAX * expected:
        return False
    return few_probability(observed, expected, dispersion, window_days, history_days) <= PROBABILITY_MAX


@kernel
def is_low(observed: float, expected: float, dispersion: float, window_days: float, history_days: float) -> bool:
    """Whether a window keeps an open drop open (the lower threshold)."""
    if expected < EXPECTED_MIN or observed > SHARE_CLEARED * expected:
        return False
    return few_probability(observed, expected, dispersion, window_days, history_days) <= PROBABILITY_CLEARED


class DropEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Order lines of the windows that end with a closed day.

    Parameters
    ----------
    observed, expected
        Lines and, at today's level, expected lines of three windows: 7 days, 14 days, the days since the last line.
    silence_days
        Observed days since the last line, of which the third window consists; 0 when there was one today.
    lines_level, dispersion, history_days
        Of the row's lines, as in `sensing.detection.window_statistics`.
    units_per_line
        Typical units of a line, for the money; NaN unknown.
    ending
        Whether the demand class is `ending`, or the last day of the item is over.
    closed_day
        Local day that has closed.
    last_line_day
        Local day of the last order line.
    """

    observed: Sequence[float]
    expected: Sequence[float]
    silence_days: int
    lines_level: float
    dispersion: float
    history_days: float
    units_per_line: float = math.nan
    ending: bool = False
    closed_day: int
    last_line_day: int

    @property
    def days_since(self) -> int:
        """Days since the last order line, whether observed or not."""
        return self.closed_day - self.last_line_day


def triggers(_: ShardParts, closing: Closing) -> NDArray[np.bool_]:
    """Rows with a window that is a drop."""
    return np.asarray(closing.windows["dropped"] == 1)


def at_close(parts: ShardParts, closing: Closing, at: int) -> list[DropEvidence]:
    """Windows of one row that end with the closed day."""
    row, windows = int(closing.plan.rows[at]), closing.windows[at]
    demand = parts.demand.demand[row]
    over = bool(closing.plan.day >= closing.plan.policy["last_day"][at])
    evidence = DropEvidence(
        observed=windows["observed"].tolist(),
        expected=windows["expected"].tolist(),
        silence_days=int(windows["silence_days"]),
        lines_level=float(demand["lines_level"]),
        dispersion=float(windows["dispersion"]),
        history_days=float(demand["days"]),
        units_per_line=units_per_line(parts.rows.hot[row]),
        ending=int(closing.demand_class[at]) == _ENDING or over,
        closed_day=closing.plan.day,
        # Lines that were cancelled are not among those that are counted, though they came.
        last_line_day=min(parts.last_line_day(row), closing.plan.day - int(windows["silence_days"])),
    )
    return [evidence]


def evaluate_drop(evidence: DropEvidence) -> Evaluation:
    """Compare the windows with the lines that were usual before them."""
    dispersion, history = evidence.dispersion, evidence.history_days
    windows = [
        (float(n), expected_before(float(e), float(n), evidence.lines_level), float(length))
        for n, e, length in zip(
            evidence.observed, evidence.expected, (*WINDOWS_DAYS, evidence.silence_days), strict=True
        )
        if length > 0
    ]
    chances = [few_probability(n, e, dispersion, length, history) for n, e, length in windows]
    hits = [is_drop(n, e, dispersion, length, history) for n, e, length in windows]
    low = any(is_low(n, e, dispersion, length, history) for n, e, length in windows)
    at = reported_window(hits, chances)
    n, e, length = windows[at]
    return Evaluation(
        active=any(hits) and not evidence.ending,
        cleared=not low and not any(hits) and not evidence.ending,
        final=evidence.ending,
        resolution="item_ending" if evidence.ending else "back_to_normal",
        severity_points=lift_points(e / max(n, 1.0), chances[at]),
        expected=e,
        observed=n,
        probability=chances[at],
        window_hours=24 * int(length),
        money_units=max(0.0, e - n) * evidence.units_per_line,
        details=DropDetails(
            window_days=int(length), silence_days=evidence.days_since, last_line_date=date(evidence.last_line_day)
        ),
    )


def drop_sentence(_: DetectionContext, evidence: DropEvidence, evaluation: Evaluation) -> str:
    """Sentence: lines of the reported window, usual lines before it, the chance, and the day of the last line.

    When a drop is over it says whether orders are back: only a window in which many are expected and come proves it.
    """
    n, usual = evaluation.observed, evaluation.expected
    lines = _lines(n, usual, (evaluation.window_hours or 0) / 24)
    last = f"the last order line came {_ago(evidence)}"
    if evidence.ending:
        return f"Demand for the item is ending, so few orders are normal now: {lines}; {last}."
    if not evaluation.cleared:
        return f"{lines[0].upper()}{lines[1:]} ({chance(evaluation.probability)}); {last}."
    back = _back(evidence)
    if back is not None:
        return f"Orders are back: {_lines(*back)}."
    if usual < EXPECTED_MIN:
        weekly = 7.0 * evidence.lines_level
        return (
            f"Few orders are the new normal: {last}, and only {counted(weekly, 'order line')} a week"
            f" {were(weekly)} usual since."
        )
    return f"Orders stay low but are not unusual any more: {lines} ({chance(evaluation.probability)}); {last}."


def _lines(observed: float, usual: float, days: float) -> str:
    span = "day" if days == 1.0 else f"{number(days)} days"
    lines = counted(observed, "order line")
    return f"{lines} in the last {span} where {number(usual)} {were(usual)} usual before"


def _back(evidence: DropEvidence) -> tuple[float, float, float] | None:
    """Lines, usual lines and days of the first window that shows that orders are back; None if none does."""
    for n, e, days in zip(evidence.observed, evidence.expected, WINDOWS_DAYS, strict=False):
        usual = expected_before(float(e), float(n), evidence.lines_level)
        if usual >= EXPECTED_MIN and n > SHARE_CLEARED * usual:
            return float(n), usual, float(days)
    return None


def _ago(evidence: DropEvidence) -> str:
    days = evidence.days_since
    if days == 0:
        return "today"
    return f"{plural(days, 'day')} ago, on {day_name(evidence.last_line_day, evidence.closed_day)}"


DEMAND_DROP = Detector(
    name="demand_drop",
    prefix="drop",
    opens=f"at most {SHARE_MAX:g} of the order lines that were usual before, over 7 or 14 days or since the last line,"
    f" at a chance of at most {PROBABILITY_MAX:g}; at two closes",
    ends=f"no window holds less than {SHARE_CLEARED:g} of its lines at two closes, or the item is ending",
    route="planner",
    inform=("commercial",),
    details=DropDetails,
    hysteresis=Hysteresis(2, 2, 0, 7 * DAY_MS, 35 * DAY_MS),
    deadline_minutes=(7 * DAY_MINUTES, 5 * DAY_MINUTES, 3 * DAY_MINUTES, 2 * DAY_MINUTES),
    evaluate=evaluate_drop,
    sentence=drop_sentence,
    triggers=triggers,
    at_close=at_close,
)
