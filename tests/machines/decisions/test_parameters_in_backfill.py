"""Decisions about planning parameters during a backfill: they are answered, and count from its end on."""

import pytest

from tests.claims import at
from tests.machines.decisions.decision_messages import answers, decision, execution, noon, outcomes
from tests.machines.decisions.test_parameter_decisions import SUBJECT, documents, told

pytestmark = pytest.mark.compiled


def test_in_quiet_time_overrides_are_kept_and_answered() -> None:
    """Each answer says what it will change, of no version yet. At its end the parameters come out with the overrides;
    what refers to published versions found none.
    """
    lines = [
        decision("d1", noon(60), SUBJECT, "override", field="reorder_point", value=333, parameters_version=17),
        decision("d2", noon(60), SUBJECT, "approve", parameters_version=17),
        execution("x1", noon(60), SUBJECT, parameters_version=17),
        decision("d3", noon(61), SUBJECT, "override", field="order_quantity", value=7),
        decision("d4", noon(62), SUBJECT, "override", field="safety_stock", value=7, until="2026-04-06"),
        decision("d5", noon(63), SUBJECT, "override", field="order_quantity", value=7.5),
    ]
    found = told(*lines, quiet_until=at(65, 12))
    assert outcomes(found) == [
        ("d1", None), ("d2", "unknown_subject"), ("x1", "unknown_subject"), ("d3", None), ("d4", None), ("d5", None),
    ]  # fmt: skip
    told_by = [answer for answer in answers(found) if answer["outcome"] == "accepted"]
    assert [(answer["value"], answer["prior"]) for answer in told_by] == [(333, None), (7, None), (7, None), (8, None)]
    assert {(answer["sku"], answer["version"], answer["status"]) for answer in told_by} == {("A", None, None)}
    assert [answer["answer"] for answer in told_by][::3] == [
        "Overridden, reorder_point = 333, by ann (planner). The parameters are published at the end of the backfill.",
        "Overridden, order_quantity = 7.5, by ann (planner). The value is 8 in its steps."
        " The parameters are published at the end of the backfill.",
    ]
    first = documents(found)[0]
    assert (first["version"], first["status"]) == (1, "proposed")
    assert [override["field"] for override in first["overrides"]] == ["order_quantity", "reorder_point"]
    assert (first["proposed"]["reorder_point"], first["proposed"]["order_quantity"]) == (333, 8)


def test_a_release_in_quiet_time_names_what_it_lifts() -> None:
    """At the end of the backfill the parameters come out without overrides."""
    lines = [
        decision("d1", noon(60), SUBJECT, "override", field="reorder_point", value=333),
        decision("d2", noon(61), SUBJECT, "release"),
        decision("d3", noon(62), SUBJECT, "release"),
    ]
    found = told(*lines, quiet_until=at(65, 12))
    assert outcomes(found) == [("d1", None), ("d2", None), ("d3", "not_applicable")]
    released, again = answers(found)[1:]
    assert (released["prior"], released["value"], released["version"]) == ("reorder_point", None, None)
    assert released["answer"] == ("Released by ann (planner). The parameters are published at the end of the backfill.")
    assert (again["version"], again["status"]) == (None, None)
    assert documents(found)[0]["overrides"] == []
