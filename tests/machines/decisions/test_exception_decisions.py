"""Decisions about exceptions: effects, permitted roles, and late decisions."""

from typing import Any

import pytest

from sensing.machine_settings import Settings
from sensing.machines.decisions.roles import exception_roles
from tests.claims import at, states, world
from tests.machines.decisions.decision_messages import (
    ANN,
    answer_records,
    answers,
    changes,
    decision,
    noon,
    outcomes,
    surge_id,
    surging,
)
from tests.machines.streams import Line, Result, Stream, run

pytestmark = pytest.mark.compiled

NAME = surge_id()


def told(*decisions: Line, days: float = 70, **options: Any) -> Result:
    """The surging weeks with decisions about their surge, which opens on day 63 after 14:00 and rises at 14:42."""
    return world([*surging(), *decisions], days, **options)


def test_an_acknowledgement_is_seen_and_answered() -> None:
    """The next version is acknowledged, with decider, role, time and reason; the answer names what changed, and the
    decision is the cause of both; all else goes its way.
    """
    made = decision("d1", at(63, 14.5), NAME, "acknowledge", reason="a campaign", label="expected")
    found = told(made)
    state = next(state for state in states(found, "order_surge") if state["status"] == "acknowledged")
    assert state["decision"] == "acknowledge"
    assert (state["decided_by"], state["decided_role"]) == ("ann", "planner")
    assert (state["decided_at"], state["updated_at"]) == ("2026-04-06T14:30:00.000Z",) * 2
    assert (state["decision_reason"], state["label"]) == ("a campaign", "expected")
    before = [version for version, status in changes(told(), NAME) if status == "opened"]
    assert changes(found, NAME)[-1][1] == "resolved"
    (answer,), (record,) = answers(found), answer_records(found)
    assert (answer["outcome"], answer["prior"], answer["value"]) == ("accepted", "opened", "acknowledged")
    assert (answer["version"], answer["status"]) == (state["version"], "acknowledged")
    assert state["version"] <= before[-1] + 1
    assert answer["answer"] == (
        "Acknowledged and labelled as expected by ann (planner): a campaign. The exception is acknowledged."
    )
    assert (answer["sku"], answer["location"], answer["exception_id"]) == ("A", "L", NAME)
    assert (record.type, record.id, record.subject) == ("decision.accepted", f"audit/decision/{NAME}/d1", NAME)
    assert record.attributes == {"correlationid": NAME, "causationid": "d1"}
    (shown,) = [r for r in found.outputs[0] if r.id == f"{NAME}#{state['version']}"]
    assert (shown.type, shown.attributes["causationid"]) == ("exception.acknowledged", "d1")


def test_an_acknowledged_problem_that_gets_worse_escalates() -> None:
    """A graver state is escalated again, still says who acknowledged it, and may be acknowledged again."""
    found = told()
    stockout = next(state for state in found.data("exceptions") if state["exception_type"] == "stockout_projected")
    name = stockout["exception_id"]
    graver = next(state for state in states(found, "stockout_projected") if state["status"] == "escalated")
    found = told(
        decision("d1", at(45, 2), name, "acknowledge", exception_version=stockout["version"], role="buyer"),
        decision("d2", at(48, 2), name, "acknowledge", exception_version=stockout["version"], role="buyer"),
        decision("d3", at(48, 3), name, "acknowledge", role="buyer"),
    )
    later = [state for state in states(found, "stockout_projected") if state["exception_id"] == name]
    statuses = [state["status"] for state in later]
    raised = statuses.index("escalated")
    assert statuses[: raised + 2] == ["opened", *["acknowledged"] * (raised - 1), "escalated", "acknowledged"]
    assert (later[raised]["severity"], later[raised]["decided_by"]) == (graver["severity"], "ann")
    assert outcomes(found) == [("d1", None), ("d2", "stale"), ("d3", None)]
    assert answers(found)[1]["answer"] == (
        f"Required version {raised + 1} or later, since it was opened or escalated then, got version 1."
    )
    assert (answers(found)[1]["version"], answers(found)[1]["status"]) == (raised + 1, "escalated")


def test_small_changes_make_no_decision_stale() -> None:
    """A decision on a version since which the problem only grew within its severity is taken."""
    assert outcomes(told(decision("d1", noon(64), NAME, "acknowledge", exception_version=2))) == [("d1", None)]


def test_a_rejected_problem_ends_and_stays_away() -> None:
    """It is resolved with the reason, and though the surge goes on nothing opens for a week."""
    found = told(decision("d1", at(63, 20), NAME, "reject", reason="a trade fair."))
    ended = states(found, "order_surge")[-1]
    assert (ended["status"], ended["resolved_at"]) == ("resolved", "2026-04-06T20:00:00.000Z")
    assert ended["reason"].startswith("Rejected as no problem by ann (planner): a trade fair. It last said: ")
    assert ended["reason"].endswith(".")
    assert {state["exception_id"] for state in states(found, "order_surge")} == {NAME}
    assert found.shards[0].state.problems.named(NAME) is not None


