"""Member: River's Holt-Winters on the series without its seasonal indices, with a damped trend.

Its own season of seven terms was measured on M5 and was worse (RMSSE .7495 alone against .7478 of this one): a row sees
each weekday too rarely, and the pool's profile is not open to it.
"""

from typing import Any

from numpy.typing import NDArray
from river.time_series import HoltWinters

from sensing.demand.members.member import Field, RiverMember
from sensing.jit import kernel

# River is typed in part only; what is called here is held to its contract by the conformance tests.
_HoltWinters: Any = HoltWinters

RATES = {"alpha": 0.04, "beta": 0.001}
SEASONAL_INDEX_MIN = 0.2
"""A day of smaller seasonal index says nothing reliable about the level."""
TREND_DAMPING = 0.9


def _start(level: float) -> Any:
    model = _HoltWinters(**RATES)
    # Two equal values make River start at this level without a trend.
    model.learn_one(level)
    model.learn_one(level)
    return model


def _learn(
    model: Any, units: float, seasonal_index: float, base: float, scale: float, features: dict[str, float]
) -> None:
    if seasonal_index >= SEASONAL_INDEX_MIN:
        model.learn_one(units / seasonal_index)


def _coefficients(model: Any) -> list[float]:
    return [model.level[-1], model.trend[-1]]


@kernel
def predict_holt_winters(
    river: NDArray[Any], slot: int, base: float, seasonal_index: float, ahead: int, features: NDArray[Any]
) -> float:
    """Level and damped trend, times the day's seasonal index."""
    reach = (1.0 - TREND_DAMPING**ahead) / (1.0 - TREND_DAMPING)
    units: float = (river[slot]["level"] + reach * river[slot]["trend"]) * seasonal_index
    return max(0.0, units)


def _save(model: Any, entry: Any) -> None:
    entry["level"], entry["trend"] = _coefficients(model)


def _restore(entry: Any) -> Any:
    model = _start(float(entry["level"]))
    model.trend[-1] = float(entry["trend"])
    return model


_FIELDS: list[Field] = [
    ("level", "f8"),  # units per average day
    ("trend", "f8"),
]

HOLT_WINTERS: RiverMember[Any] = RiverMember(
    name="holt_winters",
    fields=_FIELDS,
    start=_start,
    learn=_learn,
    coefficients=_coefficients,
    predict=predict_holt_winters,
    saved=_FIELDS,
    save=_save,
    restore=_restore,
)
