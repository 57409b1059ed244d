"""Plans and opportunities in a shard: blend in records, cold start, exceptions, large orders, cuts and restarts."""

import datetime as dt
from typing import Any

import numpy as np
import pytest

from sensing.machine_settings import Settings
from sensing.machines.forecast_and_plan import forecast_and_plan_of_row
from tests.claims import at, in_order, orders, states
from tests.machines.streams import Line, Result, Stream, line, run, sizes

pytestmark = pytest.mark.compiled

ONE = Settings(shards=1, dead_band=0.0)
ROW: dict[str, Any] = {"sku": "A", "location": "L"}
USUAL = orders("u", range(60), 5.0, unit_price=3.0, currency="EUR", **ROW)
"""Ten units a day."""


def date(day: int) -> str:
    """ISO date of a day."""
    return (dt.date(2026, 2, 2) + dt.timedelta(days=day)).isoformat()


def plan(per_day: float, start: int, days: int = 28, event_id: str = "plan", day: float = 1.0, **row: Any) -> Line:
    """A plan that takes effect on ``day``."""
    about = {**ROW, **row, "start": date(start), "days": days, "quantity_per_day": per_day}
    return line("plan.published", event_id, at(day, 12), **about)


def deal(day: float, probability: float, quantity: float = 200, event_id: str = "deal") -> Line:
    """An opportunity within ten days."""
    return line(
        "signal.observed", event_id, at(day, 12), signal="deal", kind="opportunity", probability=probability,
        quantity=quantity, horizon_days=10, **ROW,
    )  # fmt: skip


def result(*lines: Line, end: float = 40, base: list[Line] = USUAL) -> Result:
    """Result until the end of a day."""
    found = [*base, *lines]
    return run(Stream(in_order(found), end=at(end)), ONE)


def until(day: int) -> list[Line]:
    """Usual orders before a day."""
    return orders("u", range(day), 5.0, unit_price=3.0, currency="EUR", **ROW)


def means(found: Result, sku: str = "A", location: str = "L") -> Any:
    """Forecast at the end."""
    return np.array(found.table()[sku, location]["forecast_mean"])


def newest(found: Result, sku: str = "A") -> dict[str, Any]:
    """Newest published parameters of an item."""
    document: dict[str, Any] = [each for each in found.data("planning-parameters") if each["sku"] == sku][-1]
    return document


def test_a_new_plan_weighs_one_half_and_only_on_its_days() -> None:
    """A plan of 30 a day for days 45 to 54 lies halfway to what is sensed; other days stay as sensed."""
    sensed = means(result(base=until(40)))
    found = result(plan(30.0, 45, days=10, day=39), base=until(40))
    blended = means(found)

    covered = np.zeros(28, np.bool_)
    covered[5:15] = True
    assert blended[~covered] == pytest.approx(sensed[~covered])
    planned = 30.0 * sensed / sensed.mean()
    assert blended[covered] == pytest.approx((sensed + planned)[covered] / 2.0, abs=0.002)
    said = newest(found)["forecast"]["baseline"]
    assert (said["weight"], said["quantity_per_day"], said["days"], said["plan"]) == (0.5, 30.0, 10, "plan")
    assert (said["start"], said["end"]) == (date(45), date(54))
    assert said["planned"] == pytest.approx(planned[covered].sum(), rel=1e-4)
    # It was published on the event, the day before.
    assert said["sensed"] == pytest.approx(sensed[covered].sum(), rel=1e-3)


def test_a_plan_raises_quantiles_proposals_and_projection() -> None:
    """Twice as much planned raises the reorder point and the quantiles."""
    counted = line("inventory.counted", "c", at(39, 23.9), quantity=150, **ROW)
    plain = result(counted, base=until(40))
    raised = result(counted, plan(40.0, 40, day=38), base=until(40))
    before, after = (found.shards[0].state for found in (plain, raised))
    cover = [float(forecast_and_plan_of_row(s, 0, s.clock).plan.cover_days[0]) for s in (before, after)]

    assert newest(raised)["proposed"]["reorder_point"] > 1.5 * newest(plain)["proposed"]["reorder_point"]
    assert newest(raised)["forecast"]["quantiles"][3][8] > newest(plain)["forecast"]["quantiles"][3][8]
    assert cover[1] < 0.6 * cover[0]
    assert newest(plain)["forecast"]["baseline"] is None


@pytest.mark.parametrize(("per_day", "low", "high"), [(10.0, 0.3, 0.75), (40.0, 0.0, 0.2)])
def test_the_weight_follows_measured_errors(per_day: float, low: float, high: float) -> None:
    """After 30 days a plan that is right keeps its weight, one that is four times too high loses it."""
    found = newest(result(plan(per_day, 10, days=100, day=9), base=until(42), end=42))

    said = found["forecast"]["baseline"]
    assert low <= said["weight"] <= high
    assert said["measured_days"] >= 25