def test_an_exception_that_has_ended_can_be_labelled_only() -> None:
    """While it is remembered a label is taken; everything else is stale, and after that it is unknown."""
    found = told(
        decision("d1", noon(69.2), NAME, "label", label="false_alarm"),
        *(decision(f"d{n}", noon(69.2 + n / 100), NAME, verdict) for n, verdict in ((2, "acknowledge"), (3, "reject"))),
    )
    assert outcomes(found) == [("d1", None), ("d2", "stale"), ("d3", "stale")]
    ended = states(found, "order_surge")[-1]
    assert (ended["status"], ended["label"], ended["decision"]) == ("resolved", "false_alarm", "label")
    assert answers(found)[1]["answer"] == "Required an exception that is open, got one that is resolved."
    late = told(decision("d1", noon(75), NAME, "label", label="false_alarm"), days=77)
    assert outcomes(late) == [("d1", "unknown_subject")]


REJECTED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a role without the right": (
        {"role": "buyer"}, "wrong_role", "Required role planner or admin, got buyer."
    ),
    "a version of the future": (
        {"exception_version": 99}, "unknown_version", "Required at most version 5, got version 99."
    ),
    "an approval": (
        {"decision": "approve"}, "not_applicable",
        "Required acknowledge, label, reject or release, got approve.",
    ),
    "a release of what is not held": (
        {"decision": "release"}, "not_applicable", "Required release of a held order line, got that of order_surge."
    ),
    "a label without one": ({"decision": "label"}, "invalid_value", "Required a label, got none."),
    "another id": (
        {"exception_id": NAME[:-1]}, "unknown_subject",
        "Required an exception that was published and is remembered; and sku, where the id does not name it whole, "
        f"got {NAME[:-1]}.",
    ),
    "another sku": (
        {"sku": "B"}, "unknown_subject",
        "Required an exception that was published and is remembered; and sku, where the id does not name it whole, "
        f"got {NAME}.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REJECTED)
@pytest.mark.parametrize("shards", [1, 5])
def test_what_is_rejected_changes_nothing(case: str, shards: int) -> None:
    """One answer says what was required and what came; the exceptions are those of a run without the decision."""
    patch, reason, words = REJECTED[case]
    made = (
        decision("d1", noon(65), NAME, "acknowledge", **patch)
        if "decision" not in patch
        else decision("d1", noon(65), NAME, patch["decision"])
    )
    lines = sorted([*surging(), made], key=lambda entry: entry.value.partition(b'"event_time":')[2][:13])
    found = run(Stream(lines, end=at(70)), Settings(shards=shards))
    assert outcomes(found) == [("d1", reason)]
    assert answers(found)[0]["answer"] == words
    assert found.data("exceptions") == told().data("exceptions")
    assert answer_records(found)[0].type == "decision.rejected"
    books = next(data for data in found.data("audit") if data.get("topic") == "decisions")
    assert (books["read"], books["absorbed"]) == (1, 1)


def test_a_repeat_is_not_answered_again() -> None:
    """The same event id has no second effect and no second answer; it is a duplicate."""
    made = decision("d1", noon(64), NAME, "acknowledge")
    found = told(made, made, decision("d1", noon(66), NAME, "reject"))
    assert outcomes(found) == [("d1", None)]
    books = next(data for data in found.data("audit") if data.get("topic") == "decisions")
    assert (books["read"], books["absorbed"], books["duplicate"]) == (3, 1, 2)


def test_decisions_of_the_quiet_time_show_at_its_end() -> None:
    """In the backfill they take effect, whatever version they echo: an acknowledged problem comes out acknowledged, a
    rejected one not at all. Both are answered at once.
    """
    quiet = at(64, 6)
    acknowledged = told(decision("d1", at(63, 20), NAME, "acknowledge", exception_version=7), quiet_until=quiet)
    first = states(acknowledged, "order_surge")[0]
    assert (first["version"], first["status"], first["decided_by"]) == (1, "acknowledged", "ann")
    rejected = told(decision("d1", at(63, 20), NAME, "reject"), quiet_until=quiet)
    assert states(rejected, "order_surge") == []
    assert outcomes(acknowledged) == outcomes(rejected) == [("d1", None)]
    assert [answer["version"] for answer in answers(acknowledged)] == [None]


def test_rights_are_on_one_page() -> None:
    """The route decides, who is informed may acknowledge and label, the administrator may do all, nobody approves."""
    assert exception_roles("acknowledge", "buyer", ("planner", "finance")) == ("buyer", "planner", "finance", "admin")
    assert exception_roles("label", "buyer", ("planner",)) == ("buyer", "planner", "admin")
    assert exception_roles("reject", "buyer", ("planner",)) == ("buyer", "admin")
    assert exception_roles("release", "data_steward", ("planner",)) == ("data_steward", "admin")
    assert exception_roles("approve", "planner", ()) == exception_roles("override", "planner", ()) == ()
    assert ANN["role"] in exception_roles("reject", "planner", ())
