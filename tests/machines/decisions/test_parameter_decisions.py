"""Decisions about planning parameters, and executions: documents, statuses, overrides, parameters in force."""

from typing import Any

import pytest

from sensing.machine_settings import Settings
from sensing.machines.decisions.roles import parameter_roles
from sensing.outputs import PARAMETERS
from tests.claims import at, count, in_order, orders, world
from tests.machines.decisions.decision_messages import (
    answer_records,
    answers,
    decision,
    execution,
    noon,
    outcomes,
    quiet_weeks,
)
from tests.machines.streams import Line, Result, Stream, line, run

pytestmark = pytest.mark.compiled

SUBJECT = "A/L"
FIELDS = ("safety_stock", "reorder_point", "order_up_to", "order_quantity")
BUSIER = tuple(orders("b", range(70, 100), 9.0))


def told(*more: Line, days: float = 70, **options: Any) -> Result:
    """Ten weeks of steady orders with decisions; version 1 is published on day 0, the fourth on day 55."""
    return world([*quiet_weeks(), *more], days, **options)


def documents(found: Result) -> list[dict[str, Any]]:
    """All documents."""
    return found.data(PARAMETERS)


def proposed(document: dict[str, Any]) -> dict[str, float]:
    """The values of a proposal that can be overridden."""
    values = {field: document["proposed"][field] for field in FIELDS}
    return {**values, "lead_time_days": document["proposed"]["lead_time_days_mean"]}


CURRENT = documents(told())[-1]
VERSION: int = CURRENT["version"]


def test_an_approval_is_the_same_proposal_in_another_status() -> None:
    """The next version says approved, by whom and why, and proposes to the last digit what was approved; its stock
    and forecast are of today.
    """
    made = decision("d1", noon(60), SUBJECT, "approve", parameters_version=VERSION, reason="fits the budget")
    found = told(made)
    document = documents(found)[-1]
    assert (document["version"], document["status"]) == (VERSION + 1, "approved")
    assert document["proposed"] == CURRENT["proposed"]
    assert document["as_of"] == "2026-04-02"
    assert document["forecast"]["start"] == "2026-04-03"
    assert (document["change"]["total"], document["change"]["sentence"][:23]) == (0.0, "Reorder point unchanged")
    told_by = [document[f"decid{name}"] for name in ("ed_by", "ed_role", "ed_at")]
    assert told_by == ["ann", "planner", "2026-04-03T12:00:00.000Z"]
    assert (document["decision"], document["decision_reason"]) == ("approve", "fits the budget")
    (answer,), (record,) = answers(found), answer_records(found)
    assert (answer["prior"], answer["value"], answer["version"]) == ("proposed", "approved", VERSION + 1)
    assert answer["answer"] == "Approved by ann (planner): fits the budget. The parameters are approved."
    assert (record.id, record.subject) == ("audit/decision/A/L/d1", SUBJECT)
    (shown,) = [r for r in found.outputs[0] if r.id == f"{SUBJECT}#{VERSION + 1}"]
    assert (shown.type, shown.attributes["status"], shown.attributes["causationid"]) == (
        "parameters.approved", "approved", "d1",
    )  # fmt: skip
    automatic = [data for data in found.data("audit") if data.get("rule") == "publish_parameters"]
    assert len(automatic) == VERSION


def test_an_execution_moves_the_proposal_into_force() -> None:
    """The values of the version that was executed are in force since then; whoever approved it is answered by it."""
    approve = decision("d1", noon(60), SUBJECT, "approve", parameters_version=VERSION)
    for version in (VERSION, VERSION + 1, None):
        found = told(approve, execution("x1", noon(61), SUBJECT, parameters_version=version, reference="ERP 7"))
        document = documents(found)[-1]
        assert (document["version"], document["status"], document["decision"]) == (VERSION + 2, "in_force", None)
        values = proposed(CURRENT)
        assert document["in_force"] == {**values, "since": "2026-04-04T12:00:00Z"}
        assert document["proposed"] == CURRENT["proposed"]
        answer = answers(found)[1]
        assert (answer["decision"], answer["prior"], answer["value"]) == ("execute", None, values["reorder_point"])
        assert (answer["reason"], answer["decider"]) == ("ERP 7", None)
        assert answer["answer"] == (
            f"Version {version or VERSION + 1} is in force since 2026-04-04T12:00:00.000Z. The parameters are in_force."
        )
        assert len(found.shards[0].state.supply.decision_states) == 1  # its versions still differ in their status only


