"""No output record has a number with more digits than its unit and currency carry, and none that is not finite."""

import math
import typing
from typing import Any, cast

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sensing.contracts.audit import AutomaticDecision
from sensing.contracts.exception_details import SurgeDetails
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.number_kinds import Duration
from sensing.contracts.parameters import Accuracy, Change, Override, Proposed, Stock
from sensing.contracts.topic_registry import published
from sensing.machine_settings import DAY_MS, Settings
from sensing.machines.outbox import Outbox
from sensing.outputs import AUDIT, EXCEPTIONS, PARAMETERS, OutputRecord, encode
from sensing.published_numbers import NotFiniteError, round_array, round_record
from tests.machines.business import usual, young_stream
from tests.machines.output_digits import excess_digits, excess_of
from tests.machines.streams import MONDAY, Stream, line, run
from tests.searches import examples

pytestmark = pytest.mark.compiled


def all_of(result: Any) -> list[OutputRecord]:
    """Records of all machines."""
    return [record for records in result.outputs for record in records]


def parameters_of(records: list[OutputRecord]) -> list[dict[str, Any]]:
    """Data of the planning parameters among some records."""
    return [orjson.loads(record.data) for record in records if record.topic == PARAMETERS]


def test_ninety_days_of_a_business_have_no_digit_too_many() -> None:
    """Parameters, exceptions and audit, with fractions of some items, prices in several currencies and decisions."""
    records = all_of(usual())

    assert excess_of(records) == set()
    assert {document["decimals"] for document in parameters_of(records)} == {0, 3}
    assert {record.topic for record in records} >= {PARAMETERS, EXCEPTIONS, AUDIT}


@pytest.mark.parametrize("seed", range(3))
def test_short_histories_have_no_digit_too_many(seed: int) -> None:
    """New rows, whose figures are the roughest."""
    assert excess_of(all_of(run(young_stream(seed), Settings(shards=2)))) == set()


def orders(quantity: float, days: int = 40, **fields: Any) -> list[Any]:
    """Some order lines a day, each of a quantity."""
    return [
        line("order.placed", f"{sku} {day} {n}", MONDAY + day * DAY_MS + n, sku=sku, location="L",
             quantity=quantity * (1 + (day + n) % 3), **fields)
        for day in range(days) for n, sku in enumerate(("A", "B", "A"))
    ]  # fmt: skip


@pytest.mark.parametrize(("quantity", "decimals", "found"), [(7, None, 0), (0.7, None, 3), (0.7, 1, 1), (0.7, 0, 0)])
def test_a_row_has_the_decimals_of_its_unit(quantity: float, decimals: int | None, found: int) -> None:
    """Learned from its order lines, or stated by policy; reorder point and order quantity are in their steps."""
    stated = [line("policy.updated", "p", None, decimals={"EA": decimals})] if decimals is not None else []
    records = all_of(run(Stream([*stated, *orders(quantity)]), Settings(shards=1)))
    documents = parameters_of(records)

    assert excess_of(records) == set()
    assert {document["decimals"] for document in documents} == {found}
    for document in documents:
        proposed = document["proposed"]
        assert proposed["order_up_to"] == round(proposed["reorder_point"] + proposed["order_quantity"], found)
        assert proposed["reorder_point"] >= proposed["lead_time_demand_quantile"]


def test_proposed_order_quantities_keep_minimum_and_multiple() -> None:
    """A minimum of 10 and a multiple of 4 give at least 12."""
    item = line("item.updated", "i", None, sku="A", order_quantity_min=10, order_quantity_multiple=4)
    documents = parameters_of(all_of(run(Stream([item, *orders(1)]), Settings(shards=1))))
    quantities = {document["proposed"]["order_quantity"] for document in documents if document["sku"] == "A"}

    assert quantities
    assert all(quantity >= 12 and quantity % 4 == 0 for quantity in quantities)


def test_the_change_of_every_publication_adds_up() -> None:
    """Parts and rounding, as they are written, give the total; the total is the difference of two publications."""
    before: dict[tuple[str, str], float] = {}
    for document in parameters_of(all_of(usual())):
        change, row = document["change"], (document["sku"], document["location"])
        parts = [value for name, value in change.items() if name != "total" and isinstance(value, float)]
        places = document["decimals"] + 1
        assert round(sum(parts) - change["total"], places) == 0.0
        if row in before:
            assert round(before[row] + change["total"] - document["proposed"]["reorder_point"], places) == 0.0
        before[row] = document["proposed"]["reorder_point"]


def test_what_is_not_finite_is_null_or_does_not_leave() -> None:
    """A number that may be null is null; a record whose number may not is refused and counted."""
    outbox = Outbox(0)
    for value in (math.nan, math.inf, -math.inf):
        outbox.put(
            1, AUDIT, "t", "i", "s", 1, AutomaticDecision(rule="end_override", subject="s", value=value, prior=1.5)
        )
        outbox.put(1, AUDIT, "t", "i", "s", 1, _stock(value))
        outbox.put(1, AUDIT, "t", "i", "s", 1, Accuracy(wape=value, bias=None, coverage_95=0.5, days=1.0))
    taken = outbox.take()

    assert outbox.not_finite == 3
    assert [record.number for record in taken] == list(range(6))
    assert [orjson.loads(record.data).get("value", "none") for record in taken[::2]] == [None] * 3
    assert [orjson.loads(record.data)["wape"] for record in taken[1::2]] == [None] * 3


