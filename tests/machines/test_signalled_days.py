"""Signals in a shard: found, used, shown and dropped; what is not used changes no byte; cuts and restarts."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from sensing.machine_settings import Settings
from sensing.machines.forecast_and_plan import forecast_and_plan_of_row
from sensing.machines.shard_state import ShardState
from sensing.machines.signalled_days import signal_factors, signals_used
from tests.claims import at, in_order
from tests.machines.signal_streams import (
    NORMALS,
    ONE,
    WEEKS,
    date,
    forecast_of,
    heat,
    ice_cream,
    result,
    sales,
    state_of,
    temperature,
    weather,
)
from tests.machines.streams import Result, Stream, line, run, sizes

pytestmark = pytest.mark.compiled


@cache
def hot_summer() -> Result:
    """Half a year of ice cream and weather."""
    return result(*sales(182, ice_cream), *weather(182), days=182)


@cache
def without_signals() -> Result:
    """The same sales."""
    return result(*sales(182, ice_cream), days=182)


def decisions(found: Result, rule: str) -> list[dict[str, Any]]:
    """Automatic decisions of a rule."""
    return [each for each in found.data("audit") if each.get("rule") == rule]


def newest(found: Result) -> dict[str, Any]:
    """Newest published parameters."""
    document: dict[str, Any] = found.data("planning-parameters")[-1]
    return document


def next_days(found: Result) -> dict[str, float]:
    """Forecast of the first day, by its date."""
    return {each["forecast"]["start"]: each["forecast"]["mean"][0] for each in found.data("planning-parameters")}


def force(s: ShardState, row: int = 0, effect: float = 0.2) -> None:
    """Put the first signal of a row in force by decree, with an effect that many days have taught."""
    number = int(s.signal_table.known(np.array([row]))[1][0])
    s.signal_table.records["used"][number, 0] = 1
    s.signal_table.records["square"][number, 0] = 1e6
    s.signal_table.records["moment"][number, 0] = effect * 1e6


def test_the_temperature_is_found_and_lowers_errors() -> None:
    """Within eight weeks; from then on the squared errors of next-day forecasts fall by a third or more."""
    (used,) = decisions(hot_summer(), "use_signal")
    assert decisions(hot_summer(), "drop_signal") == []
    with_signal, plain = next_days(hot_summer()), next_days(without_signals())
    start = date(8 * WEEKS)
    judged = [day for day in with_signal if day >= start and day in plain]
    assert len(judged) >= 100
    sold = {date(day): ice_cream(day) for day in range(182)}
    errors = [sum((said[day] - sold[day]) ** 2 for day in judged if day in sold) for said in (with_signal, plain)]
    assert errors[0] <= 0.5 * errors[1]
    assert used["inputs"] | {"signal": "temperature", "kind": "weather"} == used["inputs"]
    assert (used["prior"], used["value"], used["subject"]) == ("unused", "used", "A/L")
    assert used["reason"].startswith("Signal temperature (weather) is used: over ")
    used_from = next(each for each in hot_summer().data("planning-parameters") if each["forecast"]["signals"])
    assert used_from["as_of"] <= date(8 * WEEKS)


def test_the_record_shows_what_is_used() -> None:
    """Value, factor, effect and errors; the factor is 1 + effect x (value - mean) / sd; then the value is carried."""
    (used,) = newest(hot_summer())["forecast"]["signals"]
    assert (used["signal"], used["kind"], used["value"]) == ("temperature", "weather", temperature()[182])
    z = (used["value"] - used["mean"]) / used["sd"]
    assert used["factor"] == pytest.approx(1.0 + used["effect"] * z, rel=1e-3)
    assert 0.25 < used["effect"] < 0.6
    assert (used["days"], used["learned_from"]) == (8, "row")
    assert used["error_ratio"] < 0.7
    assert used["measured_days"] > 100
    assert newest(without_signals())["forecast"]["signals"] == []


def test_tickets_lower_demand() -> None:
    """Open tickets of an item halve its demand: a negative effect, and a factor near one half while they are open."""
    troubled = [day % 11 in (3, 4, 5) for day in range(141)]
    tickets = [
        line("signal.observed", f"t{day}", at(day - 1, 20), signal="open", kind="tickets", sku="A",
             value=8 if troubled[day] else 0)
        for day in range(141)
    ]  # fmt: skip
    sold = sales(140, lambda day: 10.0 if troubled[day] else 20.0)
    found = result(*sold, *tickets, days=140)
    (used,) = newest(found)["forecast"]["signals"]
    assert (used["effect"] < -0.15, used["value"]) == (True, 8 if troubled[140] else 0)
    of_day = [each["forecast"]["signals"] for each in found.data("planning-parameters")]
    factors = {each[0]["value"]: each[0]["factor"] for each in of_day if each}
    assert factors[8] / factors[0] == pytest.approx(0.5, abs=0.12)


def test_noise_changes_no_byte() -> None:
    """A signal that says nothing is not used: parameters and exceptions are those without it, to the byte."""
    sold = sales(160, lambda _: 20.0)
    found, plain = result(*sold, *weather(160), days=160), result(*sold, days=160)
    assert decisions(found, "use_signal") == []
    assert int(state_of(found).signal_table.records["days"][0, 0]) > 130
    for topic in ("planning-parameters", "exceptions"):
        records = [[each for each in result.outputs[0] if each.topic == topic] for result in (found, plain)]
        assert [each.data for each in records[0]] == [each.data for each in records[1]]
    assert found.columns[0]["forecast_mean"].tobytes() == plain.columns[0]["forecast_mean"].tobytes()


def test_an_effect_that_ends_is_dropped() -> None:
    """Demand follows the weather for 18 weeks, then not any more: the signal is dropped, with a sentence."""
    end = 18 * WEEKS
    sold = sales(250, lambda day: ice_cream(day) if day < end else 20.0)
    found = result(*sold, *weather(250), days=250)
    assert len(decisions(found, "use_signal")) == 1
    (dropped,) = decisions(found, "drop_signal")
    assert dropped["reason"].startswith("Signal temperature (weather) is not used any more: it does not pay;")
    assert (dropped["prior"], dropped["value"]) == ("used", "unused")
    assert newest(found)["forecast"]["signals"] == []


def test_master_data_move_a_row_out_of_scope() -> None:
    """An item that leaves the family loses the signal, with a decision; one that joins gets it."""
    lines = [
        line("item.updated", "i1", None, sku="A", family="ice"), *sales(182, ice_cream), *weather(182, family="ice"),
        line("item.updated", "i2", at(150, 12), sku="A", family="cream"),
    ]  # fmt: skip
    found = result(*lines, days=155)
    assert len(decisions(found, "use_signal")) == 1
    (dropped,) = decisions(found, "drop_signal")
    assert "concerns the SKU-location no more" in dropped["reason"]
    assert newest(found)["forecast"]["signals"] == []


def test_a_signal_without_news_is_stale() -> None:
    """Its value is carried for a week; after that the factor is 1 and the record shows no value."""
    lines = [*sales(182, ice_cream), *weather(150)]
    documents = result(*lines, days=165).data("planning-parameters")
    shown = {each["as_of"]: each["forecast"]["signals"][0] for each in documents if each["forecast"]["signals"]}
    days = {day: shown[date(day)]["days"] for day in range(149, 165) if date(day) in shown}
    assert days == {day: max(157 - day, 0) for day in days}
    assert {149, 156, 157} <= days.keys()
    last = shown[date(max(days))]
    assert (last["value"], last["factor"]) == (None, 1.0)


def test_days_ahead_have_their_own_values() -> None:
    """A forecast of five days has five factors; days after it carry the last one; what comes later is not known yet."""
    values = [10.0, 14.0, 18.0, 22.0, 26.0]
    stated = [forecast_of(182 + day, value, 181.9) for day, value in enumerate(values)]
    s = state_of(result(*sales(182, ice_cream), *weather(181), *stated, days=182))
    force(s)
    day = int(s.rows.hot["closed_day"][0])
    factors = signal_factors(s, np.array([0]), day, 28)[0]
    series = s.signals.series[1]
    z = [(value - series.centre) / math.sqrt(series.variance) for value in values]
    expected = [1.0 + 0.2 * min(max(each, -3.0), 3.0) for each in z]
    assert factors[:5].tolist() == pytest.approx(expected, rel=1e-3)
    assert factors[5:12].tolist() == pytest.approx([expected[-1]] * 7, rel=1e-3)
    assert factors[12:].tolist() == [1.0] * 16
    before = signal_factors(s, np.array([0]), day - 1, 28)[0]
    assert before[1] == pytest.approx(before[0])


def test_signals_multiply_plans_and_not_opportunities() -> None:
    """What is sensed and planned is multiplied; the opportunity is added after it."""
    about: dict[str, Any] = {"sku": "A", "location": "L"}
    lines = [
        *sales(40, ice_cream), *weather(40),
        line("plan.published", "plan", at(39, 12), **about, start=date(40), days=28, quantity_per_day=30),
        line("signal.observed", "deal", at(39, 12), **about, signal="deal", kind="opportunity", probability=0.5,
             quantity=56, horizon_days=28),
    ]  # fmt: skip
    s = state_of(result(*lines, days=40))
    plain = forecast_and_plan_of_row(s, 0, s.clock)
    force(s, effect=0.3)
    found = forecast_and_plan_of_row(s, 0, s.clock)
    factors = signal_factors(s, np.array([0]), int(s.rows.hot["closed_day"][0]), 28)[0]
    assert factors[0] != 1.0
    added = plain.parts.opportunities[0][0].mean
    assert added.sum() > 20
    assert (found.forecast.mean[0] - added).tolist() == pytest.approx(
        ((plain.forecast.mean[0] - added) * factors).tolist()
    )


def test_promoted_days_and_days_without_stock_teach_nothing() -> None:
    """They are neither scored nor learned; the promotion learns what the signal does not explain."""
    about: dict[str, Any] = {"sku": "A", "location": "L"}
    lines = [
        *sales(60, ice_cream), *weather(60),
        line("promotion.approved", "p", at(29), promotion="P", **about, start=date(30), end=date(39), uplift=0.0),
        line("inventory.counted", "none", at(50, 12), quantity=0, **about),
        line("inventory.counted", "some", at(52, 12), quantity=900, **about),
    ]  # fmt: skip
    table = state_of(result(*lines, days=60)).signal_table
    usual = state_of(result(*sales(60, ice_cream), *weather(60), days=60)).signal_table
    assert int(usual.records["days"][0, 0] - table.records["days"][0, 0]) == 10 + 2


def test_a_promotion_learns_what_signals_do_not_explain() -> None:
    """Hot promoted days: the same promotion is worth less where the weather explains a part of its days."""
    about: dict[str, Any] = {"sku": "A", "location": "L"}
    hot = [day for day in range(150, 182) if heat(day) > 0.4][:8]
    promoted = [
        line("promotion.approved", f"p{day}", at(149), promotion=f"P{day}", **about, start=date(day), end=date(day),
             uplift=0.0)
        for day in hot
    ]  # fmt: skip
    assert len(hot) >= 5
    both = state_of(result(*sales(182, ice_cream), *weather(182), *promoted, days=182))
    alone = state_of(result(*sales(182, ice_cream), *promoted, days=182))
    uplifts = [s.uplifts.uplift(0, "", 0.0).factor for s in (both, alone)]
    assert uplifts[1] > 1.1
    assert abs(uplifts[0] - 1.0) < 0.6 * (uplifts[1] - 1.0)


def test_a_young_row_has_the_effect_of_its_pool() -> None:
    """Twelve days old, it shares most of what the other row has learned; the record says where it comes from."""
    s = state_of(result(*sales(170, ice_cream), *sales(170, ice_cream, "B", start=158), *weather(170), days=170))
    old, young = s.signal_table.effects(s.signal_table.known(np.array([0, 1]))[1])[:, 0].tolist()
    assert 0.5 * old < young < old
    s.signal_table.records["used"][:, 0] = 1
    (of_old,), (of_young,) = signals_used(s, np.array([0, 1]), int(s.rows.hot["closed_day"][0]))
    assert (of_old.learned_from, of_young.learned_from) == ("row", "pool")
    assert 0 < of_young.measured_days < 14


def scenario() -> Stream:
    """Three rows of one pool, of which one signal is used, one is noise, and one comes and goes."""
    lines = [
        line("item.updated", "i", None, sku="A", family="ice", category="cold"),
        line("location.updated", "l", None, location="L", region="north"),
        line("location.updated", "m", None, location="M", region="north"),
        *sales(80, ice_cream), *sales(80, ice_cream, location="M", start=20), *sales(80, lambda _: 4.0, sku="B"),
        *weather(80, region="north"),
        *(forecast_of(day, float(NORMALS[-day]), day - 0.4, "noise", family="ice") for day in range(1, 80)),
        line("promotion.approved", "p", at(60), promotion="P", sku="A", start=date(62), end=date(65), uplift=0.3),
        line("item.updated", "i2", at(70), sku="A", family="cream", category="cold"),
    ]  # fmt: skip
    return Stream(in_order(lines), end=at(80))


@pytest.mark.parametrize("size", [1, 7, 50])
def test_cuts_do_not_show(size: int) -> None:
    """Any blocks give the same bytes."""
    stream = scenario()
    assert run(stream, ONE, sizes(stream, size)).plain() == run(stream, ONE).plain()


def test_restarts_do_not_show() -> None:
    """A restored shard continues exactly, with signals in force."""
    stream = scenario()
    stops = [len(stream) * part // 8 for part in range(1, 8)]
    calm, found = run(stream, ONE), run(stream, ONE, stops, restarts=stops)
    assert found.plain() == calm.plain()
    assert [machine.dump() for machine in found.shards] == [machine.dump() for machine in calm.shards]
    assert decisions(calm, "use_signal")


def test_a_signal_concerns_the_rows_of_every_shard() -> None:
    """Rows of one SKU each, each its own pool: the number of shards does not show in what they use."""
    lines = [
        *(line("item.updated", sku, None, sku=sku, category=sku) for sku in ("A", "B", "C")),
        *(order for sku in ("A", "B", "C") for order in sales(80, ice_cream, sku)), *weather(80),
    ]  # fmt: skip
    tables = [run(Stream(in_order(lines), end=at(80)), Settings(shards=n, dead_band=0.0)) for n in (1, 3)]
    used = [sorted((each["subject"], each["inputs"]["days"]) for each in decisions(found, "use_signal"))
            for found in tables]  # fmt: skip
    assert used[0] == used[1]
    assert used[0]
