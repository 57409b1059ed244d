"""Small seeded demand streams and the loop that feeds them to the models as the engine does."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensing.demand.model_inputs import DayInputs, Window
from sensing.demand.models import DemandModels

FIRST_DAY = 18_000  # a Sunday
KINDS = ("steady", "weekly", "slow", "lumpy", "bursty", "ending", "young", "huge", "fraction")


class Stream(NamedTuple):
    """Days of rows of several kinds. A row is closed from its day ``begin`` on."""

    quantity: NDArray[np.float64]
    lines: NDArray[np.float64]
    hours: NDArray[np.uint16]
    missing: NDArray[np.bool_]
    censored: NDArray[np.bool_]
    holiday: NDArray[np.float64]
    promoted: NDArray[np.float64]
    begin: NDArray[np.int64]
    pool: NDArray[np.int32]

    def inputs(self, rows: NDArray[np.int64], at: int) -> DayInputs:
        """Inputs of a day of the stream for these rows."""
        return DayInputs(
            FIRST_DAY + at, self.quantity[rows, at], self.lines[rows, at], self.hours[rows, at], self.pool[rows],
            np.where(self.missing[rows, at], 0.0, 1.0), self.censored[rows, at], self.holiday[rows, at],
            1.0 + self.promoted[rows, at], self.promoted[rows, at] * (rows % 2) > 0.0,
        )  # fmt: skip


def stream(seed: int, days: int) -> Stream:
    """Two rows of each kind, in two pools, with missing and censored days, holidays and promotions."""
    rng = np.random.default_rng(seed)
    weekday = (np.arange(days) + FIRST_DAY + 3) % 7
    week = np.array([1.2, 1.0, 0.9, 1.0, 1.4, 0.0, 1.5])[weekday]
    made = {
        "steady": rng.poisson(4.0, (2, days)),
        "weekly": rng.poisson(12.0 * week, (2, days)),
        "slow": rng.poisson(0.15, (2, days)),
        "lumpy": (rng.random((2, days)) < 0.2) * rng.geometric(0.05, (2, days)),
        "bursty": rng.negative_binomial(0.7, 0.05, (2, days)),
        "ending": np.where(np.arange(days) < days // 2, rng.poisson(2.0, (2, days)), 0),
        "young": rng.poisson(3.0, (2, days)),
        "huge": rng.poisson(40.0, (2, days)) * 2.5e7,
        "fraction": np.round(rng.gamma(2.0, 1.3, (2, days)), 3),
    }
    quantity = np.concatenate([made[kind] for kind in KINDS]).astype(np.float64)
    rows = quantity.shape[0]
    lines = np.minimum(quantity, 9.0).round()
    hours = np.zeros((rows, days, 24), np.uint16)
    hours[:, :, 9] = lines
    begin = np.zeros(rows, np.int64)
    begin[2 * KINDS.index("young") : 2 * KINDS.index("young") + 2] = max(days - 20, 0)
    day_flags = rng.random((4, 1, days)) < np.array([0.03, 0.02, 0.02, 0.05])[:, None, None]
    flags = np.broadcast_to(day_flags, (4, rows, days)).copy()
    return Stream(
        quantity, lines, hours, flags[0], flags[1], flags[2].astype(float), flags[3].astype(float), begin,
        np.tile(np.array([0, 1], np.int32), rows // 2),
    )  # fmt: skip


def started(found: Stream) -> DemandModels:
    """New models with records for the rows of the stream."""
    models = DemandModels()
    models.ensure(found.quantity.shape[0], 2)
    return models


def feed(models: DemandModels, found: Stream, start: int, stop: int, pieces: int = 1) -> None:
    """Close the days from ``start`` to ``stop``, each in several calls, and aggregate the pools after each day."""
    for at in range(start, stop):
        for rows in np.array_split(np.flatnonzero(found.begin <= at), pieces):
            models.close_day(rows, found.inputs(rows, at))
        models.aggregate_pools(np.arange(2), FIRST_DAY + at)


def open_window(rows: int, seed: int = 0) -> Window:
    """Window of 28 days with some holidays and promotions and no closed day."""
    rng = np.random.default_rng(seed)
    flags = (rng.random((2, rows, 28)) < 0.1).astype(float)
    return Window(np.zeros((rows, 28), np.bool_), flags[0], 1.0 + flags[1])
