"""The supply state as the shard uses it: plans, documents, snapshots."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sensing.contracts.parameters import Accuracy, PlanningParameters
from sensing.contracts.reference import ItemUpdated, ParametersInForce, PolicyUpdated
from sensing.machine_settings import DAY_MS, Settings
from sensing.outputs import encode
from sensing.published_numbers import NotFiniteError, round_record
from sensing.supply.parameter_documents import ForecastSummary, Published
from sensing.supply.plan import Plan
from sensing.supply.publication_causes import Causes
from sensing.supply.stock_ledger import book_count, book_movement
from sensing.supply.supply_record import INVENTORY, ORDERS
from sensing.supply.supply_state import SupplyState
from tests.snapshots import resumed
from tests.supply.events import DAY, apply_event, book, event, names, owe, tell

CLOSED = DAY + 10
LONG_AGO = np.array([10_000])
"""Days since the level of a single row shifted."""


def _plan(b: SupplyState, mean: float | list[float] = 4.0, day: int = CLOSED, rows: int = 1, **more: Any) -> Plan:
    forecast = np.asarray(mean, np.float64) * np.ones((rows, 28))
    codes = np.full(rows, more.pop("code", 1), np.uint8)
    return b.plan(np.arange(rows), day, (day + 1) * DAY_MS, forecast, 2.0 * forecast, codes, **more)


def _published(b: SupplyState, plan: Plan) -> list[Published]:
    at = b.due(plan, LONG_AGO)
    quantiles = np.arange(11.0) * np.ones((at.size, 28, 1)) / 3
    yes: list[bool] = [True] * at.size
    none: list[Any] = [[] for _ in range(at.size)]
    unscored = dict.fromkeys(Accuracy.__struct_fields__, np.full(at.size, np.nan)) | {"days": np.zeros(at.size)}
    told = ForecastSummary(quantiles, ["smoothing"] * at.size, unscored, yes, yes, none, [{}] * at.size)
    return b.publish(plan, at, told, [Causes.of("day_close")] * at.size)


def _publish(b: SupplyState, plan: Plan) -> list[PlanningParameters]:
    return [published.document for published in _published(b, plan)]


def test_a_plan_of_one_row_by_hand() -> None:
    """Demand 4 a day, lead time 7 days stated: mean 28, variance 7 x 8 + (4 x 2.1)^2; two weeks of cover; stock day by
    day.
    """
    b = book(1)
    book_count(b.supply, 0, CLOSED * DAY_MS, 30_000)
    book_movement(b.supply, 0, CLOSED * DAY_MS + 1, -6000)
    tell(b, "placed", 8, quantity=40, promised=13, po_id="A")
    owe(b, 0, CLOSED - 1, 2000)
    owe(b, 0, CLOSED + 1, 9000)
    plan = _plan(b)

    assert plan.on_hand[0] == 24.0
    assert (plan.on_order[0], plan.open_demand[0], plan.overdue[0]) == (40.0, 11.0, 2.0)
    assert plan.receipts[0, 2] == plan.receipts.sum() == 40.0
    assert plan.lead_time_days_mean[0] == pytest.approx(7.0, abs=0.1)
    assert plan.lead_time_demand_mean[0] == pytest.approx(4 * plan.lead_time_days_mean[0], rel=1e-5)
    spread = 8 * plan.lead_time_days_mean[0] + (4 * plan.lead_time_days_sd[0]) ** 2
    assert plan.lead_time_demand_sd[0] ** 2 == pytest.approx(spread, rel=1e-4)
    assert plan.reorder_point[0] == math.ceil(plan.lead_time_demand_quantile[0])
    assert plan.safety_stock[0] == round(plan.reorder_point[0] - plan.lead_time_demand_mean[0])
    assert plan.order_quantity[0] == 56.0
    assert plan.order_up_to[0] == plan.reorder_point[0] + 56.0
    assert plan.stockout[0] == 14  # 24 - 2 + 40 - 9 - 4 t falls below zero there
    assert plan.cover_days[0] == pytest.approx(1 + 13 / 4)


def test_closing_together_or_apart_gives_the_same() -> None:
    """A row's plan does not depend on which rows close in the same call."""
    b = book(3)
    for row in range(3):
        tell(b, "placed", row, row=row, quantity=10, promised=5, supplier="A")
        tell(b, "placed", row, row=row, quantity=10, po_id="Q", supplier="A")
        owe(b, row, CLOSED + 5, 1000)
    for day in (40, 400):
        owe(b, 1, CLOSED + day, 1000 * day)
    tell(b, "received", 9, row=1, quantity=10)
    forecast = np.arange(1.0, 4.0)[:, None] * np.ones((3, 28))
    codes = np.ones(3, np.uint8)
    together = b.plan(np.arange(3), CLOSED, 0, forecast, forecast, codes)
    assert together.open_beyond == {1: {CLOSED + 40: 40.0, CLOSED + 400: 400.0}}
    for row in (2, 0, 1):
        apart = b.plan(np.array([row]), CLOSED, 0, forecast[[row]], forecast[[row]], codes[[row]])
        assert together.open_beyond.get(row) == apart.open_beyond.get(0)
        for name in set(Plan._fields[3:]) - {"open_beyond"}:
            assert np.array_equal(getattr(together, name)[[row]].tolist(), getattr(apart, name).tolist()) or (
                np.isnan(getattr(apart, name).astype(float)).all() if name != "policy" else True
            )


