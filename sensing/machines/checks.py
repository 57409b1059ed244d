"""From a row's state to the evidence that detectors judge, at closes and on events."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.record import THOUSANDTHS
from sensing.contracts.subjects import problem_key
from sensing.demand.profile import expected_lines
from sensing.demand.record import CLASSES
from sensing.detection.delay import Cause, delay, first_promise
from sensing.detection.drop import drop
from sensing.detection.finding import Finding
from sensing.detection.lines import line_dispersion
from sensing.detection.stockout import PROBABILITY_OPEN, stockout
from sensing.detection.surge import WINDOWS_HOURS, surge
from sensing.machines.outlook import Outlook, outlook
from sensing.machines.report import look_at
from sensing.machines.state import ShardState
from sensing.state.rows import HOURS_KEPT
from sensing.supply.plan import Plan

ENDING = CLASSES.index("ending")
STOCK_HISTORY_DAYS_MIN = 14


def check_surge(
    s: ShardState, row: int, instant: int, event_time: int, causes: tuple[str, ...] = (), closing_day: int | None = None
) -> Finding:
    """Judge the trailing windows of a row: those that end with its newest hour or, at a close, with the closed day."""
    hot, demand = s.rows.hot[row], s.demand.demand[row]
    location = int(hot["location"])
    newest = int(hot["hour"])
    last = newest if closing_day is None else max(newest, closing_day * 24 + 23)
    level, days = float(demand["lines_level"]), float(demand["days"])
    unobserved = s.locations.unobserved
    observed, expected = [], []
    for hours in WINDOWS_HOURS:
        first = max(last - hours + 1, newest - HOURS_KEPT + 1)
        kept = np.arange(first, newest + 1) % HOURS_KEPT
        observed.append(float(hot["hour_lines"][kept].sum()))
        due = expected_lines(s.demand.demand, row, s.demand.pool, location, unobserved, last - hours + 1, last + 1)
        expected.append(float(due))
    dispersion = float(line_dispersion(float(demand["lines_square"]), level, days))
    return surge(
        look_at(s, row, instant, event_time, causes), observed, expected, level, dispersion, days,
        units_per_line(s, row), closing=closing_day is not None,
    )  # fmt: skip


def units_per_line(s: ShardState, row: int) -> float:
    """Typical units of an order line: the geometric mean of the row's sizes; NaN where there was none."""
    hot = s.rows.hot[row]
    return float(np.exp(hot["size_mean"])) if hot["size_count"] > 0 else np.nan


def check_drop(s: ShardState, row: int, instant: int, windows: Any, view: Outlook, at: int) -> Finding:
    """Judge the windows of order lines that end with a closed day; ``at`` is the row's position in the outlook."""
    demand = s.demand.demand[row]
    return drop(
        look_at(s, row, instant, instant), windows["observed"].tolist(), windows["expected"].tolist(),
        int(windows["silence_days"]), float(demand["lines_level"]), float(windows["dispersion"]), float(demand["days"]),
        units_per_line(s, row), ending=int(view.forecast.demand_class[at]) == ENDING,
    )  # fmt: skip


def needs_stock_check(s: ShardState, plan: Plan) -> NDArray[np.bool_]:
    """(n,) rows whose projection could open a stock-out.

    A level learned from a few days says too little to alarm anybody, unless more is owed than there is.
    """
    learned = s.demand.demand["days"][plan.rows] >= STOCK_HISTORY_DAYS_MIN
    short = plan.on_hand < plan.overdue
    return np.asarray((learned | short) & (plan.stockout_probability >= PROBABILITY_OPEN) & ~np.isnan(plan.on_hand))


def check_stock(
    s: ShardState, row: int, instant: int, event_time: int, day: int, plan: Plan, at: int, causes: tuple[str, ...] = ()
) -> Finding:
    """Judge the stock projection of a row; ``at`` is its position in the plan, ``day`` its last closed local day."""
    due = np.flatnonzero(plan.receipts[at] > 0)
    horizon = plan.receipts.shape[1]
    lead_days = min(max(int(np.ceil(plan.lead_time_days_mean[at])), 1), horizon)
    window = int(due[0]) if len(due) else lead_days
    daily = np.maximum(plan.forecast_mean[at], plan.open_day[at])[:window]
    return stockout(
        look_at(s, row, instant, event_time, causes), day, float(plan.on_hand[at] - plan.overdue[at]),
        float(daily.sum()), float(plan.forecast_variance[at][:window].sum()), float(plan.stockout_probability[at]),
        int(plan.stockout[at]), window, receipt_due=len(due) > 0,
    )  # fmt: skip


def check_delays(s: ShardState, row: int, instant: int, day: int, plan: Plan, at: int) -> list[Finding]:
    """Judge every open purchase-order line of a row at the close of ``day``.

    Only where it is overdue or known to be late.
    """
    found = []
    watched = [
        (str(finding.details["po_id"]), str(finding.details["line"]))
        for finding in s.problems.open_findings(row, "supplier_delay")
    ]
    sku, location = s.names_of(row)
    for (po_id, name), line in s.supply.purchases.late(row, day, watched):
        key = problem_key(sku, location, po_id, name)
        promised = first_promise(s.problems.latest("supplier_delay", key), line.promised_day)
        expected = line.promised_day + round(line.shift_days)
        cause: Cause = "overdue" if expected <= day else "promise"
        finding = delay(
            look_at(s, row, instant, instant), po_id, name, s.supply.lanes.names[line.supplier],
            line.open / THOUSANDTHS, promised, expected, day + 1, float(plan.cover_days[at]), cause,
        )  # fmt: skip
        found.append(finding)
    return found


def outlook_of_row(s: ShardState, row: int, now: int) -> Outlook:
    """Forecast and plan of one row, as of now."""
    return outlook(s, np.array([row], np.int64), int(s.rows.hot["closed_day"][row]), now)
