"""Detector order_surge: more order lines in the last 24 or 72 hours than usual for these hours, or far larger ones.

Lines are counted, not units: Online Retail's A items have a daily variance/mean of 1.6 for lines and 93 for units, so a
test on units would see a surge days later or not at all. The expected count is that of exactly the hours of the window
(usual lines x weekday x hour of day), so the usual rush on Monday 9 a.m. is no surge. Usual lines and their spread are
those from before the window, and days far out of line moved them little.

A surge opens when all of these hold, for one window at least, or when lines are far larger than usual, one after the
other (`sensing.detection.order_size`):

- the chance of so many lines is at most the window's ``PROBABILITY_MAX``,
- there are at least ``LIFT_MIN`` times the expected lines and at least ``LINES_MIN``,
- the row has at least ``HISTORY_DAYS_MIN`` days of history.

False-alarm budget: 0.5 openings per 1,000 row-days on stationary rows of any volume. `python -m benchmarks surges`
measures it, and the share of surges that are found, on synthetic and real rows.

Per event only two integers are compared: `surge_threshold` gives, at a day's close, a count that no surge of the next
day can be below; lines beyond it get the full test, and no opening is missed by it.

The expected lines of days of an approved promotion are multiplied by its uplift. What this explains is suppressed and
counted, and what goes beyond is still raised.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import THOUSANDTHS
from sensing.contracts.exception_details import SurgeDetails
from sensing.demand.distribution import tail_probability
from sensing.demand.row_statistics import usual_lines
from sensing.detection.detector import Closing, Detector, Evaluation, Hysteresis, ShardParts
from sensing.detection.finding import DetectionContext
from sensing.detection.order_size import RUN_MIN, run_chance
from sensing.detection.promoted_lines import expected_with_promotions
from sensing.detection.sentences import are, chance, counted, number, plural
from sensing.detection.severity import lift_points
from sensing.detection.window_statistics import (
    HISTORY_DAYS_MAX,
    line_dispersion,
    reported_window,
    units_per_line,
    window_variance,
)
from sensing.jit import kernel
from sensing.machine_settings import DAY_MINUTES, DAY_MS
from sensing.state.rows import DAYS_KEPT, HOURS_KEPT, RECENT_DAYS

WINDOWS_HOURS = (24, 72)
CUSTOMER_BITS = 64.0
PROBABILITY_MAX = (4e-4, 1e-3)
"""A window of a day is as good as another one several times a day, so its chance must be smaller."""
DRIFT = 0.1
"""Standard deviation of the level since it was learned, as a share of it."""
LIFT_MIN = 1.6
LINES_MIN = 5.0
LIFT_CLEARED = 1.3
"""A surge is over when, at a day's close, no window has this many times its expected lines."""
RUN_CLEARED = RUN_MIN / 3.0
"""Sum of deviations of sizes at which lines are of usual size again."""
HISTORY_DAYS_MIN = 14.0
STEP = 1.5
"""An open surge is evaluated again when its count has grown by this factor."""
THRESHOLD_NONE = 65535
"""Threshold of a row whose lines are not tested yet; it fits two bytes."""
_EXPECTED_SHARE_MIN = 0.25
_UNSEEN_LINES = 0.5


@kernel
def baseline_lines(expected: float, lines_level: float, window_days: float, history_days: float) -> float:
    """Baseline: expected lines that a count is compared with.

    It is at least a quarter of an average window, so that a single order on a closed day is no surge. Half a line per
    history is added, since a row without lines for n days still has a rate (Jeffreys' prior of a Poisson rate).
    """
    usual = max(expected, _EXPECTED_SHARE_MIN * lines_level * window_days)
    return usual + _UNSEEN_LINES * window_days / max(history_days, 1.0)