def test_an_overdue_order_raises_lead_time_and_reorder_point() -> None:
    """Before it arrives, and the more the longer it is overdue."""
    points = []
    for day in (1, 12, 20):
        b = book(1)
        tell(b, "placed", 0, quantity=10)
        points.append(_plan(b, day=DAY + day))

    assert points[0].lead_time_days_mean < points[1].lead_time_days_mean < points[2].lead_time_days_mean
    assert points[0].reorder_point <= points[1].reorder_point < points[2].reorder_point


def test_costs_make_the_order_quantity_economic() -> None:
    """Order cost 20, holding a quarter of 10 a year, 4 a day: 152.8, in whole units; multiples of 12."""
    b = book(1)
    b.reference(PolicyUpdated(event_id="1", order_cost=20.0, holding_rate_year=0.25))
    assert _plan(b).order_quantity[0] == 56.0
    assert _plan(b, unit_price=np.array([10.0])).order_quantity[0] == 153.0
    b.reference(ItemUpdated(event_id="2", sku="S0", unit_cost=10.0, order_quantity_multiple=12.0))
    assert _plan(b, unit_price=np.array([99.0])).order_quantity[0] == 156.0


def test_parts_of_documents_leave_rounded() -> None:
    """So rounding the whole record changes nothing."""
    b = book(1)
    owe(b, 0, CLOSED + 3, 1500)
    ((_, rounded, document),) = _published(b, _plan(b, 1 / 3))
    assert rounded == {"proposed", "stock", "accuracy", "change", "forecast"}
    before = encode(document)
    round_record(document)
    assert encode(document) == before


def test_a_document_with_a_number_that_is_not_finite_is_not_rounded() -> None:
    """The outbox refuses it then; a number that may be null is null."""
    b = book(1)
    (found,) = _published(b, _plan(b)._replace(on_hand=np.full(1, np.nan), on_order=np.full(1, np.inf)))
    assert found.rounded == frozenset()
    assert found.document.stock.on_hand is None
    with pytest.raises(NotFiniteError):
        round_record(found.document, found.rounded)


