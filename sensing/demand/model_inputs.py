"""Inputs and results of the demand models: columns with one entry per row. Shards and `DemandModels` use them."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

LAYOUT: tuple[Literal["C"], Literal["W"]] = ("C", "W")
"""Memory layout of all kernel arguments, so that each kernel is compiled once. Other arrays are copied."""


class DayInputs(NamedTuple):
    """One closed local day of n rows."""

    day: int
    """Local day number (1970-01-01 is 0)."""
    quantity: NDArray[np.float64]
    """(n,) units booked on the day."""
    lines: NDArray[np.float64]
    """(n,) order lines booked on the day."""
    hours: NDArray[np.uint16]
    """(n, 24) order lines per local hour."""
    pool: NDArray[np.int32]
    """(n,) pool of each row."""
    observed: NDArray[np.float64]
    """(n,) observed share of the day, weighted by its usual hours. It is less than 1 on a row's first day and when the
    source was silent. 0: the day is not learned, for example because the location was closed."""
    censored: NDArray[np.bool_]
    """(n,) out of stock for a part of the day. Demand was at least the quantity, so the day may only raise a level."""
    holiday: NDArray[np.float64]
    """(n,) 0 or 1."""
    uplift: NDArray[np.float64]
    """(n,) factor on the day's demand by promotions; 1 without any."""
    explained: NDArray[np.bool_]
    """(n,) the day tells of its promotion and not of ordinary days, so that no model learns it."""


class Window(NamedTuple):
    """Known facts about the 28 days after the last closed day."""

    closed: NDArray[np.bool_]
    """(n, 28) no demand is possible."""
    holiday: NDArray[np.float64]
    """(n, 28) 0 or 1."""
    uplift: NDArray[np.float64]
    """(n, 28) factor on each day's demand by promotions; 1 without any."""


class Forecast(NamedTuple):
    """Forecast of demand on the 28 days after the last closed day."""

    mean: NDArray[np.float64]
    """(n, 28) units."""
    variance: NDArray[np.float64]
    """(n, 28) units squared, of one day's demand, scaled per row by calibration."""
    method: NDArray[np.uint8]
    """(n,) position in `METHODS`."""
    demand_class: NDArray[np.uint8]
    """(n,) position in `CLASSES`."""
    sums: NDArray[np.float64]
    """(n, `sum_variance.COLUMNS`) what the variance of the demand of several days follows from."""


class NearTerm(NamedTuple):
    """What the order lines of a day that has begun say of the near term."""

    factors: NDArray[np.float64]
    """(n, NEAR_DAYS_MAX) factors on the forecasts of the rest of the day and of the days after it."""
    expected: NDArray[np.float64]
    """(n,) order lines expected by now."""
    share: float
    """Share of such deviations that is found again on the next day."""
    half_life_days: float
    """Days in which it halves."""


class Scores(NamedTuple):
    """Accuracy of one-day forecasts over about the last 100 scored days; NaN without scored days or without sales."""

    wape: NDArray[np.float64]
    """(n,) sum of absolute errors / sum of demand."""
    bias: NDArray[np.float64]
    """(n,) sum of (forecast - demand) / sum of demand."""
    coverage: NDArray[np.float64]
    """(n,) share of days not above the .95 quantile."""
    days: NDArray[np.float64]
    """(n,) discounted number of scored days."""


def typed(part: NDArray[Any], kind: Any) -> NDArray[Any]:
    """The array in the type and layout that the kernels are compiled for; copied only if it differs."""
    if part.dtype == kind and part.flags.carray:
        return part
    return np.require(part, kind, LAYOUT)


def typed_inputs(inputs: DayInputs) -> DayInputs:
    """The same columns in the types and layout that the kernels are compiled for."""
    types = (np.float64, np.float64, np.uint16, np.int32, np.float64, np.bool_, np.float64, np.float64, np.bool_)
    parts: tuple[Any, ...] = inputs[1:]
    columns: list[Any] = [typed(part, kind) for part, kind in zip(parts, types, strict=True)]
    return DayInputs(int(inputs.day), *columns)


def typed_window(window: Window) -> Window:
    """The same window in the types and layout that the kernels are compiled for."""
    types = (np.bool_, np.float64, np.float64)
    columns: list[Any] = [typed(part, kind) for part, kind in zip(window, types, strict=True)]
    return Window(*columns)


def ordinary_window(rows: int) -> Window:
    """Window of open days without holidays and promotions."""
    shape: tuple[int, int] = (rows, 28)
    return Window(np.zeros(shape, np.bool_), np.zeros(shape), np.ones(shape))
