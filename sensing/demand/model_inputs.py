"""What the demand models are given and what they answer: columns, one entry per row."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

LAYOUT: tuple[Literal["C"], Literal["W"]] = ("C", "W")
"""Every kernel sees one memory layout, so that it is compiled once; arrays of another are copied."""


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
    """(n,) share of the day, by its usual hours, that was observed: less than 1 on a row's first day and where the feed
    was silent; 0 where the day teaches nothing, as where the location was closed."""
    censored: NDArray[np.bool_]
    """(n,) out of stock for some of the day: demand was at least the quantity, so it teaches upward or not at all."""
    holiday: NDArray[np.float64]
    """(n,) 0 or 1."""
    promoted: NDArray[np.float64]
    """(n,) 0 or 1."""


class Window(NamedTuple):
    """What is known of the 28 days after the last closed one."""

    closed: NDArray[np.bool_]
    """(n, 28) no demand is possible."""
    holiday: NDArray[np.float64]
    """(n, 28) 0 or 1."""
    promoted: NDArray[np.float64]
    """(n, 28) 0 or 1."""


class Forecast(NamedTuple):
    """Demand of the 28 days after the last closed one."""

    mean: NDArray[np.float64]
    """(n, 28) units."""
    variance: NDArray[np.float64]
    """(n, 28) units squared, of one day's demand, corrected per row."""
    method: NDArray[np.uint8]
    """(n,) position in `METHODS`."""
    demand_class: NDArray[np.uint8]
    """(n,) position in `CLASSES`."""


class Scores(NamedTuple):
    """How one-day forecasts did, over about the last hundred days judged; NaN where nothing was, or nothing sold."""

    wape: NDArray[np.float64]
    """(n,) sum of absolute errors / sum of demand."""
    bias: NDArray[np.float64]
    """(n,) sum of (forecast - demand) / sum of demand."""
    coverage: NDArray[np.float64]
    """(n,) share of days not above the .95 quantile."""
    days: NDArray[np.float64]
    """(n,) discounted days judged."""


def typed(part: NDArray[Any], kind: Any) -> NDArray[Any]:
    """The same array in a type and in the layout that the kernels are compiled for, which it nearly always has."""
    if part.dtype == kind and part.flags.carray:
        return part
    return np.require(part, kind, LAYOUT)


def typed_inputs(inputs: DayInputs) -> DayInputs:
    """The same columns in the types and layout that the kernels are compiled for."""
    types = (np.float64, np.float64, np.uint16, np.int32, np.float64, np.bool_, np.float64, np.float64)
    parts: tuple[Any, ...] = inputs[1:]
    columns: list[Any] = [typed(part, kind) for part, kind in zip(parts, types, strict=True)]
    return DayInputs(int(inputs.day), *columns)


def typed_window(window: Window) -> Window:
    """The same window in the types and layout that the kernels are compiled for."""
    types = (np.bool_, np.float64, np.float64)
    columns: list[Any] = [typed(part, kind) for part, kind in zip(window, types, strict=True)]
    return Window(*columns)


def ordinary_window(rows: int) -> Window:
    """Window in which nothing is known: open, no holiday, no promotion."""
    shape: tuple[int, int] = (rows, 28)
    flags: NDArray[Any] = np.zeros(shape)
    return Window(np.zeros(shape, np.bool_), flags, flags.copy())