def test_a_document_says_it_all() -> None:
    """Every field is a plain number or text, of few digits, and unknown things are null."""
    b = book(1)
    b.mark_seen(0, ORDERS, CLOSED * DAY_MS + 999)
    b.mark_seen(0, ORDERS, 5)
    b.mark_seen(0, INVENTORY, DAY * DAY_MS)
    owe(b, 0, CLOSED + 3, 1500)
    b.reference(ParametersInForce(event_id="1", sku="S0", location="L", reorder_point=12.0), np.arange(1), DAY * DAY_MS)
    (document,) = _publish(b, _plan(b, 1 / 3))
    round_record(document)
    back = msgspec.json.decode(encode(document), type=PlanningParameters)

    assert encode(back) == encode(document)
    assert (back.sku, back.location, back.version, back.status) == ("S0", "L", 1, "proposed")
    assert (back.as_of, back.forecast.start, back.decimals) == ("2024-10-14", "2024-10-15", 3)
    assert back.demand_class == "smooth"
    assert back.forecast.mean == [0.333333] * 28
    assert back.forecast.quantiles[27][:3] == [0.0, 0.333333, 0.666667]
    assert back.stock.on_hand is None
    assert back.stock.stockout_date is None
    assert back.stock.cover_days is None
    assert back.stock.open_demand_by_day == {"2024-10-17": 1.5}
    assert back.in_force.reorder_point == 12.0
    assert back.in_force.since == "2024-10-04T00:00:00Z"
    assert back.freshness == {"orders": "2024-10-14T00:00:00Z", "inventory": "2024-10-04T00:00:00Z", "suppliers": None}
    assert back.change.sentence.startswith("First proposal: reorder point ")


def test_nothing_is_published_within_the_dead_band() -> None:
    """A change of less than a fifth, or of less than a unit, is kept back; a larger one is a new version with its
    reason.
    """
    b = book(1)
    (first,) = _publish(b, _plan(b, 100.0))
    assert _publish(b, _plan(b, 105.0, CLOSED + 1)) == []
    (second,) = _publish(b, _plan(b, 130.0, CLOSED + 4))
    assert (first.version, second.version) == (1, 2)
    assert second.change.total == pytest.approx(second.proposed.reorder_point - first.proposed.reorder_point, abs=1e-9)
    assert second.change.demand_mean > 0
    small = book(1)
    assert len(_publish(small, _plan(small, 0.05))) == 1
    assert _publish(small, _plan(small, 0.06, CLOSED + 1)) == []


def test_a_new_item_has_wider_bands() -> None:
    """While an item is new, moves within half are kept back, and within a week of a publication even larger ones."""
    b = book(1)
    assert len(_publish(b, _plan(b, 100.0, code=0))) == 1
    assert _publish(b, _plan(b, 200.0, CLOSED + 6, code=0)) == []
    assert _publish(b, _plan(b, 130.0, CLOSED + 7, code=0)) == []
    assert len(_publish(b, _plan(b, 200.0, CLOSED + 7, code=0))) == 1
    assert len(_publish(b, _plan(b, 900.0, CLOSED + 8, code=0))) == 1


def test_soon_after_a_publication_a_move_must_be_larger() -> None:
    """For four days a move of less than two bands waits."""
    b = book(1)
    assert len(_publish(b, _plan(b, 100.0))) == 1
    assert _publish(b, _plan(b, 130.0, CLOSED + 3)) == []
    assert len(_publish(b, _plan(b, 130.0, CLOSED + 4))) == 1
    assert len(_publish(b, _plan(b, 200.0, CLOSED + 5))) == 1


def test_a_small_part_of_the_spread_is_not_worth_a_publication() -> None:
    """A reorder point that moves by more than the dead band but by less than 0.3 deviations stays as it is."""
    b = book(1)
    b.reference(PolicyUpdated(event_id="1", dead_band=0.05))

    def erratic(ratio: float, day: int) -> Plan:
        forecast = np.full((1, 28), 2.0)
        return b.plan(np.arange(1), day, (day + 1) * DAY_MS, forecast, ratio * forecast, np.full(1, 3, np.uint8))

    (first,) = _publish(b, erratic(1000.0, CLOSED))
    before, kept_back = first.proposed.reorder_point, 0
    for ratio in np.arange(1000.0, 4000.0, 50.0).tolist():
        plan = erratic(ratio, CLOSED + 4)
        change = float(plan.reorder_point[0]) - before
        if 0.05 * before < change < 0.3 * float(plan.lead_time_demand_sd[0]):
            assert b.due(plan, LONG_AGO).size == 0
            kept_back += 1
        if change > max(0.05 * before, 0.3 * float(plan.lead_time_demand_sd[0])):
            assert b.due(plan, LONG_AGO).size == 1
    assert kept_back > 0


