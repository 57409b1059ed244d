"""Promoted days of rows: the uplift of each day, and what a promoted day teaches.

Day inputs, day closes and the records of planning parameters call it.

A day of an approved promotion teaches the row's uplift and nothing else: level, profile and spread stay those of
ordinary days, so that the forecast is the old one after the end. That cannot hold for ever. A row with less than
``HISTORY_DAYS_MIN`` ordinary days, or in a run of more than ``RUN_DAYS_MAX`` promoted days, learns the day's demand
divided by the uplift in force. So does a day that only orders name as promoted.
"""

import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import local_date
from sensing.contracts.forecast_parts import PromotionUsed
from sensing.demand.model_inputs import DayInputs
from sensing.demand.promotion_uplift import Uplift, day_weight
from sensing.demand.seasonal_profile import dispersion
from sensing.machines.shard_state import ShardState
from sensing.state.promotions import Promotion

HISTORY_DAYS_MIN = 14
RUN_DAYS_MAX = 28
FACTOR_TAUGHT_MIN = 0.2
"""A day with a smaller factor is not divided by it: the quotient would be too noisy to learn."""
NOT_PROMOTED, NAMED, APPROVED = 0, 1, 2


def uplift_in_force(s: ShardState, row: int, promotion: Promotion) -> Uplift:
    """Uplift in force of a promotion of a row."""
    return s.uplifts.uplift(row, s.category_of(row), promotion.uplift)


def promoted_rows(s: ShardState, rows: NDArray[np.int64], first: int, count: int) -> list[tuple[int, list[Promotion]]]:
    """Positions of rows with promotions in ``count`` local days from ``first``, with these promotions."""
    if not len(s.promotions):
        return []
    found = [(at, s.promotions.within(*s.names_of(row), first, first + count - 1))
             for at, row in enumerate(rows.tolist()) if s.sku_of(row) in s.promotions]  # fmt: skip
    return [(at, promotions) for at, promotions in found if promotions]


def uplifts_of(s: ShardState, rows: NDArray[np.int64], first: int, count: int) -> NDArray[np.float64]:
    """(n, count) factor of approved promotions on the demand of each local day from ``first`` on; 1 without any."""
    factors = np.ones((len(rows), count))
    for at, promotions in promoted_rows(s, rows, first, count):
        row = int(rows[at])
        factors[at] = s.uplifts.day_factors(row, s.category_of(row), promotions, first, count)
    return factors


def promote(
    s: ShardState, rows: NDArray[np.int64], day: int, named: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int8]]:
    """Promotions of a closed day.

    Parameters
    ----------
    named
        (n,) whether an order of the day named a promotion.

    Returns
    -------
    tuple
        (n,) uplift in force, whether the promotion explains the day, and the kind: NOT_PROMOTED, NAMED or APPROVED.
    """
    uplift, explained = np.ones(len(rows)), np.zeros(len(rows), np.bool_)
    kind = np.where(named > 0.0, NAMED, NOT_PROMOTED).astype(np.int8)
    for at, promotions in promoted_rows(s, rows, day, 1):
        row = int(rows[at])
        kind[at] = APPROVED
        uplift[at] = s.uplifts.day_factors(row, s.category_of(row), promotions, day, 1)[0]
        history = int(s.demand.demand["days"][row])
        explained[at] = history >= HISTORY_DAYS_MIN and s.uplifts.run_days(row, day) < RUN_DAYS_MAX
    for at in np.flatnonzero(kind == NAMED).tolist():
        uplift[at] = s.uplifts.uplift(int(rows[at]), s.category_of(int(rows[at])), None, named=True).factor
    return uplift, explained | (uplift < FACTOR_TAUGHT_MIN), kind


def learn_uplifts(
    s: ShardState, rows: NDArray[np.int64], inputs: DayInputs, kind: NDArray[np.int8], usual: NDArray[np.float64]
) -> None:
    """Let promoted rows learn the ratio of a closed day to ``usual`` (n,), what was forecast without promotion."""
    for at in np.flatnonzero(kind != NOT_PROMOTED).tolist():
        row, expected, weight = int(rows[at]), float(usual[at]), 0.0
        if expected > 0.0:  # not if NaN: the day says nothing
            ratio_of_days = dispersion(s.demand.demand, row, s.demand.pool, int(inputs.pool[at]))
            weight = day_weight(expected * float(inputs.uplift[at]), float(ratio_of_days))
        ratio = float(inputs.quantity[at]) / expected if weight > 0.0 else 0.0
        s.uplifts.learn(row, inputs.day, ratio, weight, named=bool(kind[at] == NAMED))


def take_in_uplifts(s: ShardState, day: int) -> None:
    """Once a day: pools take in what rows have learned, and old promotions are forgotten. ``day`` is the UTC day."""
    s.uplifts.take_in({row: s.category_of(row) for row in s.uplifts.rows_to_take_in()})
    s.promotions.forget(day)


def promotions_used(s: ShardState, rows: NDArray[np.int64], first: int, count: int) -> list[list[PromotionUsed]]:
    """Promotions in the forecast of each row, with the uplift that was used."""
    found: list[list[PromotionUsed]] = [[] for _ in range(len(rows))]
    for at, promotions in promoted_rows(s, rows, first, count):
        for each in promotions:
            uplift = uplift_in_force(s, int(rows[at]), each)
            found[at].append(PromotionUsed(
                promotion=each.name, start=local_date(max(each.start, first)),
                end=local_date(min(each.end, first + count - 1)), uplift=round(uplift.factor - 1.0, 4),
                source=uplift.source, stated=each.uplift,
            ))  # fmt: skip
    return found
