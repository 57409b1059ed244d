"""Days of rows that signals concern (weather, market, service tickets): factors on demand, and what a day teaches.

Timers put records in force, day inputs ask for factors, day closes let rows learn and put out what changed.

The factors of signals are part of a day's uplift, as those of promotions: they multiply what is sensed and the plan,
then both are blended, then opportunities are added. For a signal says how a day differs from other days, which neither
the level of a row nor the daily mean of a plan knows, while an opportunity is a quantity of its own. A day teaches the
level its demand divided by the factors in force, and a promotion what they do not explain, so nothing is learned twice.
Promoted days, days without stock and partly observed days teach nothing of signals.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.instants import day_number
from sensing.contracts.audit import AutomaticDecision, Rule
from sensing.contracts.forecast_parts import SignalUsed
from sensing.contracts.reference import SignalObserved
from sensing.contracts.subjects import parameters_subject
from sensing.demand.demand_record import HORIZON
from sensing.demand.model_inputs import DayInputs
from sensing.demand.opportunities import OPPORTUNITY
from sensing.demand.seasonal_profile import dispersion
from sensing.demand.signal_effects import POOL_DAYS, factors, product
from sensing.demand.signal_table import Day, Turned
from sensing.machine_settings import DAY_MS
from sensing.machines.close_schedule import NEVER
from sensing.machines.promoted_days import NOT_PROMOTED
from sensing.machines.shard_outputs import put_decision
from sensing.machines.shard_state import ShardState
from sensing.supply.rounding import rounded

Integers = NDArray[np.int64]
DATE_DAYS_MAX = 3660
"""A value date more than ten years from the event is no date."""


def is_regressor(event: Any) -> bool:
    """Whether a record is the value of a signal whose effect is learned."""
    return isinstance(event, SignalObserved) and event.kind != OPPORTUNITY


def value_in_force(s: ShardState, event: SignalObserved, time: int) -> None:
    """Keep the value of a signal. A record that names neither a day nor an event time is about no day."""
    timed = abs(time) < NEVER
    today = s.zones.local_hour(s.locations.zone_of(event.location), time) // 24 if timed else None
    date = today if event.value_date is None else day_number(event.value_date)
    if today is not None and date is not None and abs(date - today) > DATE_DAYS_MAX:
        date = today
    if date is not None:
        s.signals.apply(event, date, time - s.settings.lateness_ms if timed else -NEVER)


def match_signals(s: ShardState, rows: Integers) -> None:
    """Choose the signals of rows anew, if signals or master data have changed since it was done."""
    if not s.signals.version:
        return
    for row in s.signal_table.unmatched(rows, s.signals.version).tolist():
        sku, location = s.names_of(row)
        item, region = s.supply.master.item(sku), s.locations.records[int(s.rows.hot["location"][row])].region
        found = s.signals.in_scope((sku, location, None if item is None else item.family, region))
        pools = [(number, s.category_of(row), region or "") for number in found]
        before = s.signal_table.place(row, found, pools, s.signals.version)
        day = int(s.rows.hot["closed_day"][row]) + 1
        for number in before:
            series = s.signals.series[number]
            gone = Turned(number, series.signal, series.kind, used=False, day=day, gone=True)
            s.signal_table.turned.setdefault(row, []).append(gone)


def signal_factors(s: ShardState, rows: Integers, day: int, count: int) -> NDArray[np.float64]:
    """(n, count) factor of the signals in force on the demand of the days after local ``day``, as known at its end."""
    found = np.ones((len(rows), count))
    at, records = s.signal_table.in_force(rows)
    if len(at):
        z = _values(s, rows[at], records, day, count)
        each = factors(s.signal_table.effects(records)[:, None, :], z)
        found[at] = product(each, s.signal_table.records["used"][records][:, None, :] != 0)
    return found


def signals_of_day(s: ShardState, rows: Integers, day: int) -> Day | None:
    """Values and factors of a closed day for the rows that signals concern, as they were forecast the day before.

    None if there are no such rows, as in every shard without signals.
    """
    at, records = s.signal_table.known(rows)
    if not len(at):
        return None
    return s.signal_table.day(at, records, _values(s, rows[at], records, day - 1, 1)[:, 0, :])


def with_signals(inputs: DayInputs, signals: Day) -> DayInputs:
    """Inputs of a closed day whose uplift has the factors of the signals in force."""
    uplift = inputs.uplift.copy()
    uplift[signals.at] *= signals.factor
    return inputs._replace(uplift=uplift)


def learn_signals(
    s: ShardState, rows: Integers, inputs: DayInputs, kind: NDArray[np.int8], usual: NDArray[np.float64], signals: Day
) -> NDArray[np.float64]:
    """Let rows score and learn the signals of a closed day.

    Parameters
    ----------
    usual
        (n,) what was forecast without promotions and signals; NaN if the day says nothing.

    Returns
    -------
    NDArray
        (n,) what was forecast without promotions, but with the signals in force.
    """
    with_signals = usual.copy()
    with_signals[signals.at] *= signals.factor
    whole = (inputs.observed >= 1.0) & ~inputs.censored & (kind == NOT_PROMOTED) & (usual > 0.0)
    learning = whole[signals.at] & ~np.isnan(signals.z).all(axis=1)
    day = Day(*(column[learning] for column in signals))
    if len(day.at):
        ratios = [dispersion(s.demand.demand, int(row), s.demand.pool, int(pool))
                  for row, pool in zip(rows[day.at], inputs.pool[day.at], strict=True)]  # fmt: skip
        for number, k in s.signal_table.learn(day, inputs.quantity[day.at], usual[day.at], np.array(ratios)):
            _note(s, number, k, inputs.day)
    return with_signals


def _note(s: ShardState, number: int, k: int, day: int) -> None:
    """Note a signal that turned; one that was dropped is scored anew from now on."""
    table = s.signal_table
    record = table.records[number]
    series = s.signals.series[int(record["series"][k])]
    used = bool(record["used"][k])
    turned = Turned(
        series.number, series.signal, series.kind, used=used, day=day,
        effect=float(table.effects(np.array([number]))[0, k]), error_ratio=table.error_ratio(number, k),
        days=int(record["days"][k]),
    )  # fmt: skip
    table.turned.setdefault(int(record["row"]), []).append(turned)
    if not used:
        table.restart_scores(number, k)


def turned_rows(s: ShardState, rows: Integers) -> dict[int, list[Turned]]:
    """Take the signals of rows that turned since this was asked last."""
    if not s.signal_table.turned:
        return {}
    return {row: s.signal_table.turned.pop(row) for row in rows.tolist() if row in s.signal_table.turned}


def report_turned(s: ShardState, row: int, instant: int, turned: Turned) -> None:
    """Put out the decision to use a signal for a row, or to drop it."""
    sku, location = s.names_of(row)
    subject = parameters_subject(sku, location)
    named = f"Signal {turned.signal} ({turned.kind})"
    of_errors = f"the mean squared error of the forecast with it was {turned.error_ratio:.0%} of that without it"
    if turned.gone:
        reason = f"{named} is not used any more: it concerns the SKU-location no more, or is silent."
    elif turned.used:
        reason = f"{named} is used: over {turned.days} days {of_errors}."
    else:
        reason = f"{named} is not used any more: it does not pay; of late {of_errors}."
    inputs: dict[str, float | int | str | None] = {"signal": turned.signal, "kind": turned.kind}
    if not turned.gone:
        inputs |= {
            "effect": float(rounded(turned.effect)), "error_ratio": float(rounded(turned.error_ratio)),
            "days": turned.days,
        }  # fmt: skip
    rule: Rule = "use_signal" if turned.used else "drop_signal"
    decision = AutomaticDecision(
        rule=rule, subject=subject, sku=sku, location=location, inputs=inputs,
        prior="unused" if turned.used else "used", value="used" if turned.used else "unused", reason=reason,
    )  # fmt: skip
    put_decision(s, instant, instant, f"{rule}/{subject}/{turned.series}/{turned.day}", decision)


def take_in_signals(s: ShardState, instant: int) -> None:
    """Once a day: series learn the day that has ended, and pools take in what rows have learned."""
    if not s.signals.version:
        return
    s.signals.observe(instant // DAY_MS - 1, instant)
    s.signal_table.take_in()
    s.signal_table.forget(s.signals.series.__contains__)


def signals_used(s: ShardState, rows: Integers, day: int) -> list[list[SignalUsed]]:
    """Signals in force in the forecasts of rows from the day after local ``day`` on."""
    found: list[list[SignalUsed]] = [[] for _ in range(len(rows))]
    table = s.signal_table
    at, records = table.in_force(rows)
    if not len(at):
        return found
    z, effects = _values(s, rows[at], records, day, HORIZON), table.effects(records)
    each = factors(effects[:, None, :], z)
    for i, number in enumerate(records.tolist()):
        for k in np.flatnonzero(table.records["used"][number]).tolist():
            series = s.signals.series[int(table.records["series"][number, k])]
            value = series.value(day + 1, s.zones.day_end(s.zone_of(int(rows[at[i]])), day))
            found[int(at[i])].append(SignalUsed(
                signal=series.signal, kind=series.kind, value=None if value != value else value,
                mean=float(rounded(series.centre)), sd=float(rounded(series.variance**0.5)),
                effect=float(rounded(effects[i, k])), factor=float(rounded(each[i, 0, k])),
                days=int(np.count_nonzero(~np.isnan(z[i, :, k]))),
                learned_from="row" if table.records["square"][number, k] >= POOL_DAYS else "pool",
                error_ratio=float(rounded(table.error_ratio(number, k))),
                measured_days=int(table.records["days"][number, k]),
            ))  # fmt: skip
    return found


def signals_in_force(s: ShardState, rows: Integers) -> NDArray[np.bool_]:
    """(n,) whether a signal is in force for a row, so that its forecast changes without events."""
    found = np.zeros(len(rows), np.bool_)
    found[s.signal_table.in_force(rows)[0]] = True
    return found


def _values(s: ShardState, rows: Integers, records: Integers, day: int, count: int) -> NDArray[np.float64]:
    """(m, count, k) standardised values of the signals of records on the days after ``day``, as known at its end."""
    chosen = s.signal_table.records["series"][records].astype(np.int64)
    zones = s.locations.zone[s.rows.hot["location"][rows]].astype(np.int64)
    pairs, position = np.unique(zones[:, None] << 32 | chosen, return_inverse=True)
    values = np.full((len(pairs), count), np.nan)
    for at, pair in enumerate(pairs.tolist()):
        series = s.signals.series.get(pair & 0xFFFFFFFF)
        if series is not None:
            known_by = s.zones.day_end(pair >> 32, day)
            values[at] = [series.standardised(series.value(day + 1 + h, known_by)) for h in range(count)]
    return np.asarray(values[position.reshape(chosen.shape)].transpose(0, 2, 1))
