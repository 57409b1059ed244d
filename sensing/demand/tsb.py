"""TSB for slow movers: the probability of demand is smoothed every day, its size only on days with demand.

Source: Teunter, Syntetos, Babai (2011), Intermittent demand: linking forecasting to inventory obsolescence, eq. 5-7.
"""

from typing import Any

from numpy.typing import NDArray

from sensing.jit import kernel

SALE_RATE = 0.04
SIZE_RATE = 0.05
CLASS_RATE = 0.05


@kernel
def learn_sales(demand: NDArray[Any], row: int, units: float, factor: float, observed: float) -> None:
    """Learn whether a day had demand, how much, and how long it had been coming; call before the day is counted.

    ``observed`` is the share of the day that was, ``factor`` the worth of this share. A share s of a day has demand
    with probability 1 - (1 - rate)^s, and what it has is scaled to a whole day that has demand.
    """
    days = float(demand[row]["days"]) + 1.0
    sold = 1.0 if units > 0.0 else 0.0
    rate = demand[row]["sale_rate"]
    expected = rate if observed >= 1.0 else 1.0 - (1.0 - rate) ** observed
    demand[row]["sale_rate"] = min(rate + max(SALE_RATE, 1.0 / days) * (sold - expected), 1.0)
    if units <= 0.0:
        demand[row]["silence"] = min(demand[row]["silence"] + 1, 65535)
        return
    sales = float(demand[row]["sales"]) + 1.0
    if expected > 0.0:
        units *= expected / (observed * rate)
    worth = max(factor / observed, 0.2)
    demand[row]["sale_size"] += max(SIZE_RATE, 1.0 / sales) * (units / worth - demand[row]["sale_size"])
    gain = max(CLASS_RATE, 1.0 / sales)
    demand[row]["size_mean"] += gain * (units - demand[row]["size_mean"])
    demand[row]["size_square"] += gain * (units * units - demand[row]["size_square"])
    demand[row]["interval"] += gain * (demand[row]["silence"] + 1.0 - demand[row]["interval"])
    demand[row]["silence"] = 0
    demand[row]["sales"] = min(demand[row]["sales"] + 1, 65535)