def test_what_was_approved_can_be_executed_after_the_next_proposal() -> None:
    """A newer proposal does not undo an approval: its execution moves the approved values into force, and the newer
    ones stay proposed.
    """
    approve = decision("d1", noon(60), SUBJECT, "approve")
    busier = orders("b", range(70, 75), 9.0)
    lines = [*busier, approve, execution("x1", noon(75), SUBJECT, parameters_version=VERSION + 1)]
    found = told(*lines, days=76)
    newer, last = documents(found)[-2:]
    assert outcomes(found) == [("d1", None), ("x1", None)]
    assert newer["status"] == last["status"] == "proposed"
    assert last["proposed"] == newer["proposed"]
    assert (
        last["in_force"]["reorder_point"] == CURRENT["proposed"]["reorder_point"] < newer["proposed"]["reorder_point"]
    )


def test_what_nobody_approved_is_stale_after_the_next_proposal() -> None:
    """An execution of an older version that was not approved is rejected: nobody remembers what it said."""
    found = told(execution("x1", noon(60), SUBJECT, parameters_version=VERSION - 1))
    assert outcomes(found) == [("x1", "stale")]
    assert answers(found)[0]["answer"] == (
        f"Required version {VERSION}, which is the current one, got version {VERSION - 1}."
    )
    assert documents(found) == documents(told())


def test_a_rejection_keeps_what_is_in_force_until_the_proposal_moves() -> None:
    """Rejected is told at once; within the dead band nothing is proposed again, not even when the publication is
    renewed; a material move is a new proposal.
    """
    force = line("parameters.in_force", "f", at(1), sku="A", location="L", reorder_point=500)
    reject = decision("d1", noon(60), SUBJECT, "reject", parameters_version=VERSION, reason="too much")
    found = told(force, reject, *orders("v", range(70, 100), 5.0), days=100)
    after = [d for d in documents(found) if d["version"] > VERSION]
    assert len(after) > 1
    assert {d["status"] for d in after} == {"rejected"}
    assert {(d["decision"], d["decided_by"], d["decision_reason"]) for d in after} == {("reject", "ann", "too much")}
    assert {d["in_force"]["reorder_point"] for d in after} == {500}
    moved = documents(told(force, reject, *BUSIER, days=100))[-1]
    assert (moved["status"], moved["decision"]) == ("proposed", None)


@pytest.mark.parametrize("field", [*FIELDS, "lead_time_days"])
def test_an_override_stands_in_the_proposal_and_what_follows_follows(field: str) -> None:
    """The value is a person's, told with its end; the others keep the sums that they must keep; it is an approval."""
    value = 21.0 if field == "lead_time_days" else 333.0
    made = decision("d1", noon(60), SUBJECT, "override", field=field, value=value, reason="strike", until="2026-04-20")
    found = told(made)
    document = documents(found)[-1]
    before, after = proposed(documents(found)[-2]), proposed(document)
    assert after[field] == value
    assert document["overrides"] == [
        {"field": field, "value": value, "decided_by": "ann", "decided_role": "planner",
         "decided_at": "2026-04-03T12:00:00.000Z", "until": "2026-04-20", "reason": "strike"},
    ]  # fmt: skip
    assert (document["status"], document["decision"]) == ("approved", "override")
    mean = document["proposed"]["lead_time_demand_mean"]
    assert after["safety_stock"] == pytest.approx(after["reorder_point"] - mean, abs=1.0)  # either may be rounded
    if field != "order_up_to":
        assert after["order_up_to"] == after["reorder_point"] + after["order_quantity"]
    change = document["change"]
    parts = (
        "demand_mean",
        "demand_spread",
        "lead_time_mean",
        "lead_time_spread",
        "service_target",
        "override",
        "rounding",
    )
    assert round(sum(change[part] for part in parts) - change["total"], 1) == 0.0
    assert (abs(change["override"]) > 100) == (field in ("reorder_point", "safety_stock"))
    assert (change["lead_time_mean"] > 100) == (field == "lead_time_days")
    (answer,) = answers(found)
    assert (answer["prior"], answer["value"], answer["field"]) == (before[field], value, field)
    assert answer["answer"].startswith(f"Overridden, {field} = {value:g}, by ann (planner): strike.")


