"""Member: River's linear regression of the error of the row's own members on the features of the day."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from river.linear_model import LinearRegression
from river.optim import SGD

from sensing.demand.features import FEATURES
from sensing.demand.members.member import RiverMember
from sensing.jit import kernel

# River is only partly typed. The conformance tests check the calls made here.
_LinearRegression: Any = LinearRegression

LEARNING_RATE = 0.001
SHRINKAGE = 0.01
_NAMES = tuple(feature.name for feature in FEATURES)


def _start(level: float) -> Any:
    return _LinearRegression(SGD(LEARNING_RATE), l2=SHRINKAGE, intercept_lr=LEARNING_RATE)


def _learn(
    model: Any, units: float, seasonal_index: float, base: float, scale: float, features: dict[str, float]
) -> None:
    model.learn_one(features, (units - base) / scale)


def _coefficients(model: Any) -> list[float]:
    weight = model.weights.get
    return [*[weight(name, 0.0) for name in _NAMES], model.intercept]


@kernel
def predict_regression(
    river: NDArray[Any], slot: int, base: float, seasonal_index: float, ahead: int, features: NDArray[Any]
) -> float:
    """Forecast of the row's own members plus the regression's correction."""
    correction: float = river[slot]["intercept"]
    for k in range(features.size):
        correction += river[slot]["weight"][k] * features[k]
    units: float = base + river[slot]["scale"] * correction
    return max(0.0, units)


def _save(model: Any, entry: Any) -> None:
    entry["intercept"], entry["steps"] = model.intercept, model.optimizer.n_iterations
    weights = model.weights
    for k, name in enumerate(weights):
        entry["names"][k], entry["weight"][k] = _NAMES.index(name) + 1, weights[name]


def _restore(entry: Any) -> Any:
    model = _start(0.0)
    model.intercept = float(entry["intercept"])
    model.optimizer.n_iterations = int(entry["steps"])
    places: NDArray[np.uint8] = entry["names"][entry["names"] > 0]
    for place, weight in zip(places.tolist(), entry["weight"].tolist(), strict=False):
        model._weights[_NAMES[place - 1]] = weight
    return model


REGRESSION: RiverMember[Any] = RiverMember(
    name="regression",
    fields=[
        ("weight", "f8", (len(FEATURES),)),  # by feature, in multiples of the row's scale
        ("intercept", "f8"),
    ],
    start=_start,
    learn=_learn,
    coefficients=_coefficients,
    predict=predict_regression,
    # River sums the weights in the order of their first use, so the order is saved, too.
    saved=[
        ("intercept", "f8"),
        ("weight", "f8", (len(FEATURES),)),
        ("steps", "i8"),  # iterations of the optimiser
        ("names", "u1", (len(FEATURES),)),  # 1 + position in FEATURES of each weight; 0: unused
    ],
    save=_save,
    restore=_restore,
)
