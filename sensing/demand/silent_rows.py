"""Return of silent rows: what part of their usual demand comes back after more days without demand than usual?

The members' levels fall on every day without demand. Some of the rows that fell silent are gone. Others were out of
stock, or out of season, and come back whole. So the demand that comes lies between the level and the usual demand:

    forecast of day h = level + TRUST x share x (usual - level)

The share is learned by bin of silence and week of the forecast: the sum over rows of (units - level) / usual, over
that of (usual - level) / usual. Without evidence it is zero, and the level is the forecast. Usual is the mean size of a
day with demand over the mean interval, neither of which changes in silence. A shift in doubt multiplies all of it.
Silence is measured by its days, and by how unusual it is: days times -log of the chance of a day without demand.

Rows are counted while they wait for a sum of 28 days, see `sum_calibration`, so each day of a forecast is learned at
its own distance. Totals are those of the shard, in whole thousandths, so that their order does not matter.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.demand.demand_class import is_new
from sensing.jit import kernel

UNUSUAL_FROM = np.array([1.0, 3.0, 9.0, 27.0])
"""From the first on a row is silent."""
SILENT_DAYS_FROM = np.array([0.0, 14.0, 42.0, 112.0])
SILENCE_BINS = 1 + UNUSUAL_FROM.size * SILENT_DAYS_FROM.size
"""Bin 0 is that of rows that are not silent. The others are by how unusual the silence is, and within that by its days,
since a silence of three days may be as unusual for a fast row as one of three months for a slow one."""
RETURN_WEEKS = 4
WEEK = 7
TRUST = 0.4
"""Part of the share that a forecast takes. A silent row is gone or back, so the mean of both is right for neither. On
M5 all of it lowers the pinball loss by a further .4 %, and raises the RMSSE of rows by .8 %."""
SALE_CHANCE_MAX = 0.99
PRIOR_DAYS = 500.0
"""Days of silent rows that came to nothing, behind each share."""
RETURN_TIMES_MAX = 20.0
"""A day counts at most as this many times the usual demand."""
THOUSANDTHS = 1000.0


@kernel
def usual_units(demand: NDArray[Any], row: int) -> float:
    """Units a day that a row had before it fell silent, at least one sale behind it."""
    units: float = demand[row]["size_mean"] / max(demand[row]["interval"], 1.0)
    return units


@kernel
def silence_bin(demand: NDArray[Any], row: int) -> int:
    """Bin of a row's silence; 0 if it is not silent, or too new to say what is usual."""
    if demand[row]["silence"] == 0 or is_new(demand, row):
        return 0
    none = max(1.0 - 1.0 / max(demand[row]["interval"], 1.0), 1.0 - SALE_CHANCE_MAX)
    days = float(demand[row]["silence"])
    unusual = -days * math.log(none)
    if unusual < UNUSUAL_FROM[0]:
        return 0
    found = 1
    for k in range(1, UNUSUAL_FROM.size):
        if unusual >= UNUSUAL_FROM[k]:
            found += SILENT_DAYS_FROM.size
    for k in range(1, SILENT_DAYS_FROM.size):
        if days >= SILENT_DAYS_FROM[k]:
            found += 1
    return found


@kernel
def returning_units(
    demand: NDArray[Any], row: int, shares: NDArray[np.float64], expected: float, seasonal_index: float, silence: int,
    ahead: int,
) -> float:  # fmt: skip
    """Units that the forecast of a day has on top of ``expected`` for what returns of a silent row.

    Parameters
    ----------
    shares
        (SILENCE_BINS, RETURN_WEEKS) of the shard.
    expected
        Units that the members expect on the day.
    seasonal_index
        Seasonal index of the day, with the factor of a shift in doubt.
    silence
        The row's bin.
    ahead
        Days from the last learned day to the one that is forecast, 1 to 28.
    """
    if silence == 0 or seasonal_index <= 0.0:
        return 0.0
    share: float = shares[silence, (ahead - 1) // WEEK]
    return TRUST * share * max(usual_units(demand, row) * seasonal_index - expected, 0.0)


@kernel
def start_silence(demand: NDArray[Any], row: int, level: float) -> None:
    """Add the silence of a row to the sum of days that it starts. ``level`` is that of the sum without what may return.

    It has the factor of a shift in doubt, and so has the gap.
    """
    silence, shifted = silence_bin(demand, row), 1.0 + demand[row]["shift"]
    demand[row]["sum_silence"] = silence
    demand[row]["sum_level"] = level
    demand[row]["sum_gap"] = max(usual_units(demand, row) * shifted - level, 0.0) if silence > 0 else 0.0


@kernel
def count_return(demand: NDArray[Any], row: int, sums: NDArray[Any], units: float, seasonal_index: float) -> None:
    """Add a day of a row that waits for a sum to the day's totals, if it was silent at the start.

    ``seasonal_index`` is that of the day; the day is already one of ``sum_days``.
    """
    silence = demand[row]["sum_silence"]
    usual = float(demand[row]["sum_level"] + demand[row]["sum_gap"])  # with the factor of a shift, at the start
    if silence == 0 or demand[row]["sum_gap"] <= 0.0:
        return
    week = (demand[row]["sum_days"] - 1) // WEEK
    came = min((units - demand[row]["sum_level"] * seasonal_index) / usual, RETURN_TIMES_MAX)
    missed = seasonal_index * demand[row]["sum_gap"] / usual
    sums[0]["day_returned"][silence, week] += np.floor(THOUSANDTHS * came + 0.5)
    sums[0]["day_missed"][silence, week] += np.floor(THOUSANDTHS * missed + 0.5)


@kernel
def aggregate_returns(sums: NDArray[Any], discount: float) -> None:
    """Add the day's totals to the discounted ones, clear them, and renew the shares."""
    for silence in range(1, SILENCE_BINS):
        for week in range(RETURN_WEEKS):
            returned = discount * sums[0]["returned"][silence, week] + sums[0]["day_returned"][silence, week]
            missed = discount * sums[0]["missed"][silence, week] + sums[0]["day_missed"][silence, week]
            sums[0]["returned"][silence, week], sums[0]["missed"][silence, week] = returned, missed
            sums[0]["day_returned"][silence, week] = sums[0]["day_missed"][silence, week] = 0.0
            share = returned / (missed + THOUSANDTHS * PRIOR_DAYS)
            sums[0]["return_share"][silence, week] = min(max(share, 0.0), 1.0)
