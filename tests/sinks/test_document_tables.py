"""Documents as tables."""

import datetime as dt

import msgspec

from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.forecast_parts import (
    BaselineShare,
    NearTermForecast,
    OpportunityShare,
    PromotionUsed,
    SignalUsed,
)
from sensing.contracts.parameters import (
    Forecast,
    PlanningParameters,
    Stock,
)
from sinks import document_tables
from tests.sinks.documents import DECIDED, exception, planning

GROUPS = {"proposed", "forecast", "stock", "change", "in_force", "accuracy"}
"""Fields of planning parameters that become columns of their own, some under a longer name."""


def test_every_field_of_an_exception_has_a_column() -> None:
    """A field that is added to the contract does not get lost in tables."""
    assert set(document_tables.EXCEPTIONS_SCHEMA.names) == {*ExceptionState.__struct_fields__, "lineage"}


def test_every_field_of_parameters_has_a_column() -> None:
    """The same of planning parameters, groups included."""
    names = set(document_tables.PARAMETERS_SCHEMA.names)
    plain = set(PlanningParameters.__struct_fields__) - GROUPS

    assert names >= plain
    assert names >= set(Stock.__struct_fields__)
    forecast = {name if name == "method" else f"forecast_{name}" for name in Forecast.__struct_fields__}
    assert names >= forecast
    row = document_tables.parameters_row(
        msgspec.json.decode(planning(decided=DECIDED).data, type=PlanningParameters), "0001"
    )
    assert set(row) == names


def test_what_a_person_decided_is_in_the_row() -> None:
    """Decision, overrides and accuracy, with instants as such."""
    document = msgspec.json.decode(planning(decided=DECIDED).data, type=PlanningParameters)
    (row,) = document_tables.table(
        document_tables.PARAMETERS_SCHEMA, [document_tables.parameters_row(document, "0001")]
    ).to_pylist()

    assert (row["decision"], row["decided_by"], row["decision_reason"]) == ("override", "ann", "known")
    assert row["decided_at"] == dt.datetime(2010, 1, 4, 9, tzinfo=dt.UTC)
    assert (row["accuracy_wape"], row["accuracy_days"]) == (0.4, 80.5)
    assert [(override["field"], override["value"]) for override in row["overrides"]] == [("reorder_point", 60.0)]


def test_what_was_added_to_a_forecast_is_in_the_row() -> None:
    """Plan and near term as groups, promotions and opportunities as lists of groups."""
    document = msgspec.json.decode(planning().data, type=PlanningParameters)
    document.forecast.baseline = BaselineShare(
        weight=0.5, quantity_per_day=3.0, start="2026-02-02", end="2026-03-01", days=28, planned=84.0, sensed=40.0,
        measured_days=7.0, plan="p1",
    )  # fmt: skip
    document.forecast.opportunities = [
        OpportunityShare(signal="d", probability=0.4, quantity=9.0, start="2026-02-02", end="2026-02-03", expected=3.6)
    ]
    document.forecast.promotions = [
        PromotionUsed(promotion="p", start="2026-02-02", end="2026-02-03", uplift=0.5, source="stated", stated=0.5)
    ]
    document.forecast.signals = [
        SignalUsed(
            signal="heat", kind="weather", value=None, factor=1.0, effect=0.2, mean=18.0, sd=4.0, days=0,
            learned_from="pool", error_ratio=0.8, measured_days=40,
        )
    ]  # fmt: skip
    document.forecast.near_term = NearTermForecast(
        come=50.0, baseline=[8.0, 16.0], sensed=[10.0, 20.0], until="2026-02-03", lines=25, expected_lines=4.0,
        share=0.4, half_life_days=3.0, why="25 order lines came today, where 4 were usual by now.",
    )  # fmt: skip
    (row,) = document_tables.table(
        document_tables.PARAMETERS_SCHEMA, [document_tables.parameters_row(document, "0001")]
    ).to_pylist()

    assert row["forecast_near_term"] == msgspec.structs.asdict(document.forecast.near_term)
    assert row["forecast_signals"] == [msgspec.structs.asdict(document.forecast.signals[0])]
    assert row["forecast_promotions"] == [msgspec.structs.asdict(document.forecast.promotions[0])]
    assert row["forecast_baseline"] == msgspec.structs.asdict(document.forecast.baseline)
    assert row["forecast_opportunities"] == [msgspec.structs.asdict(document.forecast.opportunities[0])]


def test_what_is_not_known_is_null() -> None:
    """An ended exception has its instants, one without money has none."""
    states = [exception("a", status="resolved", resolved_at="2010-01-05T00:00:00.000Z"), exception("b", money=None)]
    rows = [
        document_tables.exception_row(msgspec.json.decode(each.data, type=ExceptionState), "0001") for each in states
    ]
    first, second = document_tables.table(document_tables.EXCEPTIONS_SCHEMA, rows).to_pylist()

    assert (first["resolved_at"], second["resolved_at"]) == (dt.datetime(2010, 1, 5, tzinfo=dt.UTC), None)
    assert (first["money"], second["money"]) == (1200.5, None)
