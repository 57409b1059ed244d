"""Specs of forecasting members: state, learning a day, predicting a day.

The file of a member defines its kernels or functions and one spec. The registry lists all specs. Records, mixture,
closes, forecasts, snapshots and the conformance tests read them there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Model = TypeVar("Model")

Field = tuple[str, str] | tuple[str, str, tuple[int, ...]]
"""Name, type and shape of a field of a record."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """Spec of a member that every row has. Its state is part of the row's record.

    Parameters
    ----------
    name
        Name of the member.
    rate
        Share of a day's error by which the level moves. The forecast variance grows with it over the horizon.
    fields
        Its state, as fields of `DEMAND`. All are zero in a new row.
    in_units
        Names of the fields that are quantities: they are multiplied when the base unit of an item changes.
    start
        Kernel ``(demand, row, size, share)`` that starts a row after its first day: ``size`` is the units of an average
        day with demand, ``share`` the share of such days.
    learn
        Kernel ``(demand, row, units, seasonal_index, observed, weight)`` that learns a day. ``observed`` is the
        observed share of the day, ``units`` the demand in it, ``seasonal_index`` the day's seasonal index times this
        share. ``weight``, 0 to 1, multiplies the rate. The row's counts (days, exposure, sales, silence) do not include
        the day yet. Its ``prior_days`` are to be added to days and exposure.
    predict
        Kernel ``(demand, row, seasonal_index) -> units`` for a day with this seasonal index. The result must be
        proportional to the index.
    restart
        Kernel ``(demand, row, level)`` that takes ``level``, in units per average day, after it has shifted.
    """

    name: str
    rate: float
    fields: Sequence[Field]
    in_units: Sequence[str]
    start: Callable[..., None]
    learn: Callable[..., None]
    predict: Callable[..., float]
    restart: Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class RiverMember(Generic[Model]):
    """Spec of a member of rows with enough history. It learns as a Python object, usually one of River's.

    After every learned day its coefficients are copied to the row's River record, so that forecasts never call Python.

    Parameters
    ----------
    name
        Name of the member.
    fields
        Coefficients that ``predict`` reads, as fields of `RIVER`.
    start
        Function ``(level) -> model``: a new model. ``level`` is that of the row's own members, in units per average
        day.
    learn
        Function ``(model, units, seasonal_index, base, scale, features)``: learn a day. ``base`` is the forecast of the
        row's own members, ``scale`` the standard deviation of their errors when the row got its River models, both in
        units. ``features`` has the day's features by name; a missing one is zero.
    coefficients
        Function ``(model) -> values`` of ``fields``, in their order.
    predict
        Kernel ``(river, slot, base, seasonal_index, ahead, features) -> units``, not negative. ``ahead`` is the number
        of days after the last learned day, ``features`` an array.
    saved, save, restore
        Fields of a snapshot, the function that fills them from a model, and the one that makes a model from them.
    restart
        Function ``(model, level)``: take ``level``, in units per average day, after it has shifted; None if the model
        keeps no level.
    in_units
        Names of saved fields that are quantities, as of `Member`.
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
    restart: Callable[[Model, float], None] | None = None
    in_units: Sequence[str] = ()