def test_an_override_stands_until_its_day_is_over() -> None:
    """It is in every document and in the table until its last day has closed; then the engine's own value is published,
    and audited with what it replaces.
    """
    made = decision("d1", noon(60), SUBJECT, "override", field="reorder_point", value=333, until="2026-04-06")
    for days in (63, 64, 80):
        lines = orders("u", range(days), 5.0, unit_price=10.0, currency="EUR")
        found = world([count(500, 1), *lines, made], days)
        assert found.table()["A", "L"]["reorder_point"] == (333.0 if days < 64 else pytest.approx(108, rel=0.1))
    ended = next(data for data in found.data("audit") if data.get("rule") == "end_override")
    assert (ended["prior"], ended["inputs"]) == (333.0, {"field": "reorder_point"})
    assert ended["reason"] == "The override of reorder_point stood until 2026-04-06, set by ann (planner)."
    last = documents(found)[-1]
    assert (last["as_of"], last["status"], last["overrides"], last["decision"]) == ("2026-04-06", "proposed", [], None)
    assert last["change"]["override"] == pytest.approx(last["change"]["total"], abs=5)
    assert ended["value"] == last["proposed"]["reorder_point"]
    assert len(found.shards[0].state.supply.decision_states) == 0


def test_without_an_end_an_override_stands_four_weeks() -> None:
    """From the last closed day on."""
    document = documents(told(decision("d1", noon(60), SUBJECT, "override", field="order_quantity", value=7)))[-1]
    assert document["overrides"][0]["until"] == "2026-04-30"


def test_overrides_are_replaced_and_released() -> None:
    """A second one of the same field takes its place, one of another stands beside it; a release lifts all of them."""
    found = told(
        decision("d1", noon(60), SUBJECT, "override", field="reorder_point", value=333),
        decision("d2", noon(61), SUBJECT, "override", field="reorder_point", value=444),
        decision("d3", noon(62), SUBJECT, "override", field="order_quantity", value=5, role="buyer", decider="bob"),
        decision("d4", noon(63), SUBJECT, "release", reason="strike is over"),
        decision("d5", noon(64), SUBJECT, "release"),
    )
    shown = [[(o["field"], o["value"], o["decided_by"]) for o in d["overrides"]] for d in documents(found)[-4:]]
    assert shown == [
        [("reorder_point", 333, "ann")], [("reorder_point", 444, "ann")],
        [("order_quantity", 5, "bob"), ("reorder_point", 444, "ann")], [],
    ]  # fmt: skip
    assert documents(found)[-1]["status"] == "proposed"
    assert answers(found)[3]["prior"] == "order_quantity, reorder_point"
    assert outcomes(found) == [("d1", None), ("d2", None), ("d3", None), ("d4", None), ("d5", "not_applicable")]
    assert answers(found)[4]["answer"] == "Required parameters with an override, got parameters without."


def test_an_overridden_value_in_force_is_in_force() -> None:
    """What a person set and the ERP executed is in force, override and all."""
    found = told(
        decision("d1", noon(60), SUBJECT, "override", field="reorder_point", value=333),
        execution("x1", noon(61), SUBJECT),
    )
    document = documents(found)[-1]
    assert (document["status"], document["in_force"]["reorder_point"]) == ("in_force", 333)
    assert document["overrides"][0]["value"] == 333


