"""The roll-up: what it makes of the reports of shards, whatever order they come in."""

import random
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.contracts.decisions import DecisionMade
from sensing.detection.master_data import UnknownName
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.machines.machine_messages import (
    ForwardedDecision,
    NameKnown,
    RollUpMessage,
    ShardReport,
    UnknownEvent,
)
from sensing.machines.rollup import RollUpMachine
from sensing.outputs import OutputRecord
from sensing.state.snapshot import SnapshotError
from tests.machines.rollup_feed import fed
from tests.machines.streams import MONDAY

SETTINGS = Settings(shards=2)
X, Y = UnknownName("location", "X"), UnknownName("item", "Y")


def unknown(event_id: str, time: int, name: UnknownName = X, *, held: bool = True, **fields: Any) -> UnknownEvent:
    """An event with an unknown name."""
    order: dict[str, Any] = {"quantity": 2_000, "quantity_unit": "EA", "money": 500, "currency": "EUR"} | fields
    return UnknownEvent(name=name, held=held, time=time, event_id=event_id, sku="A", trace=None, **order)


def known(time: int, released: int, name: UnknownName = X, moved: int = 0) -> NameKnown:
    """The record of a name."""
    return NameKnown(name=name, released=released, moved=moved, time=time, event_id="record")


def states(records: list[OutputRecord]) -> list[dict[str, Any]]:
    """Data of exceptions."""
    return [orjson.loads(record.data) for record in records if record.topic == "exceptions" and record.data]


def report(shard: int, clock: int, *messages: RollUpMessage, final: bool = False) -> ShardReport:
    """A report whose messages all have its clock as their instant."""
    return ShardReport(shard, clock, [(clock, message) for message in messages], final)


def test_it_waits_for_the_slowest_shard() -> None:
    """A message of an instant is folded when every shard has passed the instant, and no earlier."""
    machine = RollUpMachine(3, SETTINGS)
    assert machine.apply(report(0, 1_000, unknown("a", 900))) == []
    assert machine.apply(report(1, 1_000, unknown("b", 800))) == []
    assert machine.apply(report(0, 5_000)) == []
    (record,) = machine.apply(report(1, 1_001))
    (state,) = states([record])
    assert (state["observed"], state["cause_event_ids"], state["money"]) == (2.0, ["b", "a"], 10.0)
    assert (record.instant, record.machine, record.number, record.time) == (1_000, 3, 0, 900)
    assert machine.clock == 1_000


def test_the_end_of_all_inputs_lets_the_last_instant_pass() -> None:
    """Not that of one."""
    machine = RollUpMachine(3, SETTINGS)
    assert machine.apply(report(0, 1_000, unknown("a", 900), final=True)) == []
    assert len(machine.apply(report(1, 1_000, final=True))) == 1


def test_it_ends_when_all_shards_know_the_name() -> None:
    """A shard that does not know the record yet keeps the problem open; those that never met the name do not."""
    machine = RollUpMachine(3, SETTINGS)
    machine.apply(report(0, 1_000, unknown("a", 900), unknown("c", 900)))
    machine.apply(report(1, 1_000, unknown("b", 800)))
    machine.apply(report(0, 2_000, known(1_950, 2)))
    found = states(machine.apply(report(1, 3_000, known(2_950, 1))))
    assert [(state["status"], state["details"]["waiting"]) for state in found] == [("opened", 3)]
    (state,) = states(machine.apply(report(0, 4_000)) + machine.apply(report(1, 4_000)))
    assert (state["status"], state["resolved_at"]) == ("resolved", "1970-01-01T00:00:02.950Z")
    assert state["reason"] == "Location X is known now: released 3 events."
    assert state["details"]["released"] == state["observed"] == 3


SCRIPT = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from(("held", "refused", "known")), st.sampled_from((X, Y)),
              st.integers(0, 4)),
    max_size=20,
)  # fmt: skip


def reports(script: list[Any], shards: int) -> list[list[tuple[int, RollUpMessage]]]:
    """Messages of every shard in order of instant; an owner (0 to 4) is on one shard, whatever their number."""
    found: list[list[tuple[int, RollUpMessage]]] = [[] for _ in range(shards)]
    waiting: dict[tuple[int, UnknownName], int] = {}
    for number, (step, kind, name, owner) in enumerate(sorted(script, key=lambda entry: entry[0])):
        instant = MONDAY + step * HOUR_MS
        messages = found[owner % shards]
        if kind != "known":
            waiting[owner % shards, name] = waiting.get((owner % shards, name), 0) + (kind == "held")
            messages.append((instant, unknown(f"e{number:02d}", instant - number, name, held=kind == "held")))
        else:
            # A record takes effect in all shards at one instant.
            for shard in range(shards):
                released = waiting.pop((shard, name), None)
                if released is not None:
                    found[shard].append((instant, known(instant, released, name)))
    return found


def said(script: list[Any], shards: int, order: random.Random, *, restarts: bool = False) -> list[OutputRecord]:
    """Outputs for reports in any order, cut anywhere."""
    return fed(reports(script, shards), MONDAY + 40 * DAY_MS, order, restarts=restarts)


