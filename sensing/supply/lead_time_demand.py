"""Demand over the protection time, and the reorder point that covers it. Plans and documents call it.

The protection time is P = L + R days, with L the random lead time and R the fixed review time. Days have means m_t and
variances v_t:

    mean = sum of m_t over P days
    variance = r * sum of v_t over P days + m^2 var(L), m = mean / P

The errors of days are not independent, so r is not 1: see `sensing.demand.sum_variance`.

A fractional day counts in part. Beyond the 28 days of the forecast its last week repeats. With equal and independent
days the formulas are those of the source: (L + R) d and (L + R) s_d^2 + d^2 s_L^2. The reorder point is the quantile of
this demand at the service target, of the distribution of `sensing.demand.sum_distribution` with these moments. The
safety stock is the reorder point minus the mean, at least 0.

Source: Silver, Pyke, Thomas (2017), Inventory and Production Management in Supply Chains, 4th ed., 6.10 (random lead
time) and 6.9 (review time).
"""

import numpy as np
from numpy.typing import NDArray

from sensing.demand.sum_distribution import units_quantile
from sensing.demand.sum_variance import open_share, sum_ratio
from sensing.jit import kernel

SERVICE_MAX = 0.9999
"""Higher service targets are cut to this, since a target of 1 would need infinite stock."""


@kernel
def sum_of_days(daily: NDArray[np.float64], days: float) -> float:
    """Sum of the first ``days`` values of ``daily``. The last day counts in part; beyond the end the last 7 repeat."""
    known = daily.size
    total = 0.0
    whole = int(days)
    for t in range(min(whole, known)):
        total += daily[t]
    if whole > known:
        week = 0.0
        for t in range(known - 7, known):
            week += daily[t]
        total += ((whole - known) // 7) * week
        for t in range((whole - known) % 7):
            total += daily[known - 7 + t]
    following = whole if whole < known else known - 7 + (whole - known) % 7
    return float(total + (days - whole) * daily[following])


@kernel
def moments(
    demand_mean: float, demand_variance: float, lead_time_days_mean: float, lead_time_days_sd: float, review_days: float
) -> tuple[float, float]:
    """Mean and variance of the demand over the protection time, from demand per day (mean and variance)."""
    days = lead_time_days_mean + review_days
    return demand_mean * days, demand_variance * days + demand_mean * demand_mean * lead_time_days_sd**2


@kernel
def reorder_point(
    demand_mean: float, demand_variance: float, lead_time_days_mean: float, lead_time_days_sd: float,
    review_days: float, service_target: float, step: float,
) -> float:  # fmt: skip
    """Quantile of the demand over the protection time, of a row whose quantities come in steps of ``step`` units."""
    mean, variance = moments(demand_mean, demand_variance, lead_time_days_mean, lead_time_days_sd, review_days)
    return units_quantile(min(service_target, SERVICE_MAX), mean, variance, step)


@kernel
def protection_time_moments(
    demand_mean: NDArray[np.float64], demand_variance: NDArray[np.float64],
    lead_time_days_mean: NDArray[np.float64], lead_time_days_sd: NDArray[np.float64],
    review_days: NDArray[np.float64], service_target: NDArray[np.float64], step: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill ``out`` (n, 3) with mean, variance and quantile of n demands over the protection time, by `reorder_point`.

    For the values in a row's record the results equal those of :func:`protection_time_demand` bit for bit.
    """
    for i in range(demand_mean.size):
        out[i, 0], out[i, 1] = moments(
            demand_mean[i], demand_variance[i], lead_time_days_mean[i], lead_time_days_sd[i], review_days[i]
        )
        out[i, 2] = units_quantile(min(service_target[i], SERVICE_MAX), out[i, 0], out[i, 1], step[i])


@kernel
def protection_time_demand(
    forecast_mean: NDArray[np.float64], forecast_variance: NDArray[np.float64], sums: NDArray[np.float64],
    lead_time_days_mean: NDArray[np.float32], lead_time_days_sd: NDArray[np.float32],
    review_days: NDArray[np.float32], service_target: NDArray[np.float32], step: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill ``out`` (n, 5): mean and variance per day, then mean, variance and quantile over the protection time.

    All inputs of the reorder point are float32 values, as in the row's record. So the last published reorder point can
    be recomputed from the record: the variance per day is that of the protection time over its days. Forecasts are
    (n, 28) units and units squared, ``sums`` is that of the forecast, other arguments are (n,), as of `reorder_point`.
    NaN in a forecast gives NaN.
    """
    for i in range(lead_time_days_mean.size):
        # In a kernel float() of a float32 stays a float32, but the moments need double precision.
        lead_time, review = np.float64(lead_time_days_mean[i]), np.float64(review_days[i])
        sd, level = np.float64(lead_time_days_sd[i]), np.float64(service_target[i])
        days = lead_time + review
        daily = forecast_mean[i, 0]
        daily_variance = forecast_variance[i, 0]
        if days > 0.0:
            daily = sum_of_days(forecast_mean[i], days) / days
            daily_variance = sum_of_days(forecast_variance[i], days) / days
            opened = open_share(forecast_variance[i])
            daily_variance *= sum_ratio(sums[i], opened * days, opened * sd, level)
        out[i, 0] = np.float32(daily)
        out[i, 1] = np.float32(daily_variance)
        out[i, 2], out[i, 3] = moments(out[i, 0], out[i, 1], lead_time, sd, review)
        out[i, 4] = units_quantile(min(level, SERVICE_MAX), out[i, 2], out[i, 3], step[i])