WORDS = "Required a sku/location whose parameters were published, with a slash in a name as %2F, got"
REJECTED: dict[str, tuple[Line, str, str]] = {
    "a role without the right": (
        decision("d", noon(60), SUBJECT, "approve", role="buyer"), "wrong_role",
        "Required role planner or admin, got buyer.",
    ),
    "a buyer's reorder point": (
        decision("d", noon(60), SUBJECT, "override", field="reorder_point", value=3, role="buyer"), "wrong_role",
        "Required role planner or admin, got buyer.",
    ),
    "an older version": (
        decision("d", noon(60), SUBJECT, "reject", parameters_version=1), "stale",
        f"Required version {VERSION}, which is the current one, got version 1.",
    ),
    "a version of the future": (
        decision("d", noon(60), SUBJECT, "approve", parameters_version=99), "unknown_version",
        f"Required version {VERSION}, which is the current one, got version 99.",
    ),
    "an execution of the future": (
        execution("d", noon(60), SUBJECT, parameters_version=99), "unknown_version",
        f"Required version {VERSION}, which is the current one, got version 99.",
    ),
    "an unknown row": (decision("d", noon(60), "A/M", "approve"), "unknown_subject", f"{WORDS} A/M."),
    "no row at all": (decision("d", noon(60), "A", "approve"), "unknown_subject", f"{WORDS} A."),
    "another sku": (decision("d", noon(60), SUBJECT, "approve", sku="B"), "unknown_subject", f"{WORDS} A/L."),
    "a sku that is too long": (
        decision("d", noon(60), f"{'A' * 60}/L", "approve"), "unknown_subject", f"{WORDS} {'A' * 60}/L."
    ),
    "an execution of an unknown row": (execution("d", noon(60), "Z/L"), "unknown_subject", f"{WORDS} Z/L."),
    "an action": (
        execution("d", noon(60), SUBJECT, action_id="act-1"), "unknown_subject",
        "Required an action that was published, got act-1.",
    ),
    "an acknowledgement": (
        decision("d", noon(60), SUBJECT, "acknowledge"), "not_applicable",
        "Required approve, reject, override or release, got acknowledge.",
    ),
    "an unknown field": (
        decision("d", noon(60), SUBJECT, "override", field="colour", value=3), "invalid_value",
        "Required field, one of safety_stock, reorder_point, order_up_to, order_quantity, lead_time_days, got colour.",
    ),
    "no value": (
        decision("d", noon(60), SUBJECT, "override", field="reorder_point"), "invalid_value",
        "Required a value, got None.",
    ),
    "a lead time of ages": (
        decision("d", noon(60), SUBJECT, "override", field="lead_time_days", value=366), "invalid_value",
        "Required a value of at most 365 days, got 366.0.",
    ),
    "an override of yesterday": (
        decision("d", noon(60), SUBJECT, "override", field="reorder_point", value=3, until="2026-04-02"),
        "invalid_value", "Required until a day from 2026-04-03 on, got 2026-04-02.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REJECTED)
@pytest.mark.parametrize("shards", [1, 7])
def test_what_is_rejected_changes_nothing(case: str, shards: int) -> None:
    """One answer, whatever the number of shards, says what was required and what came, and what is current; documents
    and parameters are those of a run without the decision.
    """
    made, reason, words = REJECTED[case]
    found = run(Stream(in_order([*quiet_weeks(), made]), end=at(70)), Settings(shards=shards))
    assert outcomes(found) == [("d", reason)]
    assert answers(found)[0]["answer"] == words
    if reason not in ("unknown_subject",):
        assert (answers(found)[0]["version"], answers(found)[0]["status"]) == (VERSION, "proposed")
    assert documents(found) == documents(told())
    assert found.table() == told().table()
    assert all(len(machine.state.supply.decision_states) == 0 for machine in found.shards)


def test_what_is_in_force_is_neither_approved_nor_rejected() -> None:
    """There is nothing to decide about what the ERP runs on already; it may confirm it again."""
    found = told(
        execution("x1", noon(60), SUBJECT),
        decision("d1", noon(61), SUBJECT, "approve"),
        decision("d2", noon(61.1), SUBJECT, "reject"),
        execution("x2", noon(62), SUBJECT),
    )
    assert outcomes(found) == [("x1", None), ("d1", "not_applicable"), ("d2", "not_applicable"), ("x2", None)]
    assert answers(found)[1]["answer"] == "Required a proposal that is not in force, got approve."
    assert documents(found)[-1]["in_force"]["since"] == "2026-04-05T12:00:00Z"


def test_an_execution_older_than_what_the_erp_told_is_stale() -> None:
    """Of two words of the ERP the later one stands, whatever their order of arrival."""
    force = line("parameters.in_force", "f", noon(61), sku="A", location="L", reorder_point=500)
    late = execution("x1", noon(61) - 1, SUBJECT)
    stream = [*in_order([*quiet_weeks(), force]), late]
    found = run(Stream(stream, end=at(70)), Settings(shards=1))
    assert outcomes(found) == [("x1", "stale")]
    assert answers(found)[0]["answer"] == (
        "Required an execution after 2026-04-04T12:00:00.000Z, since when the ERP runs on other values, "
        "got one at 2026-04-04T11:59:59.999Z."
    )
    known = found.shards[0].state.supply.master.in_force("A", "L")
    assert known is not None
    assert (known[0], known[1].reorder_point) == (noon(61), 500)


def test_a_slash_in_a_location_needs_the_sku() -> None:
    """The subject alone names no SKU then, and the answer says what helps."""
    usual = [*orders("u", range(30), 5.0, sku="A/1", location="L/2"), count(500, 1, "A/1", "L/2")]
    subject = "A/1/L/2"
    alone = world([*usual, decision("d1", noon(20), subject, "approve")], 30)
    assert outcomes(alone) == [("d1", "unknown_subject")]
    found = world([*usual, decision("d1", noon(20), subject, "approve", sku="A/1")], 30)
    assert outcomes(found) == [("d1", None)]
    assert documents(found)[-1]["location"] == "L/2"
    plain = [*orders("u", range(30), 5.0, sku="A/1"), count(500, 1, "A/1")]
    assert outcomes(world([*plain, decision("d1", noon(20), "A/1/L", "approve")], 30)) == [("d1", None)]


def test_a_full_table_of_decided_rows_takes_no_more() -> None:
    """At ``decided_rows_max`` rows decisions and executions about others are rejected, about known ones not."""
    other = [*orders("o", range(70), 5.0, sku="B"), count(500, 1, "B")]
    found = told(
        *other,
        decision("d1", noon(60), "A/L", "approve"),
        decision("d2", noon(61), "B/L", "approve"),
        execution("x3", noon(62), "B/L"),
        decision("d4", noon(63), "A/L", "reject"),
        decided_rows_max=1,
    )
    assert outcomes(found) == [("d1", None), ("d2", "table_full"), ("x3", "table_full"), ("d4", None)]
    assert {answer["answer"] for answer in answers(found)[1:3]} == {
        "Required at most 1 SKU-locations of a shard with decisions, got one more."
    }
    assert sum(shard.state.supply.decision_states.refused for shard in found.shards) == 2


def test_accuracy_is_told_where_it_is_known() -> None:
    """A young row has none; later the figures are those that the models keep."""
    found = told()
    assert documents(found)[0]["accuracy"] == {"wape": None, "bias": None, "coverage_95": None, "days": 0}
    last = documents(found)[-1]["accuracy"]
    # The first day began with the first order: whether the hours before it were quiet or not observed, nobody knew.
    assert last["wape"] == pytest.approx(0, abs=0.02)
    assert last["coverage_95"] == 1.0
    assert 30 < last["days"] < 60


def test_rights_are_on_one_page() -> None:
    """Planners decide about parameters, buyers override what they order and when it comes, the administrator all."""
    assert parameter_roles("approve", None) == ("planner", "admin")
    assert parameter_roles("override", "reorder_point") == ("planner", "admin")
    assert parameter_roles("override", "order_quantity") == ("planner", "buyer", "admin")
    assert parameter_roles("reject", "order_quantity") == ("planner", "admin")
    assert parameter_roles("label", None) == parameter_roles("acknowledge", None) == ()
