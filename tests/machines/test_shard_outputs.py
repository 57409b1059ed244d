"""Guarantees for subscribers: order, numbers, ids and versions of outputs, and the backfill."""

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensing.contracts.exceptions import SEVERITIES
from sensing.detection.ended_problems import TOMBSTONE_AFTER_MS
from sensing.machine_settings import DAY_MS, Settings
from sensing.outputs import AUDIT, DEAD_LETTERS, EXCEPTIONS, PARAMETERS, OutputRecord
from sensing.supply.change_explanation import WORDS
from tests.machines.business import usual, usual_stream, young_stream
from tests.machines.streams import MONDAY, Result, run
from tests.searches import examples

pytestmark = pytest.mark.compiled

SETTINGS = Settings(shards=2)
ENDED = ("resolved", "expired")


def data_of(records: list[OutputRecord], topic: str) -> list[tuple[OutputRecord, dict[str, Any]]]:
    """Records of a topic with their data; tombstones have none."""
    return [(record, orjson.loads(record.data)) for record in records if record.topic == topic and record.data]


def subject_of(state: dict[str, Any]) -> tuple[Any, ...]:
    """What an exception is about: at most one is open at a time."""
    details = state["details"]
    if state["exception_type"] == "delay_digest":
        return "delay_digest", details["supplier"]
    named = (details.get(name) for name in ("po_id", "order_id", "line", "name"))
    return state["exception_type"], state["sku"], state["location"], *named


def check_stream(result: Result) -> None:
    """Instants never fall and numbers are consecutive within a machine; ids are unique over all."""
    ids = []
    for machine, records in enumerate(result.outputs):
        instants = [record.instant for record in records]
        assert instants == sorted(instants)
        assert [record.number for record in records] == list(range(len(records)))
        assert {record.machine for record in records} <= {machine}
        ids += [record.id for record in records]
    assert len(set(ids)) == len(ids)


def check_exceptions(records: list[OutputRecord], quiet_until: int = 0) -> None:
    """One open object per problem; versions grow by one; after its end an object can only be opened again.

    What has grown worse in the backfill is first published as escalated. Types tell the open set and every rise.
    """
    followed: set[str] = set()
    latest: dict[str, dict[str, Any]] = {}
    open_of: dict[tuple[Any, ...], str] = {}
    for record, state in data_of(records, EXCEPTIONS):
        name = state["exception_id"]
        key = subject_of(state)
        before = latest.get(name)
        assert record.id == f"{name}#{state['version']}"
        assert state["version"] == (1 if before is None else before["version"] + 1)
        assert (record.type == "exception.opened") == (before is None)
        if record.type in ("exception.opened", "exception.reopened"):
            assert name not in followed
            followed.add(name)
        elif record.type == "exception.resolved":
            followed.remove(name)
        elif before is not None:
            rise = SEVERITIES.index(state["severity"]) - SEVERITIES.index(before["severity"])
            passed = state["overdue"] and not before["overdue"]
            assert (record.type == "exception.escalated") == (rise > 0 or passed)
            assert (record.type == "exception.de_escalated") == (rise < 0)
        assert (name in followed) == (state["status"] not in ENDED)
        assert (state["resolution"] is not None) == (state["status"] in ENDED)
        if before is None or before["status"] in ENDED:
            assert state["status"] == "opened" or (state["status"] == "escalated" and record.instant == quiet_until)
        assert (state["status"] in ENDED) == (state["resolved_at"] is not None)
        assert state["opened_at"] <= state["updated_at"]
        assert open_of.get(key, name) == name
        if state["status"] in ENDED:
            del open_of[key]
        else:
            open_of[key] = name
        if before is not None:
            assert state["updated_at"] >= before["updated_at"]
            assert state["opened_at"] == before["opened_at"] or before["status"] in ENDED
        assert state["reason"].endswith(".")
        assert state["deadline"] > state["opened_at"]
        latest[name] = state


def check_tombstones(records: list[OutputRecord]) -> int:
    """What ended is forgotten once an end, days later; what comes back goes on from there. Returns how many were."""
    latest: dict[str, dict[str, Any]] = {}
    ended: dict[str, int] = {}
    forgotten: dict[str, int] = {}
    count = 0
    for record in [record for record in records if record.topic == EXCEPTIONS]:
        if record.data:
            before = forgotten.pop(record.subject, None)
            assert before is None or record.id == f"{record.subject}#{before + 1}"
            latest[record.subject] = orjson.loads(record.data)
            ended[record.subject] = record.instant
            continue
        assert record.subject not in forgotten
        state = latest[record.subject]
        assert state["status"] in ENDED
        assert (record.type, record.id) == ("exception.forgotten", f"{record.subject}#{state['version'] + 1}")
        assert record.instant - ended[record.subject] >= TOMBSTONE_AFTER_MS
        forgotten[record.subject] = state["version"] + 1
        count += 1
    return count


