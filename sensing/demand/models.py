"""All demand models of a shard. The shard machine closes days with them and asks them for forecasts.

Invariants
----------
- A day is scored before it is learned, for every model.
- The forecast of a row depends on its own record, its River models and its pool's last aggregates. It does not depend
  on which rows were closed in the same call. The rows of a pool are always closed in the same order, so that its sums
  are equal to the last bit.
- Memory per row is fixed. A row with River models takes about 12 KiB more.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.contracts.forecast_parts import NEAR_DAYS_MAX
from sensing.demand.calibration import aggregate_calibration, aggregate_dispersion
from sensing.demand.class_scores import aggregate_scores
from sensing.demand.cold_start import aggregate_shares
from sensing.demand.day_learning import close_rows
from sensing.demand.demand_record import DEMAND, HORIZON, POOL, RIVER, SUMS
from sensing.demand.feature_values import features_by_name
from sensing.demand.forecasting import forecast_rows, quantile_rows
from sensing.demand.members.registry import MEMBERS
from sensing.demand.mixture import member_level, member_weights
from sensing.demand.model_inputs import (
    LAYOUT,
    DayInputs,
    Forecast,
    NearTerm,
    Scores,
    Window,
    typed_inputs,
    typed_window,
)
from sensing.demand.month_profile import aggregate_month
from sensing.demand.near_term import (
    LEARNED_DAYS_MIN,
    aggregate_near,
    deviations,
    half_life_days,
    learned_share,
    lines_of_day,
    near_factors,
)
from sensing.demand.rescaling import rescale_rows
from sensing.demand.river_row import RiverRow, learn_days, write_coefficients
from sensing.demand.river_snapshot import dump_river_rows, load_river_rows
from sensing.demand.row_statistics import step_of
from sensing.demand.seasonal_profile import aggregate_hours, aggregate_weekday
from sensing.demand.sum_calibration import aggregate_sums, end_sum
from sensing.demand.sum_variance import COLUMNS
from sensing.state.record_copies import take_records
from sensing.state.snapshot import pack, unpack

RIVER_DAYS_MIN = 56
RIVER_SALES_MIN = 28
FOLLOWED_EXPOSURE = 25.0
"""While the level is a mean of fewer days, it moves faster than River's Holt-Winters does, which then follows it."""
DRIFT_EXPOSURE = 10.0
"""After a drift the exposure is cut to this many days, so that smoothing members learn at a rate of at least 0.1."""


class GivenDemand(msgspec.Struct):
    """What a row has learned: its record, and its River record and models, empty if it has none."""

    record: bytes
    river: bytes
    models: bytes