def test_bands_after_a_shift() -> None:
    """On its day a unit publishes; for two weeks after it half the band does, also for demand and soon after a
    publication; then the band is whole.
    """
    b = book(1)
    _publish(b, _plan(b, 40.0))

    def published(mean: float, day: int, since_shift: int) -> bool:
        return b.due(_plan(b, mean, CLOSED + day), np.array([since_shift])).size == 1

    assert published(40.5, 1, 0)
    assert not published(40.5, 1, 1)
    for since_shift, day, least in ((1, 1, 0.1), (14, 20, 0.1), (15, 20, 0.2), (15, 1, 0.4)):
        assert published(40.0 * (1.02 + least), day, since_shift)
        assert not published(40.0 * (0.98 + least), day, since_shift)
    b = book(1)
    _publish(b, _plan(b, 0.4))
    assert published(0.35, 1, 1)
    assert not published(0.35, 1, 15)


def test_other_reasons_to_publish() -> None:
    """Lead time, demand class, what is in force, and a forecast that ends, unless less than a unit is expected."""
    b = book(1)
    assert len(_publish(b, _plan(b, 0.0))) == 1
    assert _publish(b, _plan(b, 0.0, CLOSED + 1)) == []
    assert [one.demand_class for one in _publish(b, _plan(b, 0.0, CLOSED + 1, code=4))] == ["lumpy"]
    b.reference(ItemUpdated(event_id="1", sku="S0", lead_time_days=9.0))
    assert [one.proposed.lead_time_days_mean for one in _publish(b, _plan(b, 0.0, CLOSED + 1, code=4))] == [9.0]
    assert _publish(b, _plan(b, 0.0, CLOSED + 90, code=4)) == []
    b = book(1)
    assert len(_publish(b, _plan(b, 4.0))) == 1
    assert _publish(b, _plan(b, 4.0, CLOSED + 26)) == []
    (renewed,) = _publish(b, _plan(b, 4.0, CLOSED + 27))
    assert (renewed.version, renewed.change.total) == (2, 0.0)


def test_a_forecast_that_fell_to_less_than_a_unit_is_renewed_once() -> None:
    """Subscribers must not go on with what is not expected any more; after that nothing is left to say."""
    b = book(1)
    b.reference(PolicyUpdated(event_id="1", dead_band=1.0))
    assert len(_publish(b, _plan(b, 0.1))) == 1
    assert _publish(b, _plan(b, 0.01, CLOSED + 26)) == []
    assert len(_publish(b, _plan(b, 0.01, CLOSED + 27))) == 1
    assert _publish(b, _plan(b, 0.01, CLOSED + 54)) == []
    assert _publish(b, _plan(b, 0.01, CLOSED + 400)) == []


def test_a_silent_location_makes_proposals_stale() -> None:
    """Once, until it is heard of again; what is in force stays in force."""
    b = book(2)
    silent = np.ones(2, np.bool_)
    forecast = np.full((2, 28), 4.0)

    def plan(day: int, stale: Any = None) -> Plan:
        codes = np.full(2, 1, np.uint8)
        return b.plan(np.arange(2), day, (day + 1) * DAY_MS, forecast, forecast, codes, stale=stale)

    first, _ = _publish(b, plan(CLOSED))
    point, quantity = first.proposed.reorder_point, first.proposed.order_quantity
    record = ParametersInForce(event_id="1", sku="S1", location="L", reorder_point=point, order_quantity=quantity)
    b.reference(record, np.arange(2))
    assert [one.status for one in _publish(b, plan(CLOSED))] == ["in_force"]
    told = [_publish(b, plan(CLOSED + day, stale)) for day, stale in ((1, silent), (2, silent), (3, None), (4, None))]
    assert [[(one.sku, one.status) for one in each] for each in told] == [
        [("S0", "stale")], [], [("S0", "proposed")], [],
    ]  # fmt: skip
    assert b.status(0) == "proposed"


