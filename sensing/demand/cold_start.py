"""First level of a row: the size of its first day, times the share of days on which its pool's rows have demand.

Day learning calls it. A row's history begins with its first sale. So that day has demand by choice, and taken for a day
like others it makes the level of most rows far too high. It says how much a day with demand has, and nothing of how
often there is one. That is said by the pool's active rows, and counts as some days of the row:

    level = share x units / seasonal index,
    days  = mean of share x (1 - share) over the rows / variance of the shares between rows.

So a pool of rows that are alike says much, and one of rows that have little in common says little. A share has no unit,
so it does not matter that rows of a pool are measured in pieces and in tonnes. The row's later days are learned as if
these days had been before them. Without rows in the pool the first day is a day like others.

Source: Buehlmann (1967), Experience rating and credibility, for the days.
"""

from typing import Any

from numpy.typing import NDArray

from sensing.demand.demand_class import demand_class
from sensing.demand.demand_record import CLASSES
from sensing.demand.members.tsb import whole_day_units
from sensing.jit import kernel

INDEX_MIN = 0.2
"""Lower bound of the seasonal index that the first day's units are divided by."""
PRIOR_DAYS_MAX = 4.0
HISTORY_DAYS_MIN = 28
"""Days that a row has learned before it counts in its pool."""
SHARE_DISCOUNT = 0.9
"""Discount of a pool's totals per day: they are of about ten days."""
ROWS_PRIOR = 5.0
"""Rows with demand on every day that a pool has beside its own."""
VARIANCE_PRIOR = 0.1
"""Mean of share x (1 - share), and variance of the shares, among these rows."""
ROWS, SHARE, SQUARE = range(3)
"""Columns of ``shares``: discounted number of rows on days, sum of their shares and of the squares of these."""
_ENDING = CLASSES.index("ending")


@kernel
def count_share(demand: NDArray[Any], row: int, pool: NDArray[Any], at: int) -> None:
    """Add a row's share of days with demand to the day's totals of its pool, if it has a history and has not ended."""
    if demand[row]["days"] < HISTORY_DAYS_MIN or demand_class(demand, row) == _ENDING:
        return
    share = float(demand[row]["sale_rate"])
    pool[at]["day_shares"][ROWS] += 1.0
    pool[at]["day_shares"][SHARE] += share
    pool[at]["day_shares"][SQUARE] += share * share


@kernel
def aggregate_shares(pool: NDArray[Any], at: int) -> None:
    """Add the day's totals of shares to the discounted ones, and clear them. A day without rows leaves them."""
    if pool[at]["day_shares"][ROWS] <= 0.0:
        return
    for k in range(pool[at]["shares"].size):
        pool[at]["shares"][k] = SHARE_DISCOUNT * pool[at]["shares"][k] + pool[at]["day_shares"][k]
        pool[at]["day_shares"][k] = 0.0


@kernel
def share_prior(pool: NDArray[Any], at: int) -> tuple[float, float]:
    """Share of days on which a row of the pool has demand, and the days of a row that it counts for."""
    rows = (1.0 - SHARE_DISCOUNT) * pool[at]["shares"][ROWS]
    share = (1.0 - SHARE_DISCOUNT) * pool[at]["shares"][SHARE]
    square = (1.0 - SHARE_DISCOUNT) * pool[at]["shares"][SQUARE]
    between = max(square - share * share / rows, 0.0) if rows > 0.0 else 0.0
    prior = ROWS_PRIOR * VARIANCE_PRIOR
    days = (share - square + prior) / (between + prior)
    return (share + ROWS_PRIOR) / (rows + ROWS_PRIOR), min(max(days, 1.0), PRIOR_DAYS_MAX)


@kernel
def first_day(
    demand: NDArray[Any], row: int, pool: NDArray[Any], at: int, units: float, seasonal_index: float, observed: float
) -> tuple[float, float]:
    """Units of an average day with demand, and share of such days, of a row after its first day.

    Sets the days that both count beyond that day. ``seasonal_index`` is scaled by the ``observed`` share of the day.
    """
    share, days = share_prior(pool, at)
    demand[row]["prior_days"] = days - 1.0
    size: float = whole_day_units(share, units, observed) / max(seasonal_index / observed, INDEX_MIN)
    return size, share
