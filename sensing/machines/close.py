"""The close of a local day: models are scored and learn, rows are planned, what is wrong is raised or resolved, what moved is published."""

import numpy as np
from numpy.typing import NDArray

from sensing.contracts.exceptions import ExceptionType
from sensing.contracts.parameters import PlanningParameters
from sensing.demand.record import METHODS
from sensing.detection.finding import Finding
from sensing.machines.checks import check_delays, check_drop, check_stock, check_surge, needs_stock_check
from sensing.machines.day import inputs_of
from sensing.machines.outlook import LEVELS, Outlook, outlook, part
from sensing.machines.report import observe, put_exception, put_parameters
from sensing.machines.schedule import Due
from sensing.machines.state import ShardState
from sensing.machines.watch import set_floors
from sensing.machines.windows import WINDOWS, read_windows
from sensing.state.rows import DAYS_KEPT

Integers = NDArray[np.int64]


def close_due(s: ShardState, due: Due) -> None:
    """Close the rows that are due, and fold their pools when the hour is over."""
    hot = s.rows.hot
    closing = (hot["born"][due.rows] == 1) & (hot["closed_day"][due.rows] < due.day)
    rows, instants = due.rows[closing], due.instants[closing]
    if len(rows):
        _catch_up(s, rows, due.day)
        _learn(s, rows, due.day)
        # Plans are as of the day's end: which rows happen to close in one call must not show.
        view = outlook(s, rows, due.day, s.zones.day_end(due.zone, due.day))
        _judge_and_publish(s, rows, instants, view, due.day)
    if due.fold:
        locations = s.locations.in_zone(due.zone)
        s.demand.fold_pools(locations, due.day)
        s.locations.fold(locations, due.day)


def _catch_up(s: ShardState, rows: Integers, day: int) -> None:
    """Rows that were born by a late event, after their slot of an earlier day had passed, first learn the days they missed."""
    closed = s.rows.hot["closed_day"]
    for missed in range(int(closed[rows].min()) + 1, day):
        _learn(s, rows[closed[rows] < missed], missed)


def _learn(s: ShardState, rows: Integers, day: int) -> None:
    inputs = inputs_of(s, rows, day)
    s.locations.idle[inputs.pool, day % DAYS_KEPT] = inputs.missing
    s.demand.close_day(rows, inputs)
    s.rows.hot["closed_day"][rows] = day


def _judge_and_publish(s: ShardState, rows: Integers, instants: Integers, view: Outlook, day: int) -> None:
    """Findings and documents of all rows, put out in the order of (instant, row)."""
    set_floors(s.tables(), rows, day)
    windows = np.zeros(len(rows), WINDOWS)
    read_windows(s.rows.hot, s.demand.demand, s.demand.pool, s.locations.idle, rows, day, windows)
    late = s.supply.supply["on_order"][rows] > 0
    stock = needs_stock_check(view.plan)
    concerned = np.array([s.problems.concerns(row) for row in rows.tolist()], np.bool_)
    documents = {} if s.muted else documents_of(s, view)
    for at in np.flatnonzero(concerned | late | stock | (windows["dropped"] == 1) | _in(documents, len(rows))).tolist():
        row, instant = int(rows[at]), int(instants[at])
        findings: list[Finding] = []
        if _is_open(s, row, "order_surge"):
            findings.append(check_surge(s, row, instant, instant, closing_day=day))
        if windows["dropped"][at] or _is_open(s, row, "demand_drop"):
            findings.append(check_drop(s, row, instant, windows[at], view, at))
        if late[at] or _is_open(s, row, "supplier_delay"):
            findings.extend(check_delays(s, row, instant, day, view.plan, at))
        if stock[at] or _is_open(s, row, "stockout_projected"):
            findings.append(check_stock(s, row, instant, instant, day, view.plan, at))
        for finding in findings:
            observe(s, finding)
        if at in documents:
            put_parameters(s, instant, documents[at])


def documents_of(s: ShardState, view: Outlook) -> dict[int, PlanningParameters]:
    """Planning parameters that have left their dead band, by position in the plan; they count as published."""
    due = s.supply.due(view.plan)
    rows = view.plan.rows[due]
    quantiles = s.demand.quantiles(part(view.forecast, due), rows, LEVELS)
    methods = [METHODS[code] for code in view.forecast.method[due].tolist()]
    found = s.supply.publish(view.plan, due, quantiles, methods)
    return {at: document for at, (_, document) in zip(due.tolist(), found, strict=True)}


def publish_all(s: ShardState, instant: int) -> None:
    """The end of the quiet time: every open problem and all planning parameters are published once."""
    s.muted = False
    for state in s.problems.publish_open(instant):
        put_exception(s, instant, instant, state)
    hot = s.rows.hot[: s.rows.count]
    closed = (hot["born"] == 1) & (hot["closed_day"] >= hot["first_day"])
    for day in np.unique(hot["closed_day"][closed]).tolist():
        rows = np.flatnonzero(closed & (hot["closed_day"] == day))
        for document in documents_of(s, outlook(s, rows, day, instant)).values():
            put_parameters(s, instant, document)


def _is_open(s: ShardState, row: int, exception_type: ExceptionType) -> bool:
    return bool(s.problems.open_keys(row, exception_type))


def _in(documents: dict[int, PlanningParameters], count: int) -> NDArray[np.bool_]:
    found = np.zeros(count, np.bool_)
    found[list(documents)] = True
    return found
