"""Decisions of planners about rows: the table, its bound, and the effect of overrides on a plan."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.parameters import OverrideField
from sensing.state.decision_record import DecisionRecord
from sensing.supply.plan import Plan
from sensing.supply.planner_decisions import FIELDS, DecisionStates, PlannerOverride, ProposalDecision
from sensing.supply.resolved_policy import RESOLVED_POLICY
from sensing.supply.rounding import in_units
from tests.snapshots import resumed

ANN = DecisionRecord(decision="override", decider="ann", role="planner", time=5, reason="r")
DECIMALS = 2
values = st.sampled_from((0.0, 3.25, 40.0, 123456.0))
overrides = st.dictionaries(st.sampled_from(FIELDS), values)


def plan_of(rows: int, **columns: float) -> Plan:
    """A plan of which the columns that overrides touch are given."""
    found: dict[str, Any] = {name: np.full(rows, np.nan) for name in Plan._fields} | {"day": 3, "rows": np.arange(rows)}
    found["policy"] = np.zeros(rows, RESOLVED_POLICY)
    found["policy"]["decimals"] = DECIMALS
    return Plan(**(found | {name: np.full(rows, value) for name, value in columns.items()}))


def overridden(decision_states: DecisionStates, row: int, told: dict[OverrideField, float], until: int = 9) -> None:
    """Let a person set values of a row."""
    kept = decision_states.make(row, 1)
    assert kept is not None
    kept.overrides = {field: PlannerOverride(value, until, ANN) for field, value in told.items()}


@given(overrides, overrides)
def test_overrides_and_what_follows(first: dict[OverrideField, float], second: dict[OverrideField, float]) -> None:
    """What a person set is there; the reorder point is mean plus safety stock, the level reorder point plus quantity,
    wherever a person has not set it; rows without overrides are as planned.
    """
    told = [first, {}, second]
    decision_states = DecisionStates(9)
    for row, given_values in enumerate(told):
        if given_values:
            overridden(decision_states, row, given_values)
    before = plan_of(3, lead_time_demand_mean=20.0, safety_stock=10.0, reorder_point=30.0, order_quantity=8.0,
                     order_up_to=38.0)  # fmt: skip
    after = decision_states.applied(before)
    for row, given_values in enumerate(told):
        safety, point = given_values.get("safety_stock"), given_values.get("reorder_point")
        if point is None:
            point = 30.0 if safety is None else float(in_units(20.0 + safety, DECIMALS, up=True))
        if safety is None:
            safety = float(in_units(max(point - 20.0, 0.0), DECIMALS))
        quantity = given_values.get("order_quantity", 8.0)
        level = given_values.get("order_up_to", float(in_units(point + quantity, DECIMALS)))
        found = [
            column[row] for column in (after.safety_stock, after.reorder_point, after.order_quantity, after.order_up_to)
        ]
        assert found == pytest.approx([safety, point, quantity, level], rel=1e-6)
    assert before.reorder_point.tolist() == [30.0] * 3
    days = np.full(3, 7.0, np.float32)
    decision_states.lead_times(np.arange(3), days)
    assert days.tolist() == [np.float32(g.get("lead_time_days", 7.0)) for g in told]


def test_the_table_is_bounded_and_forgets_what_is_over() -> None:
    """A full table refuses a new row; a row without decisions is dropped and makes room."""
    decision_states = DecisionStates(1)
    overridden(decision_states, 4, {"reorder_point": 5.0})
    assert decision_states.make(5, 1) is None
    assert decision_states.make(4, 7) is decision_states.of(4)
    decision_states.drop_if_empty(4, 1)
    assert len(decision_states) == 1
    kept = decision_states.of(4)
    assert kept is not None
    kept.overrides = {}
    for name in ("published_override", "due"):
        setattr(kept, name, True)
        decision_states.drop_if_empty(4, 1)
        assert decision_states.of(4) is kept
        setattr(kept, name, False)
    kept.proposal_decision = ProposalDecision("rejected", {"reorder_point": 5.0}, 1, 1, ANN)
    decision_states.drop_if_empty(4, 1)
    assert decision_states.of(4) is kept
    kept.proposal_decision = None
    decision_states.drop_if_empty(4, 2)  # its versions differ in their status only
    assert decision_states.of(4) is kept
    decision_states.drop_if_empty(4, 1)
    assert decision_states.of(4) is None
    assert decision_states.make(5, 1) is not None


def test_overrides_end_with_their_day() -> None:
    """Those that do not stand on a day are taken out, in order of their fields, and the approval that one was; others
    stay, and other rows.
    """
    decision_states = DecisionStates(9)
    overridden(decision_states, 1, {"reorder_point": 5.0, "order_quantity": 2.0}, until=9)
    overridden(decision_states, 2, {"reorder_point": 6.0}, until=10)
    for row in (1, 2):
        kept = decision_states.of(row)
        assert kept is not None
        kept.proposal_decision = ProposalDecision("approved", {}, 1, 1, ANN)
    assert decision_states.expire(np.arange(4), 9) == {}
    ended = decision_states.expire(np.arange(4), 10)
    assert {row: [(field, told.value) for field, told in gone] for row, gone in ended.items()} == {
        1: [("order_quantity", 2.0), ("reorder_point", 5.0)]
    }
    first, second = decision_states.of(1), decision_states.of(2)
    assert first is not None
    assert second is not None
    assert (first.overrides, first.proposal_decision, first.due) == ({}, None, True)
    assert (len(second.overrides), second.due) == (1, False)
    assert second.proposal_decision is not None


@given(st.lists(st.tuples(st.integers(0, 20), overrides), max_size=6))
def test_a_dump_restores_the_table(told: list[tuple[int, dict[OverrideField, float]]]) -> None:
    """To the last field, and in its order."""
    decision_states = DecisionStates(50)
    for row, given_values in told:
        overridden(decision_states, row, given_values)
        kept = decision_states.of(row)
        assert kept is not None
        kept.proposal_decision = ProposalDecision("approved", dict(given_values), 2, 3, ANN)
        kept.status = "approved"
    block = decision_states.dump()
    again = resumed(DecisionStates(50), block)
    assert again.dump() == block
    assert [again.of(row) for row, _ in told] == [decision_states.of(row) for row, _ in told]
