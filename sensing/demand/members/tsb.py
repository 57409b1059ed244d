"""Member: TSB for slow movers. It smooths the probability of demand every day, and the size on days with demand.

Source: Teunter, Syntetos, Babai (2011), Intermittent demand: linking forecasting to inventory obsolescence, eq. 5-7.
"""

from typing import Any

from numpy.typing import NDArray

from sensing.demand.members.member import Member
from sensing.jit import kernel

SALE_RATE = 0.04
SIZE_RATE = 0.05
SALE_RATE_MAX = 0.999
"""Bound of the probability behind a shifted one."""
SEASONAL_INDEX_MIN = 0.2
"""Lower bound of the seasonal index that a size is divided by."""


@kernel
def sale_chance(rate: float, observed: float) -> float:
    """Probability of demand in the observed share s of a day: 1 - (1 - rate)^s."""
    return rate if observed >= 1.0 else 1.0 - (1.0 - rate) ** observed


@kernel
def whole_day_units(rate: float, units: float, observed: float) -> float:
    """Expected units of a whole day with demand, if the observed share of the day had ``units``."""
    chance = sale_chance(rate, observed)
    return units * (chance / (observed * rate)) if chance > 0.0 else units


@kernel
def start_tsb(demand: NDArray[Any], row: int, size: float, share: float) -> None:
    """Start a row whose days have demand with probability ``share``."""
    demand[row]["sale_rate"], demand[row]["sale_size"] = share, size


@kernel
def learn_tsb(
    demand: NDArray[Any], row: int, units: float, seasonal_index: float, observed: float, weight: float
) -> None:
    """Update probability and size of demand with a day."""
    rate = demand[row]["sale_rate"]
    days = float(demand[row]["days"]) + demand[row]["prior_days"] + 1.0
    sold = 1.0 if units > 0.0 else 0.0
    error = sold - sale_chance(rate, observed)
    demand[row]["sale_rate"] = min(rate + weight * max(SALE_RATE, 1.0 / days) * error, 1.0)
    if units > 0.0:
        sales = float(demand[row]["sales"]) + 1.0
        size = whole_day_units(rate, units, observed) / max(seasonal_index / observed, SEASONAL_INDEX_MIN)
        demand[row]["sale_size"] += weight * max(SIZE_RATE, 1.0 / sales) * (size - demand[row]["sale_size"])


@kernel
def predict_tsb(demand: NDArray[Any], row: int, seasonal_index: float) -> float:
    """Probability of demand times its size."""
    units: float = seasonal_index * demand[row]["sale_rate"] * demand[row]["sale_size"]
    return units


@kernel
def restart_tsb(demand: NDArray[Any], row: int, level: float) -> None:
    """Take a shifted level: the rate of orders has shifted, which changes the probability of a day without any.

    With p = 1 - exp(-rate), a factor f on the rate gives 1 - (1 - p)^f. The size keeps the product at the level.
    """
    before = demand[row]["sale_rate"] * demand[row]["sale_size"]
    if before <= 0.0:
        return
    rate = 1.0 - (1.0 - min(demand[row]["sale_rate"], SALE_RATE_MAX)) ** (level / before)
    demand[row]["sale_rate"] = rate
    demand[row]["sale_size"] = level / rate if rate > 0.0 else 0.0


TSB = Member(
    name="tsb",
    rate=SALE_RATE,
    fields=[
        ("sale_rate", "f4"),  # probability that a day has demand
        ("sale_size", "f4"),  # units of an average day with demand
    ],
    in_units=["sale_size"],
    start=start_tsb,
    learn=learn_tsb,
    predict=predict_tsb,
    restart=restart_tsb,
)