@given(SCRIPT, st.integers(1, 5), st.integers(0, 2**32))
def test_order_cuts_shards_and_restarts_do_not_show(script: list[Any], shards: int, seed: int) -> None:
    """The same records, to the byte, as one shard gives in one report."""
    expected = said(script, 1, random.Random(0))
    assert said(script, shards, random.Random(seed)) == expected
    assert said(script, shards, random.Random(seed), restarts=True) == expected
    instants = [record.instant for record in expected]
    assert instants == sorted(instants)


def alone(*reports_of_one: ShardReport, **options: Any) -> list[OutputRecord]:
    """Outputs for reports of a single shard."""
    machine = RollUpMachine(1, Settings(shards=1, **options))
    return [output for given in reports_of_one for output in machine.apply(given)]


def test_a_backfill_is_muted() -> None:
    """At its end each open problem is published once, as it is then; a resolved one never."""
    quiet = MONDAY + 2 * DAY_MS
    found = alone(
        report(0, MONDAY, unknown("a", MONDAY), unknown("y", MONDAY, Y)),
        report(0, MONDAY + HOUR_MS, known(MONDAY, 1, Y)),
        report(0, MONDAY + DAY_MS, unknown("b", MONDAY + DAY_MS)), report(0, quiet), report(0, quiet + 1),
        quiet_until=quiet,
    )  # fmt: skip
    (record,) = found
    (state,) = states(found)
    assert (state["version"], state["observed"], record.instant) == (1, 2.0, quiet)


def test_refused_names_expire_and_waiting_ones_do_not() -> None:
    """A month after the last dead letter nobody waits for the record; held events do. Ended ones leave the topic."""
    end = MONDAY + 60 * DAY_MS
    found = alone(
        report(0, MONDAY, unknown("a", MONDAY, held=False), unknown("y", MONDAY, Y)), report(0, end, final=True)
    )
    last = {state["details"]["name"]: state["status"] for state in states(found)}
    assert last == {"X": "expired", "Y": "escalated"}
    (tombstone,) = [record for record in found if not record.data]
    assert tombstone.subject.startswith("master_data:X|location:")


def test_an_expired_name_is_new_when_it_is_met_again() -> None:
    """Its old events are forgotten; a late record of the expired one changes nothing."""
    again = MONDAY + 60 * DAY_MS
    found = alone(
        report(0, MONDAY, unknown("a", MONDAY, held=False)), report(0, again - DAY_MS, known(again, 0)),
        report(0, again, unknown("b", again, held=False)), report(0, again + 1),
    )  # fmt: skip
    assert [(state["status"], state["observed"]) for state in states(found)] == [
        ("opened", 1.0), ("escalated", 1.0), ("expired", 1.0), ("opened", 1.0),
    ]  # fmt: skip


def test_names_are_bounded() -> None:
    """Beyond the bound events of new names are only counted."""
    machine = RollUpMachine(1, Settings(shards=1, open_problems_max=1))
    machine.apply(report(0, MONDAY, unknown("a", MONDAY), unknown("y", MONDAY, Y)))
    (state,) = states(machine.apply(report(0, MONDAY + 1)))
    assert state["details"]["name"] == "Y"  # the first in order of kind and name
    assert machine.names.refused == 1


def decision(
    event_id: str, verdict: Any, exception_id: str, role: str = "data_steward", **fields: Any
) -> ForwardedDecision:
    """A decision about an exception."""
    event = DecisionMade(
        event_id=event_id,
        event_time=MONDAY,
        subject=exception_id,
        decision=verdict,
        decider="dora",
        role=role,
        **fields,
    )
    return ForwardedDecision(event=event, time=MONDAY + HOUR_MS, trace=None)


@pytest.mark.parametrize(
    ("made", "answer", "status"),
    [
        ({"verdict": "acknowledge"}, "accepted", "acknowledged"),
        ({"verdict": "reject"}, "accepted", "resolved"),
        ({"verdict": "label", "label": "expected"}, "accepted", "opened"),
        ({"verdict": "reject", "role": "planner"}, "rejected", None),
        ({"verdict": "release"}, "rejected", None),
        ({"verdict": "acknowledge", "exception_id": "master_data:Q|location:20260202"}, "rejected", None),
    ],
)
def test_decisions_are_applied_and_answered(made: dict[str, Any], answer: str, status: str | None) -> None:
    """As in a shard: by role, about one exception; the state is published and the answer is on audit."""
    exception_id = made.pop("exception_id", "master_data:X|location:20260202")
    found = alone(
        report(0, MONDAY, unknown("a", MONDAY)), report(0, MONDAY + DAY_MS // 2, decision("d", made.pop("verdict"),
               exception_id, **made)), report(0, MONDAY + DAY_MS // 2 + 1),
    )  # fmt: skip
    opened, *published = states(found)
    assert opened["exception_id"] == "master_data:X|location:20260202"
    (answered,) = [record for record in found if record.topic == "audit"]
    assert answered.type == f"decision.{answer}"
    assert [state["status"] for state in published] == ([] if status is None else [status])


def test_other_settings_are_refused() -> None:
    """A snapshot belongs to its number of shards."""
    block = RollUpMachine(2, SETTINGS).dump()
    with pytest.raises(SnapshotError, match=r"^snapshot of the roll-up: required shards = 3, .* got 2"):
        RollUpMachine(2, msgspec.structs.replace(SETTINGS, shards=3)).load(block)
