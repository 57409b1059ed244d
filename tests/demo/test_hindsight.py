"""Verdicts in hindsight on a small made-up shop: what came after a problem decides whether it was real."""

import datetime as dt
import math
from typing import Any

import numpy as np
import pytest

from flows.demo.clock import DAY_MINUTES, local_time
from flows.demo.hindsight import EVIDENCE, Hindsight, poisson_at_most
from flows.demo.order_lines import CANCELLED, PLACED, Lines
from flows.demo.precision import Precision, precision
from flows.demo.supply_side import SUPPLIER_LEAD_DAYS, Purchase, SuppliedRows, Supply
from flows.demo.truth import Planted, Problem, Score
from sensing.contracts.exception_details import DelayDetails
from sensing.contracts.exceptions import ExceptionState

FIRST = 15_000
DAYS = 70
LEAD = SUPPLIER_LEAD_DAYS[0]


def shop(lines_of_day: dict[int, int], large: int = 1, *, cancelled: bool = False) -> Lines:
    """Two lines of item A a day, or as ``lines_of_day`` says; the last one of day 60 asks for ``large``."""
    days = [day for day in range(DAYS) for _ in range(lines_of_day.get(day, 2))]
    quantity = np.ones(len(days), np.int64)
    last = max(k for k, day in enumerate(days) if day <= 60)
    quantity[last] = large
    columns: dict[str, Any] = {
        "kind": np.full(len(days), PLACED), "minute": (FIRST + np.array(days)) * DAY_MINUTES + 600,
        "item": np.zeros(len(days), np.int64), "place": np.zeros(len(days), np.int64), "quantity": quantity,
        "price": np.ones(len(days)), "customer": np.zeros(len(days), np.int64),
        "document": np.array([f"o{k}" for k in range(len(days))], object), "position": np.ones(len(days), np.int64),
        "order": np.array([f"o{k}" for k in range(len(days))], object), "line": np.ones(len(days), np.int64),
    }  # fmt: skip
    lines = Lines(**columns, skus=["A"], locations=["UK"])
    if not cancelled:
        return lines
    gone = lines.take(np.array([last]))
    credit = gone._replace(kind=np.array([CANCELLED]), document=np.array(["c"], object), minute=gone.minute + 9)
    return lines.merged([credit])


