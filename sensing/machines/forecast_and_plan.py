"""Forecast and plan of rows from their last closed day on, and the planning parameters that follow from them.

Day closes, callbacks and decisions call it.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import local_date
from sensing.contracts.number_kinds import DURATION_DECIMALS, EXPECTATION_MORE
from sensing.contracts.parameters import QUANTILE_LEVELS, Accuracy
from sensing.demand.demand_record import CLASSES, HORIZON, METHODS
from sensing.demand.level_shift import SHIFT_FOLLOWED
from sensing.demand.model_inputs import Forecast, Window
from sensing.machines.begun_day import BegunDay, begun_day
from sensing.machines.day_inputs import window_of
from sensing.machines.forecast_parts import ForecastParts, add_parts, explained, has_plan
from sensing.machines.promoted_days import promotions_used
from sensing.machines.shard_state import ShardState
from sensing.machines.signalled_days import signals_used
from sensing.machines.silent_locations import stale_rows
from sensing.machines.unit_money import prices_in_base
from sensing.published_numbers import round_rows
from sensing.supply.end_of_life import without_ended_days
from sensing.supply.parameter_documents import ForecastSummary
from sensing.supply.plan import Plan, has_figures

LEVELS = np.array(QUANTILE_LEVELS)
ROWS_AT_ONCE = 4096
PUBLISHED_OUTPUTS = 2.0
"""Outputs per published row: the document, and the decision to publish it."""
LINES_TO_PROPOSE = 2
"""Order lines from which on values are proposed for a row."""
PROPOSED = ("safety_stock", "reorder_point", "order_up_to", "order_quantity")
STOCK = {
    "on_hand": "on_hand", "on_order": "on_order", "in_transit": "in_transit", "open_demand": "open_demand",
    "owed": "overdue", "allocated": "allocated", "free": "free",
}  # fmt: skip
"""Columns of stock, and the columns of plans that they show."""
LEAD_TIME = ("lead_time_days_mean", "lead_time_days_sd", "lead_time_days_p50", "lead_time_days_p90")
COLUMNS = (
    "sku", "location", "as_of", "demand_class", "method", *LEAD_TIME, "safety_stock", "reorder_point", "order_up_to",
    "order_quantity", "status", "version", "decimals", *STOCK, "stockout_date",
)  # fmt: skip


class ForecastAndPlan(NamedTuple):
    """Forecast and plan of rows that closed the same local day."""

    forecast: Forecast
    plan: Plan
    parts: ForecastParts
    begun: BegunDay | None
    """What is known of the day after the last closed one; None: the rows were planned as at its close."""
    sensed: Forecast
    """The forecast without it, and without the parts."""
    window: Window
    price: NDArray[np.float64]
    """(n,) prices in the base currency."""


def forecast_and_plan(
    s: ShardState, rows: NDArray[np.int64], day: int, now: int, *, begun: bool = False
) -> ForecastAndPlan:
    """Forecast and plan rows whose last closed local day is ``day``, as of instant ``now``.

    ``begun``: with what is known of the day after it.
    """
    window = window_of(s, rows, day)
    price = prices_in_base(s, rows)
    sensed = s.demand.forecast(rows, day, s.rows.hot["location"][rows], window)
    known = begun_day(s, rows, day, now, window) if begun else None
    forecast, parts = add_parts(s, rows, day, sensed if known is None else known.sensed(sensed), window, price)
    if s.supply.master.any_end:  # last, so that no plan or opportunity adds demand after the end
        mean, variance = without_ended_days(forecast.mean, forecast.variance, day, s.supply.last_days(rows))
        forecast = forecast._replace(mean=mean, variance=variance)
    plan = s.supply.plan(
        rows,
        day,
        now,
        forecast.mean,
        forecast.variance,
        forecast.demand_class,
        price,
        stale_rows(s, rows, day),
        forecast.sums,
        None if known is None else known.left,
    )
    return ForecastAndPlan(forecast, plan, parts, known, sensed, window, price)


def forecast_and_plan_of_row(s: ShardState, row: int, now: int) -> ForecastAndPlan:
    """Forecast and plan of one row, as of ``now``."""
    return forecast_and_plan(s, np.array([row], np.int64), int(s.rows.hot["closed_day"][row]), now)


def usual_days(s: ShardState, result: ForecastAndPlan, at: NDArray[np.int64]) -> NDArray[np.float64]:
    """(k, 28) means that would be forecast of the rows at positions ``at`` without what is known of the begun day."""
    closed, holiday, uplift = result.window
    window = Window(closed[at], holiday[at], uplift[at])
    sensed = select_rows(result.sensed, at)
    return add_parts(s, result.plan.rows[at], result.plan.day, sensed, window, result.price[at])[0].mean


def select_rows(forecast: Forecast, at: NDArray[np.int64]) -> Forecast:
    """Forecast of some of the rows."""
    mean, variance, method, demand_class, sums = forecast
    return Forecast(mean[at], variance[at], method[at], demand_class[at], sums[at])


def forecast_summary(s: ShardState, result: ForecastAndPlan, at: NDArray[np.int64]) -> ForecastSummary:
    """Quantiles, methods and accuracy of the rows at positions ``at``, for their documents."""
    rows = result.plan.rows[at]
    accuracy = dict(zip(Accuracy.__struct_fields__, s.demand.scores(rows), strict=True))
    methods = [METHODS[code] for code in result.forecast.method[at].tolist()]
    quantiles = s.demand.quantiles(select_rows(result.forecast, at), rows, LEVELS)
    location = s.rows.hot["location"][rows]
    ships, reports = s.locations.ships[location].tolist(), s.locations.reports[location].tolist()
    promotions = promotions_used(s, rows, result.plan.day + 1, HORIZON)
    signals = signals_used(s, rows, result.plan.day)
    added = [explained(result.parts, position) | {"signals": used}
             for position, used in zip(at.tolist(), signals, strict=True)]  # fmt: skip
    return ForecastSummary(quantiles, methods, accuracy, ships, reports, promotions, added)


def parameter_columns(s: ShardState) -> dict[str, Any]:
    """Planning parameters of all active rows with a forecast, as of each row's last closed day.

    Returns
    -------
    dict
        Columns with one entry per row: lists, and arrays (rows, 28) of means and (rows, 28, 11) of quantiles.
    """
    hot = s.rows.hot[: s.rows.count]
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    means, quantiles = [np.empty((0, HORIZON))], [np.empty((0, HORIZON, len(LEVELS)))]
    days = hot["closed_day"]
    for day in np.unique(days[hot["active"] == 1]).tolist():
        of_day = np.flatnonzero((hot["active"] == 1) & (days == day))
        for start in range(0, len(of_day), ROWS_AT_ONCE):
            rows = of_day[start : start + ROWS_AT_ONCE]
            forecast, plan, *_ = forecast_and_plan(s, rows, day, s.clock)
            whole = has_figures(plan)
            if not whole.all():  # an infinite figure must not leave; no input is known that makes one
                rows = rows[whole]
                forecast, plan, *_ = forecast_and_plan(s, rows, day, s.clock)
            for name, values in _columns(s, rows, forecast, plan).items():
                columns[name].extend(values)
            places = plan.policy["decimals"] + EXPECTATION_MORE
            means.append(round_rows(forecast.mean, places))
            quantiles.append(round_rows(s.demand.quantiles(forecast, rows, LEVELS), places))
    return {**columns, "forecast_mean": np.concatenate(means), "forecast_quantiles": np.concatenate(quantiles)}


def _columns(s: ShardState, rows: NDArray[np.int64], forecast: Forecast, plan: Plan) -> dict[str, list[Any]]:
    names = [s.names_of(row) for row in rows.tolist()]
    versions = s.supply.supply["version"][rows].tolist()
    return (
        {
            "sku": [name[0] for name in names],
            "location": [name[1] for name in names],
            "as_of": [local_date(plan.day)] * len(rows),
            "demand_class": [CLASSES[code] for code in forecast.demand_class.tolist()],
            "method": [METHODS[code] for code in forecast.method.tolist()],
            "status": [
                s.supply.status(row) if version else None for row, version in zip(rows.tolist(), versions, strict=True)
            ],
            "version": [version or None for version in versions],
            "decimals": plan.policy["decimals"].astype(np.int64).tolist(),
            "stockout_date": [None if day < 0 else local_date(plan.day + 1 + day) for day in plan.stockout.tolist()],
        }
        | {name: np.round(getattr(plan, name).astype(np.float64), DURATION_DECIMALS).tolist() for name in LEAD_TIME}
        | {name: _proposed(getattr(plan, name), may_propose(s, rows)) for name in PROPOSED}
        | {
            name: _proposed(round_rows(values, plan.policy["decimals"]), ~np.isnan(values))
            for name, column in STOCK.items()
            for values in [getattr(plan, column)]
        }
    )


def _proposed(values: NDArray[np.float64], proposed: NDArray[np.bool_]) -> list[float | None]:
    return [value if given else None for value, given in zip(values.tolist(), proposed.tolist(), strict=True)]


def since_shift(s: ShardState, plan: Plan) -> NDArray[np.int64]:
    """(n,) days since the level of a plan's rows shifted; the day itself is 0 until something is published.

    It is 1 while forecasts follow a shift in doubt.
    """
    shift_day = s.demand.demand["shift_day"][plan.rows].astype(np.int64)
    told = s.supply.supply["published_day"][plan.rows] >= shift_day
    in_doubt = np.abs(s.demand.demand["shift"][plan.rows]) >= SHIFT_FOLLOWED
    return np.where(in_doubt, 1, np.maximum(plan.day - shift_day, told.astype(np.int64)))


def may_propose(s: ShardState, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) whether values are proposed for rows: one order says nothing of the next one, but a plan does."""
    return np.asarray((s.rows.hot["size_count"][rows] >= LINES_TO_PROPOSE) | has_plan(s, rows))