@pytest.mark.parametrize(("start", "days"), [(10, 5), (80, 10)])
def test_a_past_or_distant_plan_has_no_effect(start: int, days: int) -> None:
    """Neither one that has ended nor one that begins beyond the horizon changes the forecast."""
    assert means(result(plan(500.0, start, days), base=until(40))).tolist() == means(result(base=until(40))).tolist()


def test_an_item_without_sales_plans_with_its_plan() -> None:
    """Cold start: forecast, reorder point and order quantity are those of 6 a day; without the plan there is no row."""
    found = result(plan(6.0, 8, days=60, day=3, sku="NEW"), base=until(10), end=10)

    document = newest(found, "NEW")
    assert means(found, "NEW").tolist() == [6.0] * 28
    assert document["forecast"]["baseline"]["weight"] == 1.0
    assert document["proposed"]["reorder_point"] >= 6.0 * 7
    assert document["proposed"]["order_quantity"] > 0
    assert ("NEW", "L") not in result(base=until(10), end=10).table()


def test_a_plan_of_a_place_that_is_not_accepted_waits() -> None:
    """It starts when the location is known."""
    known = line("location.updated", "l", None, location="L")
    later = line("location.updated", "m", at(8), location="M")
    planned = plan(6.0, 5, days=60, day=3, sku="NEW", location="M")

    assert ("NEW", "M") not in result(known, planned, base=until(10), end=10).table()
    assert means(result(known, planned, later, base=until(10), end=10), "NEW", "M").tolist() == [6.0] * 28


def test_variance_opens_and_ends_with_the_plan() -> None:
    """40 a day are planned where 10 are sold: opened after two closes, with units and money; ended with the plan."""
    found = states(result(plan(40.0, 32, days=10, day=30), base=until(50), end=50), "forecast_variance")

    opened = next(state for state in found if state["status"] == "opened")
    assert opened["opened_at"].startswith(date(32))
    assert opened["expected"] > 3.0 * opened["observed"]
    assert opened["money"] == pytest.approx(3.0 * (opened["expected"] - opened["observed"]), rel=1e-3)
    assert "fewer" in opened["reason"]
    assert found[-1]["status"] == "resolved"
    assert found[-1]["reason"] == "The plan has ended or covers none of the next 28 days."
    assert len({state["exception_id"] for state in found}) == 1


def test_variance_ends_when_a_plan_that_agrees_replaces() -> None:
    """At the next close after the new plan took effect."""
    lines = (plan(40.0, 30, days=60, day=29), plan(10.0, 30, days=60, event_id="better", day=36))
    found = states(result(*lines, base=until(45), end=45), "forecast_variance")

    assert found[-1]["status"] == "resolved"
    assert found[-1]["reason"].startswith("A new plan of ")
    assert found[-1]["resolved_at"].startswith(date(37))


def test_a_plan_that_is_right_raises_nothing() -> None:
    """Ten a day are sold and planned."""
    assert states(result(plan(10.0, 20, days=60, day=19), base=until(50), end=50), "forecast_variance") == []


def test_an_opportunity_adds_its_expected_demand() -> None:
    """200 at 40 % in ten days are 8 a day more; the record explains it; after its horizon nothing is left."""
    plain = means(result(base=until(40)))
    found = result(deal(38.0, 0.4), base=until(40))

    # Days 40 to 48: the horizon began on day 39.
    assert (means(found) - plain).tolist() == pytest.approx([8.0] * 9 + [0.0] * 19, abs=2e-3)
    (said,) = newest(found)["forecast"]["opportunities"]
    assert said == {
        "signal": "deal", "probability": 0.4, "quantity": 200.0, "start": date(39), "end": date(48), "expected": 72.0,
    }  # fmt: skip
    late = result(deal(10.0, 0.4), base=until(40))
    assert means(late).tolist() == plain.tolist()


def test_uplift_then_blend_then_opportunity() -> None:
    """An uplift multiplies sensed forecast and plan alike; an opportunity is added to the blend as it is."""
    about = {"promotion": "p", "sku": "A", "start": date(42), "end": date(45), "uplift": 1.0}
    promoted = line("promotion.approved", "p", at(30), **about)
    planned = plan(30.0, 40, days=28, day=39)
    sensed, blended = (means(result(*lines, base=until(40))) for lines in ((), (planned,)))
    factors = np.ones(28)
    factors[2:6] = 2.0

    found = means(result(planned, promoted, deal(38.0, 0.4), base=until(40)))

    assert blended.mean() > 1.5 * sensed.mean()
    assert (found - blended * factors).tolist() == pytest.approx([8.0] * 9 + [0.0] * 19, abs=0.002)