def check_parameters(records: list[OutputRecord]) -> None:
    """Versions of a SKU-location grow by one and its days never fall; the parts of a change add up.

    To whole units: what these add or take is a part of its own.
    """
    latest: dict[tuple[str, str], dict[str, Any]] = {}
    for record, document in data_of(records, PARAMETERS):
        key = (document["sku"], document["location"])
        before = latest.get(key)
        assert record.id == f"{key[0]}/{key[1]}#{document['version']}"
        assert document["version"] == (1 if before is None else before["version"] + 1)
        assert before is None or before["as_of"] <= document["as_of"]
        change = document["change"]
        assert sum(change[part] for part in WORDS) == pytest.approx(change["total"], rel=1e-9, abs=1e-6)
        latest[key] = document


@pytest.mark.slow
def test_outputs_of_three_months_are_in_order() -> None:
    """All promises at once on the usual stream."""
    check_stream(usual())
    for records in usual().outputs:
        check_exceptions(records)
        check_parameters(records)
    assert sum(check_tombstones(records) for records in usual().outputs) > 0
    assert {state["status"] for state in usual().data(EXCEPTIONS)} >= {"opened", "escalated", "resolved"}


@given(st.integers(0, 10**6), st.one_of(st.none(), st.integers(0, 11 * 24)))
@settings(max_examples=examples(3))
def test_outputs_of_any_business_are_in_order(seed: int, quiet_hours: int | None) -> None:
    """The same for other seeds, with and without a backfill."""
    quiet = None if quiet_hours is None else MONDAY + quiet_hours * DAY_MS // 24
    found = run(young_stream(seed), msgspec.structs.replace(SETTINGS, quiet_until=quiet))
    check_stream(found)
    for records in found.outputs:
        check_exceptions(records, quiet or 0)
        check_parameters(records)


QUIET_UNTIL = MONDAY + 64 * DAY_MS + 5 * DAY_MS // 12


def quiet() -> Result:
    """The usual stream with a backfill of nine weeks."""
    return run(usual_stream(), msgspec.structs.replace(SETTINGS, quiet_until=QUIET_UNTIL))


def open_at_end(result: Result) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Problems that are open at the end, by what they are about, with what they last said."""
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for records in result.outputs:
        for _, state in data_of(records, EXCEPTIONS):
            key = subject_of(state)
            if state["status"] in ENDED:
                found.pop(key, None)
            else:
                found[key] = (state["observed"], state["severity"])
    return found


def learned(result: Result, *others: str) -> list[dict[str, Any]]:
    """The tables of parameters without versions and ``others``."""
    return [
        {name: column for name, column in columns.items() if name not in ("version", *others)}
        for columns in result.plain()[2]
    ]


def test_quiet_time_is_quiet() -> None:
    """Before its end there are dead letters and answers only; at its end what is open and all parameters, each as
    version 1.
    """
    found = quiet()
    for records in found.outputs[:-2]:
        before = [record for record in records if record.instant < QUIET_UNTIL]
        assert {record.type for record in before} <= {"dead.letter", "decision.accepted", "decision.rejected"}
        at_once = [record for record in records if record.instant == QUIET_UNTIL]
        states = [state for _, state in data_of(at_once, EXCEPTIONS)]
        assert states
        assert {(state["version"], state["status"] in ENDED) for state in states} == {(1, False)}
        documents = [document for _, document in data_of(at_once, PARAMETERS)]
        assert documents
        assert {document["version"] for document in documents} == {1}
    assert found.data(DEAD_LETTERS) == usual().data(DEAD_LETTERS)
    rolled_up = [(record.instant, orjson.loads(record.data)["version"]) for record in found.outputs[-1] if record.data]
    assert min(rolled_up) == (QUIET_UNTIL, 1)
    told = {(document["sku"], document["location"]) for document in found.data(PARAMETERS)}
    assert told == {(document["sku"], document["location"]) for document in usual().data(PARAMETERS)}


def test_quiet_time_changes_nothing_that_was_learned() -> None:
    """Totals and the table of parameters are those of a loud run, and the same problems stand at the end.

    Only the versions in the table differ: the backfill publishes nothing, so it counts none.
    """
    found = quiet()
    assert found.totals == usual().totals
    assert learned(found) == learned(usual())
    assert set(open_at_end(found)) == set(open_at_end(usual()))
    totals = [data for data in found.data(AUDIT) if "read" in data]
    assert totals == [data for data in usual().data(AUDIT) if "read" in data]


def test_a_quiet_time_beyond_the_end_never_ends() -> None:
    """Nothing but dead letters, answers and control totals comes out; the table of parameters is whole, but for
    versions and statuses, since none was published.
    """
    settings_of = msgspec.structs.replace(SETTINGS, quiet_until=MONDAY + 400 * DAY_MS)
    stream = young_stream(2)
    found = run(stream, settings_of)
    assert {record.type for records in found.outputs for record in records} == {
        "dead.letter", "control.totals", "decision.rejected",
    }  # fmt: skip
    loud = run(stream, SETTINGS)
    assert learned(found, "status") == learned(loud, "status")
    for shard in found.columns:
        assert set(shard["version"]) | set(shard["status"]) <= {None}
