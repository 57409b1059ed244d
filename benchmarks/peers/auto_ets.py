"""AutoETS of statsforecast, the peer of benchmark `accuracy`: a batch model that is fitted to each row on its own.

Season length 7; error, trend, season and damping are chosen per row by the corrected Akaike criterion. Forecasts and
quantiles are cut off at zero, which only helps the peer.

Source: Hyndman, Koehler, Snyder, Grose (2002), A state space framework for automatic forecasting using exponential
smoothing methods.
"""

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEASON_DAYS = 7
INSTALL = "pip install --constraint constraints.txt '.[peers]'"


def installed() -> bool:
    """Whether statsforecast can be imported."""
    return importlib.util.find_spec("statsforecast") is not None


def forecast(
    histories: list[NDArray[np.float64]], horizon: int, levels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means (n, horizon) and quantiles (n, horizon, levels) of the days after each history.

    Parameters
    ----------
    histories
        Units of each row by day, without gaps.
    levels
        Levels of the quantiles, between 0 and 1.
    """
    from statsforecast.models import AutoETS  # optional, and slow to import

    model: Any = AutoETS(season_length=SEASON_DAYS)
    means = np.empty((len(histories), horizon))
    quantiles = np.empty((len(histories), horizon, levels.size))
    widths = [round(200.0 * abs(level - 0.5), 9) for level in levels.tolist()]
    wanted = sorted({width for width in widths if width > 0.0})
    for row, history in enumerate(histories):
        found = model.forecast(history, horizon, level=wanted)
        means[row] = found["mean"]
        for k, (level, width) in enumerate(zip(levels.tolist(), widths, strict=True)):
            side = "hi" if level > 0.5 else "lo"
            quantiles[row, :, k] = found[f"{side}-{width}"] if width > 0.0 else found["mean"]
    return np.maximum(means, 0.0), np.maximum(quantiles, 0.0)
