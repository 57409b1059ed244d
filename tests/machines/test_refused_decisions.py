"""Decisions that are dead letters are answered on audit, each id once, from what can be read of them."""

import json
from typing import Any

import numpy as np
import orjson
import pytest

from sensing.codec.decode import Block, decode
from sensing.codec.event_record import Reject
from sensing.machines import refused_decisions
from sensing.machines.ledger import LedgerMachine
from sensing.machines.machine_messages import LedgerBatch
from sensing.outputs import AUDIT, OutputRecord
from tests.contracts.examples import example

MADE = example("decision.made")


def rejects(*values: bytes, headers: dict[str, bytes] | None = None) -> list[Reject]:
    """What the decoder refuses of messages of the topic."""
    block = Block.of(list(values), np.arange(len(values)), headers=[headers] * len(values))
    return decode("decisions", 0, block).rejects


def answers(ledger: LedgerMachine, found: list[Reject], watermark: int = 7) -> list[OutputRecord]:
    """Answers of a ledger to rejects."""
    records = ledger.apply(LedgerBatch(found, [("decisions", 0, len(found))], watermark))
    return [record for record in records if record.topic == AUDIT]


def test_a_malformed_decision_is_answered() -> None:
    """With id, subject, field, required and got; a stranger among the values is not repeated."""
    found = rejects(orjson.dumps(MADE | {"value": "12"}))
    (record,) = answers(LedgerMachine(1, 1), found)
    data = orjson.loads(record.data)
    assert (record.type, record.instant, record.subject) == ("decision.rejected", 7, MADE["subject"])
    assert record.id == f"audit/decision/{MADE['subject']}/{MADE['event_id']}"
    assert record.attributes == {"correlationid": MADE["subject"], "causationid": MADE["event_id"]}
    expected = {
        "event_id": MADE["event_id"], "subject": MADE["subject"], "decision": MADE["decision"], "outcome": "rejected",
        "rejection": "malformed", "field": "value", "required": "number >= 0 and <= 1000000000", "got": '"12"',
        "decider": MADE["decider"], "role": MADE["role"],
    }  # fmt: skip
    assert {name: data[name] for name in expected} == expected
    sentence = 'The message is a dead letter (wrong_type). value: required number >= 0 and <= 1000000000, got "12".'
    assert data["answer"] == sentence


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"not json", ("", "", "unreadable", None)),
        (b"[1]", ("", "", "unreadable", None)),
        (b'{"event_id":17,"subject":["x"],"decision":"perhaps"}', ("", "", "unreadable", "event_type")),
        (b'{"event_id":"x\\u0000","subject":"\\ud800"}', ("", "", "unreadable", "event_type")),
        (json.dumps(MADE | {"event_id": "x" * 129}).encode(), ("", MADE["subject"], MADE["decision"], "event_id")),
        (orjson.dumps({"event_type": "execution.confirmed", "event_id": " e "}), ("e", "", "execute", "event_time")),
        (orjson.dumps({"specversion": "1.0", "id": "e", "data": 1}), ("", "", "unreadable", "data")),
    ],
)
def test_what_cannot_be_read_is_empty(value: bytes, expected: tuple[str, str, str, str | None]) -> None:
    """Nothing of a message is so wrong that there is no answer; without an id it is known by its place."""
    (record,) = answers(LedgerMachine(1, 1), rejects(value))
    data = orjson.loads(record.data)
    assert (data["event_id"], data["subject"], data["decision"], data["field"]) == expected
    assert data["rejection"] == "malformed"
    place = "decisions/0/0"
    assert record.subject == (expected[1] or place)
    assert record.id == f"audit/decision/{f'{expected[1]}/{expected[0]}' if expected[0] else place}"


def test_the_id_may_be_in_a_header() -> None:
    """As of a CloudEvent in binary mode; a header that is no text is not read."""
    (record,) = answers(LedgerMachine(1, 1), rejects(b"{}", headers={"CE_id": b"e"}))
    assert orjson.loads(record.data)["event_id"] == "e"
    (record,) = answers(LedgerMachine(1, 1), rejects(b"{}", headers={"ce_id": b"\xff"}))
    assert orjson.loads(record.data)["event_id"] == ""


def test_an_id_is_answered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeats have dead letters and no answer, after a restore as well; the oldest ids are forgotten at the bound."""
    monkeypatch.setattr(refused_decisions, "ANSWERED_MAX", 2)
    ledger, restored = LedgerMachine(1, 1), LedgerMachine(1, 1)
    a, b, c = (rejects(orjson.dumps({"event_id": name})) for name in "abc")
    assert len(answers(ledger, [*a, *a, *b])) == 2
    restored.load(ledger.dump())
    assert answers(restored, [*a, *b]) == []
    assert len(answers(restored, [*c, *a])) == 2
    assert list(restored.decisions.answered) == ["c", "a"]
    nameless = rejects(b"{}")
    assert len(answers(ledger, [*nameless, *nameless])) == 2


def test_only_decisions_are_answered() -> None:
    """Other topics have dead letters only."""
    ledger = LedgerMachine(1, 1)
    assert len(answers(ledger, rejects(orjson.dumps({"event_id": "a"})), 10)) == 1
    orders: Any = decode("orders", 0, Block.of([b"{}"], np.zeros(1, np.int64))).rejects
    assert answers(ledger, orders, 11) == []