class DemandModels:
    """Scores, learns and forecasts the demand of the rows of one shard.

    Attributes
    ----------
    demand, pool, river
        Records of rows, pools and River rows (see `demand_record`). Kernels of other modules may read them.
    sums
        Calibration of sums of days and the sums of the near term, one record.
    models
        River models by row.
    drifts
        Number of drifts that ADWIN has detected.
    """

    def __init__(self) -> None:
        self.demand: NDArray[Any] = np.zeros(0, DEMAND)
        self.pool: NDArray[Any] = np.zeros(0, POOL)
        self.river: NDArray[Any] = np.zeros(0, RIVER)
        self.sums: NDArray[Any] = np.zeros(1, SUMS)
        self.models: dict[int, RiverRow] = {}
        self.drifts = 0

    def ensure(self, rows: int, pools: int) -> None:
        """Grow the records to at least this many rows and pools, by doubling; new records are zero."""
        self.demand = _grown(self.demand, rows)
        self.pool = _grown(self.pool, pools)

    def close_day(self, rows: NDArray[np.int64], inputs: DayInputs) -> NDArray[np.float64]:
        """Score every model of the rows on a local day, then learn the day.

        Parameters
        ----------
        rows
            (n,) distinct row numbers. The caller aggregates their pools after all rows have closed the day.

        Returns
        -------
        NDArray
            (n,) units that were forecast for the observed share of the day without the uplift of promotions; NaN if
            the day says nothing of its demand.

        Raises
        ------
        ValueError
            A row has already closed this day or a later one.
        """
        rows = np.require(rows, np.int64, LAYOUT)
        inputs = typed_inputs(inputs)
        last = self.demand["last_day"][rows]
        behind = (last > 0) & (last >= inputs.day)
        if behind.any():
            at = int(np.argmax(behind))
            msg = (
                f"close_day: row {rows[at]}: required a day after {last[at]}, got {inputs.day}; "
                "close each day once, in order"
            )
            raise ValueError(msg)
        out = np.empty((rows.size, 6))
        close_rows(
            self.demand, self.pool, self.river, self.sums, rows, inputs.day, inputs.quantity, inputs.lines,
            inputs.hours, inputs.pool, inputs.observed, inputs.censored, inputs.holiday, inputs.uplift,
            inputs.explained, out,
        )  # fmt: skip
        earned = self.demand["slot"][rows] > 0
        self._learn_river(rows, inputs, out, np.flatnonzero(earned & ~np.isnan(out[:, 0])))
        self._follow_level(rows[earned], out[earned])
        due = ~earned & (self.demand["days"][rows] >= RIVER_DAYS_MIN) & (self.demand["sales"][rows] >= RIVER_SALES_MIN)
        self._start_river(rows[due])
        usual: NDArray[np.float64] = out[:, 4]
        return usual

    def rescale(self, rows: NDArray[np.int64], factor: float) -> None:
        """Multiply what was learned of rows by ``factor``, when their base unit has changed."""
        rescale_rows(self.demand, self.river, self.models, rows, factor)

    def given(self, row: int) -> GivenDemand:
        """What a row has learned, for :meth:`adopt`."""
        slot = int(self.demand["slot"][row]) - 1
        record = self.demand[row : row + 1].tobytes()
        if slot < 0:
            return GivenDemand(record, b"", b"")
        return GivenDemand(record, self.river[slot : slot + 1].tobytes(), dump_river_rows({0: self.models[row]}))

    def adopt(self, row: int, pool: int, closed_day: int, given: GivenDemand, factor: float) -> None:
        """Add what another row has learned to a row.

        Levels add up, and everything else is that of one of the two: the one with River models, else that of the higher
        level. So it keeps weekday profile, spread and accuracy of the row that sold most.

        Parameters
        ----------
        pool, closed_day
            Location of the row, and the last local day that it has closed.
        factor
            Base units of this row in one of the other row.
        """
        record = np.frombuffer(given.record, DEMAND)[0]
        own, taken = float(self.demand["expected"][row]), factor * float(record["expected"])
        rank = (bool(self.demand["slot"][row]), own), (bool(given.river), taken)
        at = np.array([row])
        end_sum(self.demand, row)
        if rank[0] >= rank[1] and self.demand["days"][row] > 0:
            if own > 0.0:
                self.rescale(at, (own + taken) / own)
            return
        slot = self.demand["slot"][row]
        self.demand[row] = record
        end_sum(self.demand, row)
        self.demand["pool"][row], self.demand["slot"][row] = pool, slot
        self.demand["last_day"][row] = closed_day if record["last_day"] > 0 else 0
        if given.river:
            self._put_river(row, np.frombuffer(given.river, RIVER)[0], load_river_rows(given.models)[0])
        self.rescale(at, factor * (own + taken) / taken if taken > 0.0 else factor)

    def aggregate_pools(self, pools: NDArray[np.int64], day: int) -> None:
        """Add the totals of a day to the pools' profiles. Call once per pool after all its rows have closed the day."""
        weekday = (day + 3) % 7
        for at in pools.tolist():
            aggregate_month(self.pool, at, day)
            aggregate_weekday(self.pool, at, weekday)
            aggregate_hours(self.pool, at, weekday)
            aggregate_dispersion(self.pool, at)
            aggregate_shares(self.pool, at)
            aggregate_calibration(self.pool, at)
            aggregate_scores(self.pool, at)
            aggregate_near(self.pool, at, self.sums, day)
        aggregate_sums(self.sums, day)

    def forecast(self, rows: NDArray[np.int64], day: int, pool: NDArray[np.int32], window: Window) -> Forecast:
        """Forecast the 28 days after ``day``, the last closed day; changes no state."""
        rows, pool = np.require(rows, np.int64, LAYOUT), np.require(pool, np.int32, LAYOUT)
        window = typed_window(window)
        shape = (rows.size, HORIZON)
        codes = np.empty((2, rows.size), np.uint8)
        found = Forecast(np.empty(shape), np.empty(shape), codes[0], codes[1], np.empty((rows.size, COLUMNS)))
        forecast_rows(
            self.demand, self.pool, self.river, self.sums, rows, day, pool, window.closed, window.holiday,
            window.uplift, found.mean, found.variance, found.method, found.demand_class, found.sums,
        )  # fmt: skip
        return found

    def near_term(
        self, rows: NDArray[np.int64], day: int, pool: NDArray[np.int32], window: Window, lines: NDArray[np.float64],
        share: NDArray[np.float64],
    ) -> NearTerm:  # fmt: skip
        """What the order lines of a local ``day`` that has begun say of its rest and of the days after it.

        ``lines`` (n,) have come in the first ``share`` (n,) of the day's usual lines; the window starts with the day.
        Changes no state.
        """
        rows, pool = np.require(rows, np.int64, LAYOUT), np.require(pool, np.int32, LAYOUT)
        expected = np.empty(rows.size)
        lines_of_day(self.demand, self.pool, rows, pool, day, expected)
        expected *= share * window.uplift[:, 0]
        found = deviations(lines, expected)
        unusual = window.closed[:, 0] | (window.holiday[:, 0] > 0.0)
        found[unusual | (self.demand["days"][rows] < LEARNED_DAYS_MIN)] = 0.0
        lasting, decay = learned_share(self.sums["near"][0])
        return NearTerm(near_factors(found, lasting, decay, NEAR_DAYS_MAX), expected, lasting, half_life_days(decay))

    def quantiles(
        self, forecast: Forecast, rows: NDArray[np.int64], levels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Calibrated quantiles (n, 28, levels) of each day's demand. With rising ``levels`` they never fall."""
        rows, levels = np.require(rows, np.int64, LAYOUT), np.require(levels, np.float64, LAYOUT)
        out = np.empty((*forecast.mean.shape, levels.size))
        quantile_rows(
            self.demand, self.pool, rows, forecast.demand_class, forecast.mean, forecast.variance, levels, out
        )
        return out

    def scores(self, rows: NDArray[np.int64]) -> Scores:
        """Accuracy of the one-day forecasts of the rows."""
        found = take_records(self.demand, rows)
        days = found["score_weight"].astype(np.float64)
        sold = np.where(found["score_quantity"] > 0, found["score_quantity"], np.nan).astype(np.float64)
        scored = np.where(days > 0, days, np.nan)
        return Scores(
            found["score_absolute"] / sold, found["score_error"] / sold, found["score_covered"] / scored, days
        )

    def dump(self) -> bytes:
        """The state as bytes."""
        models = dump_river_rows(self.models)
        drifts = self.drifts.to_bytes(8, "little")
        return pack({"demand": self.demand, "pool": self.pool, "river": self.river, "sums": self.sums,
                     "models": models, "drifts": drifts})  # fmt: skip

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`. The models continue exactly as the dumped ones would."""
        parts = unpack(block, {"demand": DEMAND, "pool": POOL, "river": RIVER, "sums": SUMS})
        self.demand, self.pool, self.river, self.sums = (parts[name] for name in ("demand", "pool", "river", "sums"))
        self.drifts = int.from_bytes(parts["drifts"], "little")
        self.models = load_river_rows(parts["models"])

    def _learn_river(
        self, rows: NDArray[np.int64], inputs: DayInputs, out: NDArray[np.float64], places: NDArray[np.int64]
    ) -> None:
        """Teach the River models of the rows at positions ``places`` the day that the close wrote to ``out``."""
        if places.size == 0:
            return
        learning = rows[places]
        slots = self.demand["slot"][learning].astype(np.int64) - 1
        models = [self.models[row] for row in learning.tolist()]
        units, base, seasonal_index, errors = out[places, :4].T.tolist()
        features = features_by_name(inputs.day, inputs.holiday[places])
        days = list(zip(units, seasonal_index, base, self.river["scale"][slots].tolist(), features, strict=True))
        learn_days(models, days)
        for row, model, error in zip(learning.tolist(), models, errors, strict=True):
            if error == error and model.drifted(error):  # false if NaN: the day was not scored
                self._drifted(row)
        write_coefficients(self.river, slots, models)

    def _put_river(self, row: int, record: Any, model: RiverRow) -> None:
        """Put a River record and models in the place of those of a row."""
        slot = int(self.demand["slot"][row]) - 1
        if slot < 0:
            slot = len(self.models)
            self.river = _grown(self.river, slot + 1)
            self.demand["slot"][row] = slot + 1
        self.models[row] = model
        self.river[slot] = record
        self.river["row"][slot] = row

    def _drifted(self, row: int) -> None:
        """Speed up learning of a row after a detected drift."""
        self.drifts += 1
        self.demand["drifts"][row] = min(int(self.demand["drifts"][row]) + 1, 255)
        self.demand["exposure"][row] = min(float(self.demand["exposure"][row]), DRIFT_EXPOSURE)
        self.demand["prior_days"][row] = 0.0

    def _start_river(self, rows: NDArray[np.int64]) -> None:
        """Add River models to rows with enough history. They start at the level of the row's own members."""
        if not rows.size:
            return
        self.river = _grown(self.river, len(self.models) + rows.size)
        weights = np.zeros(len(MEMBERS))
        for row in rows.tolist():
            member_weights(self.demand, row, weights)
            model = RiverRow.started(member_level(self.demand, row, weights))
            slot = len(self.models)
            self.models[row] = model
            self.demand["slot"][row] = slot + 1
            self.river["row"][slot] = row
            self.river["scale"][slot] = (
                max(float(self.demand["square"][row]), 1e-3 * step_of(self.demand, row) ** 2) ** 0.5
            )
            write_coefficients(self.river, np.array([slot]), [model])

    def _follow_level(self, rows: NDArray[np.int64], out: NDArray[np.float64]) -> None:
        """Let River's models follow the level of the row's own members that has shifted on the day, or shortly before.

        ``out`` (n, 6) are the results of the close of these rows.
        """
        weights = np.zeros(len(MEMBERS))
        young = (self.demand["exposure"][rows] < FOLLOWED_EXPOSURE) & ~np.isnan(out[:, 0])
        for at in np.flatnonzero((out[:, 5] > 0.0) | young).tolist():
            row = int(rows[at])
            member_weights(self.demand, row, weights)
            self.models[row].restart(member_level(self.demand, row, weights))
            slot = int(self.demand["slot"][row]) - 1
            if out[at, 5] > 0.0:
                self.river["scale"][slot] *= out[at, 5]
            write_coefficients(self.river, np.array([slot]), [self.models[row]])


def _grown(records: NDArray[Any], size: int) -> NDArray[Any]:
    """The records, grown to at least ``size`` by doubling if they are fewer."""
    if size <= records.size:
        return records
    grown = np.zeros(max(size, 2 * records.size, 16), records.dtype)
    grown[: records.size] = records
    return grown