def test_status_is_in_force_when_the_erp_runs_on_the_proposal() -> None:
    """Parameters in force agree if all known values are within the dead band; a lead time alone does not suffice."""
    b = book(1)
    (first,) = _publish(b, _plan(b))
    point = first.proposed.reorder_point
    b.reference(ParametersInForce(event_id="1", sku="S0", location="L", lead_time_days=7.0), np.arange(1))
    assert _publish(b, _plan(b)) == []
    b.reference(ParametersInForce(event_id="2", sku="S0", location="L", reorder_point=1.05 * point), np.arange(1))
    assert [(one.status, one.version) for one in _publish(b, _plan(b))] == [("in_force", 2)]
    assert _publish(b, _plan(b)) == []
    b.reference(
        ParametersInForce(event_id="3", sku="S0", location="L", reorder_point=2 * point, order_quantity=56),
        np.arange(1),
    )
    assert [one.status for one in _publish(b, _plan(b))] == ["proposed"]


def test_a_row_without_forecast_is_not_published() -> None:
    """NaN plans are no documents."""
    assert _publish(book(1), _plan(book(1), float("nan"))) == []
    assert _plan(book(1), rows=0).rows.size == 0


def test_the_split_starts_from_what_was_published() -> None:
    """Over a walk of many versions the total is the difference of the two published reorder points."""
    b = book(1)
    rng = np.random.default_rng(3)
    before = None
    for step in range(40):
        if step % 5 == 0:
            b.reference(PolicyUpdated(event_id="1", service_target=float(rng.uniform(0.8, 0.99)), dead_band=0.0))
        mean = float(rng.lognormal(1.0, 1.5))
        for document in _publish(b, _plan(b, mean, CLOSED + step)):
            change = document.change
            if before is not None:
                difference = document.proposed.reorder_point - before
                sizes = [abs(value) for value in msgspec.structs.astuple(change) if isinstance(value, float)]
                digits = 1e-5 * max(before, document.proposed.reorder_point, *sizes)
                assert change.total == pytest.approx(difference, abs=digits)
            before = document.proposed.reorder_point


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("move", "count", "open", "placed", "received", "delayed", "item", "close")),
        st.integers(0, 1), st.integers(1, 30),
    ), min_size=4, max_size=24,
)  # fmt: skip


def _step(b: SupplyState, kind: str, row: int, number: int, at: int) -> bytes:
    time = (DAY + at) * DAY_MS + number
    if kind == "move":
        book_movement(b.supply, row, time, -number)
    elif kind == "count":
        book_count(b.supply, row, time, number)
    elif kind == "open":
        owe(b, row, DAY + at + number, number)
    elif kind == "item":
        b.reference(ItemUpdated(event_id="i", sku=f"S{row}", lead_time_days=float(number), supplier=f"A{number % 3}"))
    elif kind == "close":
        plan = _plan(b, number / 3, DAY + at, 2)
        return b"".join(encode(document) for document in _publish(b, plan))
    else:
        more: dict[str, Any] = {"promised": at + number} if kind != "received" else {}
        if kind != "delayed":
            more["quantity"] = number
        po_id = f"{row}{number % 4}"
        apply_event(b, event(kind, at, row, po_id=po_id, **more), row)
    return b""


@given(STEPS, st.integers(0, 24))
@hypothesis_settings(max_examples=60)
def test_a_restored_book_goes_on_as_if_there_had_been_no_break(steps: list[tuple[str, int, int]], stop: int) -> None:
    """Dump and load at any point of a stream: all later documents and the final state are byte for byte the same."""
    whole = book(2)
    told = [_step(whole, *step, at) for at, step in enumerate(steps)]
    broken = book(2)
    again = []
    for at, step in enumerate(steps):
        if at == min(stop, len(steps) - 1):
            broken = resumed(SupplyState(Settings(), broken._lines, broken._allocations, names), broken.dump())
        again.append(_step(broken, *step, at))

    assert told == again
    assert whole.dump() == broken.dump()


def test_room_grows_and_counts_beyond_the_reach_add_up() -> None:
    """Records keep their values when the table grows, and the state sums the counters of the rows."""
    b = book(1)
    book_count(b.supply, 0, 5, 7)
    b.ensure(100)
    for time in range(10, 20):
        book_movement(b.supply, 99, time, -1)
    book_count(b.supply, 99, 10, 50)

    assert len(b.supply) == 100
    assert b.supply["count_quantity"][0] == 7
    assert b.counts_beyond() == 1
