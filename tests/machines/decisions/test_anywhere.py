"""Decisions anywhere in a stream: machines stay deterministic, books balance, every decision has one answer."""

import random
from collections import Counter
from typing import Any, get_args

import msgspec
import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sensing.contracts.audit import DecisionAnswer
from sensing.contracts.decisions import Label, Verdict
from sensing.contracts.parameters import OverrideField, PlanningParameters
from sensing.machine_settings import DAY_MS, Settings
from sensing.outputs import EXCEPTIONS, PARAMETERS
from tests.machines.business import business
from tests.machines.decisions.decision_messages import answers, decision, execution
from tests.machines.streams import MONDAY, Line, Result, Stream, run, sizes
from tests.machines.test_shard_outputs import ENDED, check_parameters, check_stream, data_of
from tests.searches import examples

DAYS = 11
ROLES = ("planner", "buyer", "data_steward", "admin", "intern")
ONE = Settings(shards=1)


def subjects(seed: int) -> tuple[list[str], list[str]]:
    """Exceptions and SKU-locations that the undisturbed business publishes something of, and some that it does not."""
    found = run(Stream(business(seed, DAYS)), ONE)
    names = sorted({state["exception_id"] for state in found.data(EXCEPTIONS)})
    rows = sorted({f"{d['sku']}/{d['location']}" for d in found.data(PARAMETERS)})
    return [*names, "surge:NOBODY|LON:20260203"], [*rows, "PUMP/MARS", "PUMP"]


def decided(seed: int, count: int) -> list[Line]:
    """A young business with decisions at random places: of every kind, by all roles, about old and new versions, about
    what there is and what not, some of them twice.
    """
    draw = random.Random(seed)
    lines = business(seed % 7, DAYS)
    exceptions, rows = subjects(seed % 7)
    for number in range(count):
        place = draw.randrange(len(lines) // 3, len(lines))
        time = next(time for time in map(event_time, reversed(lines[:place])) if time) + draw.choice((0, 0, -DAY_MS))
        version = draw.choice((None, None, None, 1, 2, 3, 7))
        made = execution(f"d{number}", time, draw.choice(rows), parameters_version=version)
        if draw.random() < 0.45:
            about: dict[str, Any] = {"exception_version": version, "label": draw.choice((None, *get_args(Label)))}
            verdict = draw.choice(("acknowledge", "acknowledge", "label", "reject", "release", "approve"))
            made = decision(f"d{number}", time, draw.choice(exceptions), verdict, role=draw.choice(ROLES), **about)
        elif draw.random() < 0.8:
            about = {"parameters_version": version, "field": draw.choice((*get_args(OverrideField), "colour"))}
            about |= {"value": draw.choice((0, 5, 12.3456789, 900)), "until": draw.choice((None, "2026-02-09"))}
            made = decision(f"d{number}", time, draw.choice(rows), draw.choice(get_args(Verdict)), **about)
        lines[place:place] = [made] * draw.choice((1, 1, 2))
    return lines


def event_time(message: Line) -> int:
    """Event time of a message that moves a watermark, else 0."""
    if message.topic == "reference":
        return 0
    found = orjson.loads(message.value)["event_time"]
    return found if isinstance(found, int) else 0


def check_exceptions(found: Result) -> None:
    """Versions grow by one; what has ended is opened again, labelled, or left alone; a decision says by whom."""
    latest: dict[str, dict[str, Any]] = {}
    for records in found.outputs:
        for _, state in data_of(records, EXCEPTIONS):
            before = latest.get(state["exception_id"])
            assert state["version"] == (1 if before is None else before["version"] + 1)
            if before is not None and before["status"] in ENDED:
                assert state["status"] == "opened" or (
                    state["status"] == before["status"] and state["decision"] == "label"
                )
            assert (state["decision"] is None) == (state["decided_by"] is None) == (state["decided_at"] is None)
            assert (state["status"] in ENDED) == (state["resolved_at"] is not None)
            assert state["opened_at"] <= state["updated_at"]
            assert state["reason"].endswith(".")
            latest[state["exception_id"]] = state


def check_effects(found: Result, quiet: int = 0) -> None:
    """What an accepted decision says it has changed is published with it, at its instant and before its answer.

    Before ``quiet`` nothing is published.
    """
    for records in found.outputs:
        shown: dict[str, dict[str, Any]] = {}
        for record in records:
            if record.topic in (EXCEPTIONS, PARAMETERS):
                shown[record.subject] = orjson.loads(record.data) | {"instant": record.instant}
            if record.type in ("decision.accepted", "decision.rejected"):
                answer = msgspec.json.decode(record.data, type=DecisionAnswer)
                state = shown.get(answer.exception_id or answer.subject)
                assert (answer.rejection is None) == (record.type == "decision.accepted")
                if answer.version:
                    assert state is not None
                    assert (state["version"], state["status"]) == (answer.version, answer.status)
                if answer.rejection is None and record.instant >= quiet:
                    assert state is not None
                    assert state["instant"] == record.instant
                    assert answer.value is not None or answer.decision == "release"


@pytest.mark.slow
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 5]), st.data())
@settings(max_examples=examples(5), phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_decisions_anywhere_keep_every_promise(seed: int, shards: int, data: st.DataObject) -> None:
    """Any interleaving of decisions with a stream is cut and restarted anywhere without a trace; each decision has one
    answer, whatever the number of shards; its effects are published; the books balance.
    """
    stream = Stream(decided(seed, 40))
    options = Settings(shards=shards)
    calm = run(stream, options)
    stops = sorted(data.draw(st.sets(st.integers(1, len(stream) - 1), max_size=5)))
    found = run(stream, options, stops, restarts=stops, ticks=data.draw(st.integers(0, 2)))
    assert found.plain() == calm.plain()
    assert [machine.dump() for machine in found.shards] == [machine.dump() for machine in calm.shards]

    made = Counter(orjson.loads(entry.value)["event_id"] for entry in stream.lines if entry.topic == "decisions")
    assert Counter(answer["event_id"] for answer in answers(calm)) == dict.fromkeys(made, 1)
    books = next(data for data in calm.data("audit") if data.get("topic") == "decisions")
    assert books["absorbed"] + books["absorbed_late"] == len(made)
    assert books["duplicate"] == sum(made.values()) - len(made) == books["read"] - len(made)
    check_stream(calm)
    check_effects(calm)
    check_exceptions(calm)
    for records in calm.outputs:
        check_parameters(records)


@pytest.mark.slow
@given(st.integers(0, 10**6), st.integers(3 * 24, 10 * 24))
@settings(max_examples=examples(3), phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_decisions_in_quiet_time_are_restored_and_answered(seed: int, quiet_hours: int) -> None:
    """Nothing but answers comes out before the backfill ends, blocks do not show, and afterwards all is as ever."""
    quiet = MONDAY + quiet_hours * DAY_MS // 24
    stream = Stream(decided(seed, 30))
    options = Settings(shards=2, quiet_until=quiet)
    found = run(stream, options)
    assert run(stream, options, sizes(stream, 97), restarts=sizes(stream, 97)[:3]).plain() == found.plain()
    for records in found.outputs[:-2]:
        early = {record.type for record in records if record.instant < quiet}
        assert early <= {"dead.letter", "decision.accepted", "decision.rejected"}
    check_stream(found)
    check_effects(found, quiet)
    documents = [
        msgspec.json.decode(r.data, type=PlanningParameters) for m in found.outputs for r in m if r.topic == PARAMETERS
    ]
    assert all(d.proposed.order_up_to >= 0 for d in documents)