@kernel
def surge_probability(
    observed: float, expected: float, lines_level: float, dispersion: float, window_days: float, history_days: float
) -> float:
    """Chance of at least ``observed`` lines in a window.

    Parameters
    ----------
    observed, expected
        Lines in the window and those due in exactly its hours.
    lines_level
        Lines per average day.
    dispersion
        Variance-to-mean ratio of the row's daily lines (`line_dispersion`).
    window_days, history_days
        Length of the window and days the level was learned from.
    """
    mean = baseline_lines(expected, lines_level, window_days, history_days)
    history = min(history_days, HISTORY_DAYS_MAX)
    return tail_probability(observed, mean, window_variance(mean, dispersion, window_days, history, DRIFT))


@kernel
def is_surge(
    observed: float, expected: float, lines_level: float, dispersion: float, window_days: float, history_days: float
) -> bool:
    """Whether the opening threshold of the module docstring holds; arguments as in `surge_probability`."""
    if history_days < HISTORY_DAYS_MIN or observed < LINES_MIN:
        return False
    if observed < LIFT_MIN * baseline_lines(expected, lines_level, window_days, history_days):
        return False
    limit = PROBABILITY_MAX[0] if window_days <= 1.0 else PROBABILITY_MAX[1]
    return surge_probability(observed, expected, lines_level, dispersion, window_days, history_days) <= limit


@kernel
def surge_threshold(
    expected_min: float, lines_level: float, dispersion: float, window_days: float, history_days: float
) -> int:
    """Smallest count that is a surge with ``expected_min`` expected lines; ``THRESHOLD_NONE`` if no count is.

    With the smallest expected count of all windows that end on the coming day, this is a lower bound for the critical
    counts of that day, since the critical count grows with the expected count.
    """
    if history_days < HISTORY_DAYS_MIN:
        return THRESHOLD_NONE
    low = int(LINES_MIN) - 1
    high = low + 1
    while not is_surge(high, expected_min, lines_level, dispersion, window_days, history_days):
        low = high
        high *= 2
        if high >= THRESHOLD_NONE:
            return THRESHOLD_NONE
    while high - low > 1:
        middle = (low + high) // 2
        if is_surge(middle, expected_min, lines_level, dispersion, window_days, history_days):
            high = middle
        else:
            low = middle
    return high


def surge_step(observed: float) -> int:
    """Threshold after a surge was published: the count from which it is evaluated again."""
    return min(THRESHOLD_NONE, math.ceil(STEP * observed))


class SurgeEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence: order lines of the windows that end now.

    Parameters
    ----------
    observed, expected
        Lines per window, in the order of ``WINDOWS_HOURS``.
    lines_level, dispersion, history_days
        As in `surge_probability`.
    units_per_line
        Typical units of a line, for the money; NaN unknown.
    closing
        True at a day's close: only then can a surge be over.
    units, customers
        Units ordered on the local days of each window, and about how many customers ordered them; NaN unknown. A window
        has no more customers than lines.
    usual, promotions
        Expected lines without promotions, and the promotions in the longest window, in words.
    size_run, usual_size
        Sum of the deviations of the sizes of the newest lines (`sensing.detection.order_size`), and the mean units of a
        usual line; NaN unknown.
    """

    observed: Sequence[float]
    expected: Sequence[float]
    lines_level: float
    dispersion: float
    history_days: float
    units_per_line: float = math.nan
    closing: bool = False
    units: Sequence[float] = (math.nan, math.nan)
    customers: Sequence[float] = (math.nan, math.nan)
    usual: Sequence[float] = ()
    promotions: str = ""
    size_run: float = 0.0
    usual_size: float = math.nan


def customers_of(bits: NDArray[np.uint64]) -> float:
    """About how many customers have set their bit in any of the 64-bit sets ``bits`` (n,); NaN if none has.

    Source: Whang, Vander-Zanden and Taylor (1990), A linear-time probabilistic counting algorithm, ACM TODS 15(2).
    """
    count = int(np.bitwise_or.reduce(bits, initial=0)).bit_count() if len(bits) else 0
    if count == 0:
        return math.nan
    return float(round(-CUSTOMER_BITS * math.log(1.0 - min(count, CUSTOMER_BITS - 0.5) / CUSTOMER_BITS)))


def surge_evidence(parts: ShardParts, row: int, closing_day: int | None = None) -> SurgeEvidence:
    """Windows of a row that end with its newest hour or, at a close, with the closed day."""
    hot, demand = parts.rows.hot[row], parts.demand.demand
    newest = int(hot["hour"])
    last = newest if closing_day is None else max(newest, closing_day * 24 + 23)
    level, days = float(usual_lines(demand, row)), float(demand["days"][row])
    observed, usual, expected, units, customers, promotions = [], [], [], [], [], ""
    for hours in WINDOWS_HOURS:
        first = max(last - hours + 1, newest - HOURS_KEPT + 1)
        kept = np.arange(first, newest + 1) % HOURS_KEPT
        observed.append(float(hot["hour_lines"][kept].sum()))
        due = expected_with_promotions(parts, row, last - hours + 1, last + 1)
        usual.append(due.usual)
        expected.append(due.expected)
        promotions = due.promotions  # of the longest window
        days_of = np.arange(max((last - hours + 1) // 24, int(hot["day"]) - RECENT_DAYS + 1), int(hot["day"]) + 1)
        units.append(float(hot["day_quantity"][days_of % DAYS_KEPT].sum()) / THOUSANDTHS)
        customers.append(customers_of(hot["customers"][days_of % RECENT_DAYS]))
    return SurgeEvidence(
        observed=observed,
        expected=expected,
        lines_level=level,
        dispersion=float(line_dispersion(float(demand["lines_square"][row]), level, days)),
        history_days=days,
        units_per_line=units_per_line(hot),
        closing=closing_day is not None,
        units=units,
        customers=customers,
        usual=usual,
        promotions=promotions,
        size_run=float(hot["size_run"]),
        usual_size=float(np.exp(hot["size_mean"] + hot["size_variance"] / 2.0)) if hot["size_count"] > 0 else math.nan,
    )


def is_explained(evidence: SurgeEvidence) -> bool:
    """Whether the windows would be a surge without promotions and are none with them."""
    if not evidence.promotions:
        return False
    without = msgspec.structs.replace(evidence, expected=evidence.usual)
    return evaluate_surge(without).active and not evaluate_surge(evidence).active


def explained_thresholds(parts: ShardParts, row: int, evidence: SurgeEvidence) -> list[int]:
    """Smallest counts that the promotions of the rest of the row's local day do not explain, per window."""
    newest = int(parts.rows.hot["hour"][row])
    found = []
    for at, hours in enumerate(WINDOWS_HOURS):
        least = min(
            expected_with_promotions(parts, row, last - hours + 1, last + 1).expected
            for last in range(newest, newest // 24 * 24 + 24)
        )
        # Rounding must not lift the threshold above a count that is a surge.
        threshold = surge_threshold(
            max(least - 1e-9, 0.0), evidence.lines_level, evidence.dispersion, hours / 24.0, evidence.history_days
        )
        found.append(min(max(int(threshold), int(evidence.observed[at]) + 1), THRESHOLD_NONE))
    return found


def at_close(parts: ShardParts, closing: Closing, at: int) -> list[SurgeEvidence]:
    """Windows that end with the closed day."""
    return [surge_evidence(parts, int(closing.plan.rows[at]), closing.plan.day)]


def surging_windows(evidence: SurgeEvidence) -> list[bool]:
    """Whether the lines of each window are a surge, whatever their sizes."""
    level, dispersion, history = evidence.lines_level, evidence.dispersion, evidence.history_days
    windows = zip(evidence.observed, evidence.expected, WINDOWS_HOURS, strict=True)
    return [is_surge(float(n), float(e), level, dispersion, h / 24.0, history) for n, e, h in windows]


def evaluate_surge(evidence: SurgeEvidence) -> Evaluation:
    """Apply the thresholds to the two windows that end now, and to the sizes of the newest lines."""
    level, dispersion, history = evidence.lines_level, evidence.dispersion, evidence.history_days
    windows = list(zip(evidence.observed, evidence.expected, WINDOWS_HOURS, strict=True))
    chances = [surge_probability(float(n), float(e), level, dispersion, h / 24.0, history) for n, e, h in windows]
    hits = surging_windows(evidence)
    at = reported_window(hits, chances)
    larger = evidence.size_run >= RUN_MIN
    over = (
        evidence.closing
        and evidence.size_run <= RUN_CLEARED
        and not any(
            n >= LINES_MIN and n >= LIFT_CLEARED * baseline_lines(float(e), level, h / 24.0, history)
            for n, e, h in windows
        )
    )
    n, e, hours = float(evidence.observed[at]), float(evidence.expected[at]), WINDOWS_HOURS[at]
    lift = n / baseline_lines(e, level, hours / 24.0, history)
    size_lift = evidence.units[at] / (n * evidence.usual_size) if larger and n > 0.0 else math.nan
    by_size = larger and not any(hits)
    probability = run_chance(evidence.size_run) if by_size else chances[at]
    money_units = max(0.0, n - e) * evidence.units_per_line
    details = SurgeDetails(
        window_hours=hours,
        lift=round(lift, 3),
        units=_known(evidence.units[at]),
        customers=None if math.isnan(evidence.customers[at]) else round(min(evidence.customers[at], n)),
        promotions=evidence.promotions or None,
        size_lift=_known(size_lift),
    )  # fmt: skip
    return Evaluation(
        active=any(hits) or larger,
        cleared=over,
        severity_points=lift_points(size_lift if by_size and size_lift > 0.0 else lift, probability),
        expected=e,
        observed=n,
        probability=probability,
        window_hours=hours,
        money_units=max(0.0, evidence.units[at] - e * evidence.usual_size) if by_size else money_units,
        details=details,
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)


def surge_sentence(_: DetectionContext, evidence: SurgeEvidence, evaluation: Evaluation) -> str:
    """Sentence: lines of the reported window, usual lines of its hours, and the chance."""
    n, e, hours = evaluation.observed, evaluation.expected, evaluation.window_hours or 0
    details = evaluation.details
    assert isinstance(details, SurgeDetails)
    lines = counted(n, "order line")
    if evaluation.active and details.customers is not None:
        lines += f" from about {plural(details.customers, 'customer')}"
    said = f"{lines} in the last {hours} hours where {number(e)} {are(e)} usual for these hours"
    if evidence.promotions:
        said += f" with promotion {evidence.promotions}"
    if evaluation.cleared:
        return f"The surge is over: {said}."
    if not evaluation.active:
        return f"The surge ebbs but is not over: {said}."
    if details.size_lift is not None and details.units is not None:
        said += f", of {number(details.units)} units, {number(details.size_lift)} times the usual size of a line"
        if not any(surging_windows(evidence)):
            return f"{said} ({chance(evaluation.probability)})."
    return f"{said}, {number(details.lift)} times as many ({chance(evaluation.probability)})."


ORDER_SURGE = Detector(
    name="order_surge",
    prefix="surge",
    opens=f"at least {LINES_MIN:g} order lines and {LIFT_MIN:g} times those that the last 24 or 72 hours explain, at a"
    f" chance of at most {PROBABILITY_MAX[0]:g} or {PROBABILITY_MAX[1]:g}; or"
    " lines far larger than usual, one after the other",
    ends=f"no window holds {LIFT_CLEARED:g} times its lines at a day's close, and lines have their usual size",
    route="planner",
    details=SurgeDetails,
    hysteresis=Hysteresis(1, 1, 0, 3 * DAY_MS, 14 * DAY_MS),
    deadline_minutes=(2 * DAY_MINUTES, DAY_MINUTES, 8 * 60, 2 * 60),
    evaluate=evaluate_surge,
    sentence=surge_sentence,
    at_close=at_close,
)
