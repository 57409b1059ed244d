"""Signals of rows, and what rows and their pools have learned of them; a part of a shard's state.

`sensing.machines.signalled_days` calls it. Only rows that a signal concerns have a record. Pools take in what rows have
learned once a day, row by row in the order of their numbers. So neither the order of closes nor the cut of the stream
changes a bit of their sums.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.demand.signal_effects import (
    DISCOUNT,
    GAIN_DISCOUNT,
    POOL_DAY_MAX,
    POOL_GAIN_DISCOUNT,
    RECENT_DISCOUNT,
    Comparison,
    day_weights,
    effect,
    factors,
    lesson,
    product,
    product_of_others,
    scores,
    starts,
    stops,
    t_value,
)
from sensing.state.snapshot import Encoded, pack, unpack

SIGNALS_PER_ROW = 4
"""Signals of a row: the most specific ones, then the oldest. Further ones in scope are counted."""
POOLS_MAX = 50_000
"""Pools of a shard. Further ones are no pools: their rows learn alone."""
_K = (SIGNALS_PER_ROW,)
ROW_SIGNALS = np.dtype([
    ("row", "i4"), ("beyond", "i4"),
    ("series", "i4", _K), ("pool", "i4", _K), ("used", "i4", _K), ("days", "i4", _K),
    ("moment", "f4", _K), ("square", "f4", _K), ("new_moment", "f4", _K), ("new_square", "f4", _K),
    ("gain", "f4", _K), ("gain_square", "f4", _K), ("recent", "f4", _K), ("recent_square", "f4", _K),
    ("without", "f4", _K), ("with_signal", "f4", _K), ("new_gain", "f4", _K), ("new_days", "f4", _K),
])  # fmt: skip
"""Signals of a row: ``series`` (0: free) with their ``pool`` (0: none), whether in force, and the sums of
`signal_effects`. ``beyond`` counts signals in scope that found no place, ``new_*`` is what no pool has taken in yet."""
COMPARED = ("gain", "gain_square", "recent", "recent_square", "without", "with_signal")
NEW = ("new_moment", "new_square", "new_gain", "new_days")
PoolKey = tuple[int, str, str]
"""Series, category of the item, region of the location."""


class Pool(msgspec.Struct):
    """What the rows of a pool have learned, as in `signal_effects`; a day is one observation of the gain."""

    number: int
    moment: float = 0.0
    square: float = 0.0
    gain: float = 0.0
    gain_square: float = 0.0
    recent: float = 0.0
    days: int = 0

    @property
    def t_value(self) -> float:
        """Gains in standard errors; 0 while the recent ones are losses."""
        return self.gain / math.sqrt(self.gain_square) if self.recent > 0.0 and self.gain_square > 0.0 else 0.0


class Turned(msgspec.Struct):
    """A signal that started or stopped being used for a row on local ``day``.

    ``effect`` is per standard deviation; ``error_ratio`` compares mean squared errors with and without the signal over
    ``days``. ``gone``: it was dropped because it concerns the row no more or fell silent.
    """

    series: int
    signal: str
    kind: str
    used: bool
    day: int
    effect: float = 0.0
    error_ratio: float = 1.0
    days: int = 0
    gone: bool = False


class Day(NamedTuple):
    """A closed day of n rows: positions and records of those with signals, values and factors of their signals."""

    at: NDArray[np.int64]
    records: NDArray[np.int64]
    z: NDArray[np.float64]
    factors: NDArray[np.float64]
    factor: NDArray[np.float64]
    """(m,) product of those in force."""


class SignalTable:
    """Signals and effects by row.

    Attributes
    ----------
    turned
        Changes that were not put out yet, by row.
    beyond, pools_refused
        Signals of rows beyond SIGNALS_PER_ROW; signals of rows whose pool found no place.
    """

    def __init__(self) -> None:
        self.records: NDArray[Any] = np.zeros(0, ROW_SIGNALS)
        self.count = 0
        self.pools: dict[PoolKey, Pool] = {}
        self.pools_refused = 0
        self.beyond = 0
        self.turned: dict[int, list[Turned]] = {}
        self._pool_columns = np.zeros((4, 1))
        self._of_row = np.zeros(0, np.int32)  # record + 1
        self._version = np.zeros(0, np.int32)

    def unmatched(self, rows: NDArray[np.int64], version: int) -> NDArray[np.int64]:
        """Those of ``rows`` whose signals were not chosen since ``version`` of the signals."""
        self._grow(int(rows.max(initial=-1)) + 1)
        return np.asarray(rows[self._version[rows] != version])

    def place(self, row: int, series: list[int], pools: list[PoolKey], version: int) -> list[int]:
        """Give a row the signals in scope, the most important first; returns those that were in force and are gone."""
        self._grow(row + 1)
        self._version[row] = version
        number = int(self._of_row[row]) - 1
        if number < 0 and not series:
            return []
        if number < 0:
            number = self._new_record(row)
        record = self.records[number]
        chosen = series[:SIGNALS_PER_ROW]
        beyond = len(series) - len(chosen)
        self.beyond += max(beyond - int(record["beyond"]), 0)
        record["beyond"] = beyond
        gone = [int(each) for each, used in zip(record["series"], record["used"], strict=True)
                if each and used and each not in chosen]  # fmt: skip
        for k in range(SIGNALS_PER_ROW):
            if record["series"][k] and record["series"][k] not in chosen:
                for name in ROW_SIGNALS.names[2:]:  # type: ignore[index]  # a structured type has names
                    record[name][k] = 0
        kept = record["series"].tolist()
        for each, key in zip(chosen, pools, strict=False):
            k = kept.index(each) if each in kept else kept.index(0)
            kept[k] = each
            record["series"][k] = each
            record["pool"][k] = self._pool_number(key)
        return gone

    def known(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions of the rows that have signals, and their records."""
        if not self.count:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._grow(int(rows.max(initial=-1)) + 1)
        numbers = self._of_row[rows].astype(np.int64) - 1
        at = np.flatnonzero(numbers >= 0)
        at = at[self.records["series"][numbers[at]].any(axis=1)]
        return at, numbers[at]

    def in_force(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions of the rows with signals in force, and their records."""
        at, records = self.known(rows)
        used = self.records["used"][records].any(axis=1)
        return at[used], records[used]

    def effects(self, records: NDArray[np.int64]) -> NDArray[np.float64]:
        """(m, k) effect of the signals of records."""
        found = self.records[records]
        moment, square = self._pool_columns[:2, found["pool"]]
        return effect(found["moment"].astype(np.float64), found["square"].astype(np.float64), moment, square)

    def day(self, at: NDArray[np.int64], records: NDArray[np.int64], z: NDArray[np.float64]) -> Day:
        """Factors of a day on which the signals of records have the values ``z`` (m, k); NaN: not known."""
        each = factors(self.effects(records), z)
        return Day(at, records, z, each, product(each, self.records["used"][records] != 0))

    def learn(
        self, day: Day, units: NDArray[np.float64], usual: NDArray[np.float64], dispersion: NDArray[np.float64]
    ) -> list[tuple[int, int]]:
        """Score signals on a day (m,) of demand, then learn it; returns (record, place) of those that turned.

        A row starts at most one signal a day, the one with the clearest gain. When one turns, the others that are not
        in force are scored anew, since they were compared with another forecast.
        """
        found = self.records[day.records]
        used = found["used"] != 0
        others = product_of_others(day.factors, used)
        known = ~np.isnan(day.z)
        without, with_signal = scores(units, usual, others, day.factors, dispersion)
        gain = np.where(known, without - with_signal, 0.0)
        added = (gain, gain**2, gain, gain**2, np.where(known, without, 0.0), np.where(known, with_signal, 0.0))
        for name, value in zip(COMPARED, added, strict=True):
            kept = RECENT_DISCOUNT if name.startswith("recent") else GAIN_DISCOUNT
            found[name] = np.where(known, kept * found[name] + value, found[name])
        found["days"] += known
        found["new_gain"] += gain.astype(np.float32)
        found["new_days"] += known
        weight = day_weights(usual[:, None] * others, dispersion)
        moment, square = lesson(units, usual, others, day.z, weight)
        for name, value in (("moment", moment), ("square", square)):
            found[name] = np.where(known, DISCOUNT * found[name] + value, found[name])
            found[f"new_{name}"] += value.astype(np.float32)
        turned = self._turn(found, used)
        self.records[day.records] = found
        return [(int(day.records[i]), int(k)) for i, k in zip(*np.nonzero(turned), strict=True)]

    def comparison(self, found: NDArray[Any]) -> Comparison:
        """Sums of the scores of records."""
        sums = {name: found[name].astype(np.float64) for name in COMPARED}
        return Comparison(**sums, days=found["days"].astype(np.int64))

    def error_ratio(self, number: int, k: int) -> float:
        """Mean squared error with a signal over that without it; 1 before any score."""
        record = self.records[number]
        return float(record["with_signal"][k] / record["without"][k]) if record["without"][k] > 0.0 else 1.0

    def restart_scores(self, number: int, k: int) -> None:
        """Score a signal anew that was dropped."""
        for name in (*COMPARED, "days"):
            self.records[name][number, k] = 0

    def take_in(self) -> None:
        """Add what rows have learned to their pools. Call it at the same instants in every run."""
        found = self.records[: self.count]
        at, place = np.nonzero((found["new_days"] > 0) & (found["pool"] > 0))
        order = np.argsort(found["row"][at], kind="stable")
        at, place = at[order], place[order]
        pool = found["pool"][at, place]
        sums = np.zeros((4, len(self.pools) + 1))
        for total, name in zip(sums, NEW, strict=True):
            np.add.at(total, pool, found[name][at, place].astype(np.float64))
            self.records[name][: self.count] = 0.0
        for each in self.pools.values():
            moment, square, gain, days = sums[:, each.number].tolist()
            if days > 0.0:
                part = min(1.0, POOL_DAY_MAX / square) if square > 0.0 else 0.0
                each.moment = DISCOUNT * each.moment + part * moment
                each.square = DISCOUNT * each.square + part * square
                each.gain = POOL_GAIN_DISCOUNT * each.gain + gain / days
                each.gain_square = POOL_GAIN_DISCOUNT * each.gain_square + (gain / days) ** 2
                each.recent = RECENT_DISCOUNT * each.recent + gain / days
                each.days += 1
        self._write_columns()

    def forget(self, alive: Callable[[int], bool]) -> None:
        """Forget the pools of series that are gone; records are numbered anew."""
        if all(alive(series) for series, _, _ in self.pools):
            return
        number = np.zeros(len(self.pools) + 1, np.int32)
        kept = {key: pool for key, pool in self.pools.items() if alive(key[0])}
        for new, pool in enumerate(kept.values(), 1):
            number[pool.number] = new
            pool.number = new
        self.pools = kept
        self.records["pool"] = number[self.records["pool"]]
        self._write_columns()

    def dump(self) -> bytes:
        """The whole state as bytes."""
        state = (self.beyond, self.pools_refused, list(self.pools.items()), list(self.turned.items()))
        version = np.trim_zeros(self._version, "b")
        return pack({
            "records": self.records[: self.count], "version": version, "state": Encoded(state, _State),
        })  # fmt: skip

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        parts = unpack(block, {"records": ROW_SIGNALS, "state": _State})
        self.records, self._version = parts["records"], parts["version"]
        self.count = len(self.records)
        self.beyond, self.pools_refused, pools, turned = parts["state"]
        self.pools, self.turned = dict(pools), dict(turned)
        self._of_row = np.zeros(len(self._version), np.int32)
        self._of_row[self.records["row"]] = np.arange(1, self.count + 1)
        self._write_columns()

    def _turn(self, found: NDArray[Any], used: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Start and stop signals in place; (m, k) those that turned."""
        seen = self.comparison(found)
        _, _, pool_t, pool_days = self._pool_columns[:, found["pool"]]
        start = starts(seen, pool_t, pool_days) & ~used & (found["series"] > 0)
        clear = np.where(start, t_value(seen.gain, seen.gain_square), -np.inf)
        first = np.arange(used.shape[1]) == clear.argmax(axis=1)[:, None]
        turned = np.asarray((start & first) | (stops(seen, pool_t) & used), np.bool_)
        found["used"] = (used ^ turned).astype(np.int32)
        anew = turned.any(axis=1, keepdims=True) & ~turned & (found["used"] == 0)
        for name in (*COMPARED, "days"):
            found[name][anew] = 0
        return turned

    def _pool_number(self, key: PoolKey) -> int:
        pool = self.pools.get(key)
        if pool is None:
            if len(self.pools) >= POOLS_MAX:
                self.pools_refused += 1
                return 0
            pool = self.pools[key] = Pool(len(self.pools) + 1)
            if self._pool_columns.shape[1] <= pool.number:
                more = np.zeros((4, max(pool.number, 16)))
                self._pool_columns = np.concatenate((self._pool_columns, more), axis=1)
        return pool.number

    def _write_columns(self) -> None:
        """Write the pools to columns for look-ups; column 0 is no pool."""
        self._pool_columns = np.zeros((4, len(self.pools) + 1))
        for pool in self.pools.values():
            self._pool_columns[:, pool.number] = pool.moment, pool.square, pool.t_value, pool.days

    def _new_record(self, row: int) -> int:
        if self.count == len(self.records):
            grown = np.zeros(max(2 * self.count, 16), ROW_SIGNALS)
            grown[: self.count] = self.records
            self.records = grown
        self.records[self.count] = np.zeros((), ROW_SIGNALS)
        self.records["row"][self.count] = row
        self.count += 1
        self._of_row[row] = self.count
        return self.count - 1

    def _grow(self, rows: int) -> None:
        if rows > len(self._of_row):
            more = np.zeros(max(rows, 2 * len(self._of_row), 64) - len(self._of_row), np.int32)
            self._of_row = np.concatenate((self._of_row, more))
            self._version = np.concatenate((self._version, more))


_State: Any = tuple[int, int, list[tuple[PoolKey, Pool]], list[tuple[int, list[Turned]]]]
