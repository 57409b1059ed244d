"""What a forecasting member is: its state, how it learns a day, and how it predicts one.

A member's file defines its kernels or functions and one spec. The registry lists all specs; records, mixture, closes,
forecasts, snapshots and the conformance tests read them there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Model = TypeVar("Model")

Field = tuple[str, str] | tuple[str, str, tuple[int, ...]]
"""Name, type and shape of a field of a record."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """Spec of a member that every row has; its state is part of the row's record.

    Parameters
    ----------
    name
        Of the member.
    rate
        Share of a day's error by which the forecast moves, for the growth of its error with the horizon.
    fields
        Its state, as fields of `DEMAND`. Zeros are a row that has seen nothing.
    learn
        Kernel ``(demand, row, units, seasonal_index, observed)`` that learns a day. ``observed`` is the share of the
        day that was observed, ``units`` its demand, ``seasonal_index`` its seasonal index in average days. The row's
        own counts (days, exposure, sales, silence) do not include the day yet.
    predict
        Kernel ``(demand, row, seasonal_index) -> units`` of a day with this seasonal index, proportional to it.
    """

    name: str
    rate: float
    fields: Sequence[Field]
    learn: Callable[..., None]
    predict: Callable[..., float]


@dataclass(frozen=True, kw_only=True)
class RiverMember(Generic[Model]):
    """Spec of a member that a row earns; it learns as an object, usually one of River's.

    What ``predict`` needs is copied to the row's River record after every day, so that forecasts never call Python.

    Parameters
    ----------
    name
        Of the member.
    fields
        What ``predict`` reads, as fields of `RIVER`.
    start
        A new model from the level of the row's own members, in units per average day.
    learn
        ``(model, units, seasonal_index, base, scale, features)``: learn a day. ``base`` is the forecast of the row's
        own members, ``scale`` the standard deviation of their errors when the row earned its River models, ``features``
        those of the day by name; absent ones are zero.
    coefficients
        Values of ``fields``, in their order.
    predict
        Kernel ``(river, slot, base, seasonal_index, ahead, features) -> units``, not negative. ``ahead`` counts days
        from the last one learned, ``features`` is an array.
    saved, save, restore
        Fields of a snapshot, how a model fills them, and the same model from them.
    """

    name: str
    fields: Sequence[Field]
    start: Callable[[float], Model]
    learn: Callable[[Model, float, float, float, float, dict[str, float]], None]
    coefficients: Callable[[Model], list[float]]
    predict: Callable[..., float]
    saved: Sequence[Field]
    save: Callable[[Model, Any], None]
    restore: Callable[[Any], Model]
