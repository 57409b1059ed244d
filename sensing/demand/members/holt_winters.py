"""Member: River's Holt-Winters on the seasonally adjusted series, with a damped trend.

Its own season of seven terms was worse on M5: RMSSE .7495 of the member alone, against .7478 of this one. A row sees
each weekday too rarely, and River's model cannot use the pool's profile.
"""

from typing import Any

from numpy.typing import NDArray
from river.time_series import HoltWinters

from sensing.demand.members.member import Field, RiverMember
from sensing.jit import kernel

# River is only partly typed. The conformance tests check the calls made here.
_HoltWinters: Any = HoltWinters

RATES = {"alpha": 0.04, "beta": 0.001}
SEASONAL_INDEX_MIN = 0.2
"""Days with a smaller seasonal index are not learned: units / index would be too noisy."""
TREND_DAMPING = 0.9


def _start(level: float) -> Any:
    model = _HoltWinters(**RATES)
    # After two equal values River's model has this level and no trend.
    model.learn_one(level)
    model.learn_one(level)
    return model


def _learn(
    model: Any, units: float, seasonal_index: float, base: float, scale: float, features: dict[str, float]
) -> None:
    if seasonal_index >= SEASONAL_INDEX_MIN:
        model.learn_one(units / seasonal_index)


def _restart(model: Any, level: float) -> None:
    model.level[-1], model.trend[-1] = level, 0.0


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
    restart=_restart,
    in_units=["level", "trend"],
)