def test_promoted_days_do_not_measure_a_plan() -> None:
    """The plan is a baseline: what a promotion sells says nothing of it."""
    about = {"promotion": "p", "sku": "A", "start": date(30), "end": date(33), "uplift": 1.0}
    days = (plan(10.0, 20, days=60, day=19), line("promotion.approved", "p", at(25), **about))

    found, plain = (result(*lines, base=until(40)).shards[0].state.baselines.plans for lines in (days, days[:1]))

    ((measured,), (without,)) = found.values(), plain.values()
    assert (measured.days, without.days) == (16.0, 20.0)


def test_an_opportunity_is_replaced_and_withdrawn() -> None:
    """More likely, then off."""
    plain = means(result(base=until(40)))
    likely = result(deal(38.0, 0.4), deal(38.2, 0.8, event_id="news"), base=until(40))
    off = result(deal(38.0, 0.4), deal(38.2, 0.0, event_id="news"), base=until(40))

    assert (means(likely) - plain)[0] == pytest.approx(16.0)
    assert means(off).tolist() == plain.tolist()


@pytest.mark.parametrize("end", [39.9, 42.0])
def test_a_large_order_of_the_same_size_is_not_counted_twice(end: float) -> None:
    """The order of 200 is open demand or history; next to nothing of the opportunity remains."""
    won = line("order.placed", "won", at(39, 15), order_id="W", quantity=200, **ROW)
    without = means(result(won, base=until(39), end=end))
    found = means(result(won, deal(38.0, 0.9), base=until(39), end=end))

    assert (found - without).sum() < 0.05 * 180.0
    assert (
        means(result(deal(38.0, 0.9), base=until(39), end=end)) - means(result(base=until(39), end=end))
    ).sum() > 100


@pytest.mark.parametrize("missing", ["sku", "location", "event_time"])
def test_an_opportunity_without_place_or_time_has_no_effect(missing: str) -> None:
    """Nobody knows where or when."""
    fields = {**ROW, "signal": "deal", "kind": "opportunity", "probability": 0.9, "quantity": 500} | {missing: None}
    time = fields.pop("event_time", at(38))
    signal = line("signal.observed", "deal", time, **fields)

    assert means(result(signal, base=until(40))).tolist() == means(result(base=until(40))).tolist()


def test_a_new_base_unit_converts_plans_and_opportunities() -> None:
    """What is added stays the same share of the forecast when the unit becomes a twelfth."""
    pieces = line("item.updated", "i", None, sku="A", base_unit="BOX", units={"EA": 1 / 12})
    boxes = line("item.updated", "j", at(39), sku="A", base_unit="EA", units={"BOX": 12})
    base = orders("u", range(39), 5.0, unit_of_measure="BOX", **ROW)
    lines = (pieces, plan(30.0, 35, days=30, day=30), deal(38.0, 0.5))

    before, after = (means(result(*lines, *more, base=base)) for more in ((), (boxes,)))

    # The dispersion of pools has a unit. So has the prior of weekdays, where the day since the change weighs more.
    assert after == pytest.approx(12.0 * before, rel=0.2)
    assert after.sum() == pytest.approx(12.0 * before.sum(), rel=0.04)


def scenario() -> Stream:
    """Plans, a cold start, a replaced opportunity, a large order, two more rows."""
    lines = [
        plan(30.0, 12, days=20, day=8), plan(12.0, 20, days=40, event_id="second", day=21),
        plan(6.0, 8, days=60, day=3, sku="NEW"), deal(15.0, 0.4), deal(18.0, 0.7, event_id="news"),
        line("order.placed", "won", at(20, 15), order_id="W", quantity=200, **ROW),
        *orders("b", range(30), 3.0, sku="B", location="L"),
    ]  # fmt: skip
    return Stream(in_order([*until(30), *lines]), end=at(31))


@pytest.mark.parametrize("size", [1, 7, 50])
def test_cuts_do_not_show(size: int) -> None:
    """Any blocks give the same bytes."""
    stream = scenario()
    assert run(stream, ONE, sizes(stream, size)).plain() == run(stream, ONE).plain()


def test_restarts_do_not_show() -> None:
    """A restored shard continues exactly."""
    stream = scenario()
    stops = [len(stream) * part // 8 for part in range(1, 8)]
    calm, found = run(stream, ONE), run(stream, ONE, stops, restarts=stops)
    assert found.plain() == calm.plain()
    assert [machine.dump() for machine in found.shards] == [machine.dump() for machine in calm.shards]


def test_tables_are_bounded() -> None:
    """A plan beyond the table is counted and has no effect."""
    lines = [plan(6.0, 5, days=60, day=3, event_id=name, sku=name) for name in ("N1", "N2", "N3")]
    stream = Stream(in_order([*until(8), *lines]), end=at(9))
    found = run(stream, Settings(shards=1, rows_max=2))
    assert found.shards[0].state.baselines.refused == 1