def _stock(value: float) -> Stock:
    return Stock(on_hand=1.0, on_order=value, open_demand=0.0, open_demand_by_day={}, stockout_date=None,
                 cover_days=None)  # fmt: skip


def test_money_has_the_decimals_of_its_currency() -> None:
    """Yen have none, dinars three, the base currency its own; details have the digits of their kinds."""

    def state(currency: str, base: str) -> ExceptionState:
        record = ExceptionState(
            exception_id="e", exception_type="t", version=1, status="opened", severity="low", opened_at="",
            updated_at="",
            money=1234.56789, margin=0.98765, money_base=1234.56789, currency=currency, base_currency=base,
            probability=1.23456789e-9, expected=2.0 / 3.0, decimals=0,
            details=SurgeDetails(window_hours=24, lift=100.0 / 3.0, units=20.0 / 3.0),
        )  # fmt: skip
        round_record(record)
        assert list(excess_digits(ExceptionState, orjson.loads(msgspec.json.encode(record)))) == []
        return record

    yen = state("JPY", "KWD")
    assert (yen.money, yen.margin, yen.money_base) == (1235.0, 1.0, 1234.568)
    assert (yen.probability, yen.expected, yen.details) == (
        1.235e-9, 0.667, SurgeDetails(window_hours=24, lift=33.33, units=7.0),
    )  # fmt: skip
    assert state("EUR", "EUR").money == 1234.57


def test_structs_within_a_record_are_copies() -> None:
    """What the state keeps is not rounded with the record that shows it."""
    kept = Override(field="order_quantity", value=1.23456789, decided_by="a", decided_role="p", decided_at="", until="")

    class Shown(msgspec.Struct):
        overrides: list[Override]
        by_day: dict[str, float]
        table: Any = None

    shown = Shown([kept], {"d": 1.23456789})
    round_record(shown)
    assert kept.value == 1.23456789
    assert shown.overrides[0].value == 1.234568
    assert shown.by_day == {"d": 1.234568}


def test_arrays_are_rounded_as_lists_are() -> None:
    """Forecasts are arrays until they are written."""

    class Table(msgspec.Struct):
        rows: list[list[float]]

    values = [[1.23456789, 0.0], [2.0, 1e-9]]
    as_list, as_array = Table(values), Table(values)
    as_array.rows = cast(Any, np.array(values))
    round_record(as_list)
    round_record(as_array)
    np.testing.assert_array_equal(as_array.rows, as_list.rows)
    as_array.rows = cast(Any, np.array([[math.nan]]))
    with pytest.raises(NotFiniteError):
        round_record(as_array)


@given(st.lists(st.floats(-1e12, 1e12)), st.integers(0, 6))
def test_arrays_are_rounded_as_numpy_does(values: list[float], places: int) -> None:
    """To the bit, and what is not finite is told."""
    given_values, out = np.array(values), np.empty(len(values))
    assert round_array(given_values, places, out)
    assert out.tobytes() == (np.round(given_values, places) + 0.0).tobytes()
    for value in (math.nan, math.inf):
        assert not round_array(np.append(given_values, value), places, np.empty(len(values) + 1))


@pytest.mark.parametrize("value", [-0.0, -1e-9])
def test_zero_has_no_sign(value: float) -> None:
    """Neither alone nor in an array."""

    class Shown(msgspec.Struct):
        number: Duration
        rows: list[float]

    shown = Shown(value, cast(Any, np.array([value])))
    round_record(shown)
    assert encode(shown) == b'{"number":0.0,"rows":[0.0]}'


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 3))
@hypothesis_settings(max_examples=examples(80))
def test_rounding_again_changes_nothing(value: float, decimals: int) -> None:
    """And never moves a number by more than half of its last digit."""
    change = Change(total=value, demand_mean=0.0, demand_spread=0.0, lead_time_mean=0.0, lead_time_spread=0.0,
                    service_target=0.0, sentence="")  # fmt: skip
    round_record(change)
    once = change.total
    round_record(change)
    assert change.total == once
    assert abs(once - value) <= 0.5000001e-6 + 1e-15 * abs(value)
    proposed = Proposed(**dict.fromkeys(Proposed.__struct_fields__, abs(value)))
    round_record(proposed)
    assert list(excess_digits(Proposed, msgspec.to_builtins(proposed))) == []


def test_every_number_of_an_output_has_a_kind() -> None:
    """A field without one would be rounded as an expectation, which may be wrong for it."""
    plain = [
        f"{struct.__name__}.{field.name}"
        for spec in published() for struct in spec.structs for field in msgspec.structs.fields(struct)
        if float in (field.type, *typing.get_args(field.type))
    ]  # fmt: skip
    assert plain == []
