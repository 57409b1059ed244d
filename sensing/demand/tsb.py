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
def learn_sales(demand: NDArray[Any], row: int, units: float, factor: float) -> None:
    """Learn whether a day had demand, how much, and how long it had been coming; call before the day is counted."""
    days = float(demand[row]["days"]) + 1.0
    sold = 1.0 if units > 0.0 else 0.0
    demand[row]["sale_rate"] += max(SALE_RATE, 1.0 / days) * (sold - demand[row]["sale_rate"])
    if units <= 0.0:
        demand[row]["silence"] = min(demand[row]["silence"] + 1, 65535)
        return
    sales = float(demand[row]["sales"]) + 1.0
    worth = max(factor, 0.2)
    demand[row]["sale_size"] += max(SIZE_RATE, 1.0 / sales) * (units / worth - demand[row]["sale_size"])
    rate = max(CLASS_RATE, 1.0 / sales)
    demand[row]["size_mean"] += rate * (units - demand[row]["size_mean"])
    demand[row]["size_square"] += rate * (units * units - demand[row]["size_square"])
    demand[row]["interval"] += rate * (demand[row]["silence"] + 1.0 - demand[row]["interval"])
    demand[row]["silence"] = 0
    demand[row]["sales"] = min(demand[row]["sales"] + 1, 65535)
