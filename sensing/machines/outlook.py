"""What is expected of rows from their last closed day on: forecast and plan, and the parameters that follow from them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.contracts.parameters import QUANTILE_LEVELS
from sensing.demand.inputs import Forecast
from sensing.demand.record import CLASSES, METHODS
from sensing.machines.day import window_of
from sensing.machines.state import ShardState
from sensing.state.zones import local_date
from sensing.supply.plan import Plan

LEVELS = np.array(QUANTILE_LEVELS)
ROWS_AT_ONCE = 4096
COLUMNS = (
    "sku", "location", "as_of", "demand_class", "method", "forecast_mean", "forecast_quantiles", "lead_time_days_mean",
    "lead_time_days_sd", "safety_stock", "reorder_point", "order_up_to", "order_quantity",
)  # fmt: skip


class Outlook(NamedTuple):
    """Forecast and plan of rows that closed the same local day."""

    forecast: Forecast
    plan: Plan


def outlook(s: ShardState, rows: NDArray[np.int64], day: int, now: int) -> Outlook:
    """Forecast and plan rows whose last closed local day is ``day``, as of instant ``now``."""
    forecast = s.demand.forecast(rows, day, s.rows.hot["location"][rows], window_of(s, rows, day))
    plan = s.supply.plan(rows, day, now, forecast.mean, forecast.variance, forecast.demand_class)
    return Outlook(forecast, plan)


def part(forecast: Forecast, at: NDArray[np.int64]) -> Forecast:
    """Forecast of some of the rows."""
    return Forecast(
        forecast.mean[at], forecast.variance[at], forecast.method[at], forecast.demand_class[at], forecast.lines_mean[at]
    )


def parameter_columns(s: ShardState) -> dict[str, list[object]]:
    """Planning parameters of all rows that ever absorbed an event, one entry per row in every column, as of each row's last closed day."""
    hot = s.rows.hot[: s.rows.count]
    columns: dict[str, list[object]] = {name: [] for name in COLUMNS}
    days = hot["closed_day"]
    for day in np.unique(days[hot["born"] == 1]).tolist():
        of_day = np.flatnonzero((hot["born"] == 1) & (days == day))
        for start in range(0, len(of_day), ROWS_AT_ONCE):
            rows = of_day[start : start + ROWS_AT_ONCE]
            for name, values in _columns(s, rows, day).items():
                columns[name].extend(values)
    return columns


def _columns(s: ShardState, rows: NDArray[np.int64], day: int) -> dict[str, list[object]]:
    forecast, plan = outlook(s, rows, day, s.clock)
    names = [s.names_of(row) for row in rows.tolist()]
    return {
        "sku": [name[0] for name in names],
        "location": [name[1] for name in names],
        "as_of": [local_date(day)] * len(rows),
        "demand_class": [CLASSES[code] for code in forecast.demand_class.tolist()],
        "method": [METHODS[code] for code in forecast.method.tolist()],
        "forecast_mean": list(forecast.mean),
        "forecast_quantiles": list(s.demand.quantiles(forecast, rows, LEVELS)),
        "lead_time_days_mean": plan.lead_time_days_mean.tolist(),
        "lead_time_days_sd": plan.lead_time_days_sd.tolist(),
        "safety_stock": plan.safety_stock.tolist(),
        "reorder_point": plan.reorder_point.tolist(),
        "order_up_to": plan.order_up_to.tolist(),
        "order_quantity": plan.order_quantity.tolist(),
    }