def supplied(lines: Lines, shipped_less_on: tuple[int, ...] = (), purchases: list[Purchase] | None = None) -> Supply:
    """A supply side that ships everything, but for one unit a day late on some days."""
    demand = np.bincount(lines.minute // DAY_MINUTES - FIRST, minlength=DAYS)[:, None].astype(np.int64)
    shipped = demand.copy()
    for day in shipped_less_on:
        shipped[day] -= 1
        shipped[day + 1] += 1
    rows = SuppliedRows(np.array([0]), np.array([0]), 0)
    days = np.arange(FIRST, FIRST + DAYS)
    return Supply(rows, days, lines, lines.take(np.array([], np.int64)), demand, shipped, [], purchases or [], None)


def time_of(day: float) -> dt.datetime:
    """Local time of a day of the shop."""
    return local_time(round((FIRST + day) * DAY_MINUTES))


def state(kind: str, **fields: Any) -> ExceptionState:
    """An exception about item A with a window that began on day 58."""
    base: dict[str, Any] = {
        "exception_id": kind, "exception_type": kind, "version": 1, "status": "opened", "severity": "low", "sku": "A",
        "location": "UK", "opened_at": time_of(60.5).isoformat(), "updated_at": time_of(60.5).isoformat(),
        "window_start": time_of(58).isoformat(),
    }  # fmt: skip
    return ExceptionState(**(base | fields))


LATE = DelayDetails(po_id="SIM-PO-00001", line="A", supplier="S", units_open=10.0)


def verdict(kind: str, lines: Lines, supply: Supply | None = None, day: float = 60.5, **fields: Any) -> str | None:
    """The verdict about an exception that opened on a day."""
    return Hindsight(lines, supply or supplied(lines)).verdict(state(kind, **fields), time_of(day))


@pytest.mark.parametrize(("after", "expected"), [(2, "not_real"), (3, "not_real"), (4, "real"), (9, "real")])
def test_a_surge_is_real_if_it_lasts(after: int, expected: str) -> None:
    """Ten lines are usual in five trading days; 17 or more have a chance of 5 %. The alarm's day is left out."""
    assert verdict("order_surge", shop({60: 30} | dict.fromkeys(range(61, 66), after))) == expected


def test_a_drop_is_real_if_it_lasts() -> None:
    """Of 20 usual lines in ten trading days only 12 come, or all."""
    assert verdict("demand_drop", shop(dict.fromkeys(range(60, 69), 1)), day=58.5) == "real"
    assert verdict("demand_drop", shop({58: 0}), day=58.5) == "not_real"


def test_nothing_is_said_beyond_the_data() -> None:
    """The days after the alarm are not all in the data, or too few days are before it, or the item sells too rarely."""
    assert verdict("order_surge", shop({}), day=66.5) == "undecided"
    assert verdict("order_surge", shop({}), window_start=time_of(9).isoformat(), day=10.5) == "undecided"
    rare = shop({day: int(day % 10 == 0) for day in range(DAYS)})
    assert verdict("demand_drop", rare, day=58.5) == "undecided"
    assert verdict("stockout_projected", shop({}), day=66.5) == "undecided"
    assert verdict("stockout_projected", shop({}), location="EXPORT") == "undecided"


@pytest.mark.parametrize(
    ("large", "cancelled", "expected"), [(50, False, "real"), (50, True, "not_real"), (1, False, "not_real")]
)
def test_a_large_order_is_real_if_it_stays(large: int, cancelled: bool, expected: str) -> None:
    """It is larger than nearly all others, and nobody cancels it."""
    lines = shop({}, large, cancelled=cancelled)
    cause = next(f"{lines.document[k]}-1" for k in range(lines.size()) if lines.quantity[k] == large)
    assert verdict("large_order", lines, cause_event_ids=[cause]) == expected


@pytest.mark.parametrize(("cancelled", "expected"), [(True, "real"), (False, "not_real")])
def test_a_held_line_was_a_slip_if_it_is_cancelled(cancelled: bool, expected: str) -> None:
    """The customer says so by cancelling it."""
    lines = shop({}, 50, cancelled=cancelled)
    cause = next(f"{lines.document[k]}-1" for k in range(lines.size()) if lines.quantity[k] == 50)
    assert verdict("data_quality", lines, cause_event_ids=[cause]) == expected


def test_a_stock_out_is_real_if_orders_wait() -> None:
    """Orders wait on an evening of the lead time and a week, or only later."""
    lines = shop({})
    assert verdict("stockout_projected", lines, supplied(lines, (45,)), day=40.5) == "real"
    assert verdict("stockout_projected", lines, supplied(lines, (40 + LEAD + 8,)), day=40.5) == "not_real"


@pytest.mark.parametrize(
    ("late", "waiting", "expected"), [(2, (), "not_real"), (2, (41,), "real"), (2, (44,), "not_real"), (7, (), "real")]
)
def test_a_delay_is_real_if_orders_wait_or_it_is_long(late: int, waiting: tuple[int, ...], expected: str) -> None:
    """Orders wait between the promised day and the receipt, or the goods are a week late."""
    lines = shop({})
    purchase = Purchase(1, 0, 10, FIRST + 30, FIRST + 40, [], [(FIRST + 40 + late, 10)])
    supply = supplied(lines, waiting, [purchase])
    assert verdict("supplier_delay", lines, supply, details=LATE) == expected


def test_goods_that_never_come_are_late_to_the_end() -> None:
    """An order without a receipt is late by the days to the end of the data."""
    lines = shop({})
    purchase = Purchase(1, 0, 10, FIRST + 30, FIRST + 40, [(FIRST + 99, 10)])
    supply = supplied(lines, (), [purchase])
    assert verdict("supplier_delay", lines, supply, details=LATE) == "real"


def test_other_types_are_not_judged() -> None:
    """There is no rule for them, and every rule states its evidence."""
    assert verdict("master_data", shop({})) is None
    assert set(EVIDENCE) == {
        "order_surge", "demand_drop", "large_order", "data_quality", "stockout_projected", "supplier_delay",
    }  # fmt: skip


@pytest.mark.parametrize("mean", [0.0, 0.3, 2.0, 17.0])
def test_poisson(mean: float) -> None:
    """The sum of the terms."""
    for count in range(30):
        exact = sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(count + 1))
        assert poisson_at_most(count, mean) == pytest.approx(exact, abs=1e-9)


def test_precision_by_type() -> None:
    """Planted ones count as real, undecided ones not at all, and types without a rule have no precision."""
    lines = shop({60: 30} | dict.fromkeys(range(61, 66), 9))

    def problem(kind: str, name: str, opened: float = 60.5) -> Problem:
        opening = state(kind, exception_id=name)
        later = state(kind, exception_id=name, severity="high", window_start=time_of(69).isoformat())
        return Problem(opening, later, time_of(opened), None, frozenset())

    planted = Planted({}, problem("order_surge", "p"), 1.0)
    others = [problem("order_surge", "a"), problem("order_surge", "b", 69.5), problem("stockout_projected", "c")]
    found = precision(Score([planted, Planted({}, None, None)], [], others), Hindsight(lines, supplied(lines)))
    assert found == [
        Precision("order_surge", 3, 1, 1, 0, 1),
        Precision("stockout_projected", 1, 0, 0, 0, 1),
        Precision("all", 4, 1, 1, 0, 2),
    ]
    assert [each.share for each in found] == [1.0, None, 1.0]
