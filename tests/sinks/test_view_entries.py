"""Entries in Redis that records become."""

import json
import re
from typing import Any

import msgspec
import pytest

from sensing.outputs import EXCEPTIONS, OutputRecord
from sinks.kafka_messages import to_message
from sinks.priority import priority
from sinks.topic_tail import Record
from sinks.view_entries import Entry, Layout, UnreadableError, entry
from tests.sinks.documents import DECIDED, exception, planning, tombstone

LAYOUT = Layout("t:")


def read(record: OutputRecord, **changes: Any) -> Record:
    """A record as it is read from its topic."""
    message = to_message(record, "", "0001", "2026-01-01T00:00:00.000Z")
    headers = {name: value.encode() if isinstance(value, str) else value or b"" for name, value in message.headers}
    return Record(record.topic, 3, 14, message.key, message.value, headers)._replace(**changes)


def fields(made: Entry) -> dict[str, str]:
    """Fields of a hash."""
    return dict(zip(made.fields[::2], made.fields[1::2], strict=True))


def test_parameters_are_flat() -> None:
    """One hash per SKU-location; values as the document has them, what has no value is absent, the document whole."""
    record = planning("A", "DC", 7)
    made = entry(read(record), LAYOUT, 30)

    assert made[:-1] == (
        "t:parameters:A/DC", "", "0001", 7, "", [], 0, "t:changes:parameters",
        '{"id":"A/DC","type":"parameters.proposed","version":7}',
    )  # fmt: skip
    assert fields(made) == {
        "sku": "A", "location": "DC", "status": "proposed", "as_of": "2010-01-03", "decimals": "3",
        "demand_class": "smooth", "lead_time_days_mean": "7.25", "lead_time_days_sd": "2.0", "service_target": "0.95",
        "safety_stock": "15.0", "reorder_point": "55.0", "order_up_to": "80.0", "order_quantity": "25.0",
        "on_hand": "33.0", "on_order": "0.0", "open_demand": "2.0", "cover_days": "9.25",
        "forecast_start": "2010-01-04", "forecast_mean": "[1.5,2.0]", "method": "smoothing",
        "reason": "Reorder point 45 -> 55 (+10): demand level +10.", "document": record.data.decode(),
    }  # fmt: skip


def test_a_decision_is_among_the_fields() -> None:
    """Who decided what and why; values that a person gave, in JSON."""
    made = fields(entry(read(planning(decided=DECIDED)), LAYOUT, 30))

    assert {name: made[name] for name in DECIDED if name in made and name != "overrides"} == {
        "decision": "override", "decided_by": "ann", "decided_role": "planner",
        "decided_at": "2010-01-04T09:00:00.000Z", "decision_reason": "known",
    }  # fmt: skip
    assert [override["value"] for override in json.loads(made["overrides"])] == [60.0]


def test_an_open_exception_has_its_place() -> None:
    """One hash per exception with its fields; lists in JSON; the score is its priority."""
    record = exception("x", 4, status="escalated", inform=["commercial"], owner="ann")
    made = entry(read(record), LAYOUT, 30)
    rank = priority("high", 1200.5, "2010-01-04T08:00:00.000Z")

    assert made[:-1] == (
        "t:exception:x", "x", "0001", 4, str(rank), ["open", "route:planner", "owner:ann"], 0,
        "t:changes:exceptions",
        '{"id":"x","type":"exception.escalated","version":4,"severity":"high"}',
    )  # fmt: skip
    assert fields(made) == {
        "exception_id": "x", "exception_type": "order_surge", "status": "escalated", "severity": "high", "sku": "A",
        "location": "DC", "opened_at": "2010-01-04T00:00:00.007Z", "updated_at": "2010-01-04T00:00:00.007Z",
        "observed": "21.0", "money": "1200.5", "currency": "EUR", "money_base": "1200.5", "base_currency": "EUR",
        "money_status": "ranked", "reason": "21 order lines where 6 are usual.",
        "route": "planner", "owner": "ann", "inform": '["commercial"]', "deadline": "2010-01-04T08:00:00.000Z",
        "cause_event_ids": '["e1","e2"]', "priority": str(rank), "decimals": "3",
        "document": record.data.decode(),
    }  # fmt: skip


@pytest.mark.parametrize("status", ["resolved", "expired"])
def test_an_ended_exception_stays_for_some_days(status: str) -> None:
    """It has no place among the open ones, and its hash goes after the days given."""
    made = entry(read(exception("x", 5, status=status)), LAYOUT, 2)

    assert (made.score, made.queues, made.ttl_ms) == ("", [], 2 * 86_400_000)
    assert fields(made)["status"] == status


def test_a_tombstone_deletes() -> None:
    """No fields, no place; version and run say what it is the end of."""
    made = entry(read(tombstone(exception("x", 5))), LAYOUT, 30)

    assert made == Entry(
        "t:exception:x",
        "x",
        "0001",
        6,
        "",
        [],
        0,
        "t:changes:exceptions",
        '{"id":"x","type":"deleted","version":6}',
        [],
    )


def test_a_tombstone_made_by_hand_deletes_as_well() -> None:
    """Somebody who deletes a key with Kafka's tools sends no headers; there is no run it could be older than."""
    made = entry(read(tombstone(planning())), LAYOUT, 30)
    by_hand = entry(read(tombstone(planning()), headers={}), LAYOUT, 30)

    assert by_hand == made._replace(run_id="", version=0, message='{"id":"A/DC","type":"deleted","version":0}')


def test_numbers_and_texts_of_any_kind_survive() -> None:
    """The id may hold what separates versions, and texts any letter; the version is what stands last."""
    record = exception("delay:Größe#7|DC", 12, reason="\u2028 \U0001f4e6")
    made = entry(read(record), LAYOUT, 30)

    assert (made.hash, made.version) == ("t:exception:delay:Größe#7|DC", 12)
    assert fields(made)["reason"] == "\u2028 \U0001f4e6"
    assert json.loads(msgspec.msgpack.decode(msgspec.msgpack.encode(made.fields))[-1])["exception_id"] == record.subject


GOOD = read(exception("x"))
UNREADABLE = [
    (GOOD._replace(key=None), "an empty key"),
    (GOOD._replace(key=b""), "an empty key"),
    (GOOD._replace(key=b"\xff"), "can't decode byte 0xff"),
    (GOOD._replace(headers={}), "no header 'ce_lineage'"),
    (GOOD._replace(headers=GOOD.headers | {"ce_lineage": b""}), "an empty ce_lineage"),
    (GOOD._replace(headers=GOOD.headers | {"ce_id": b"x"}), "invalid literal for int"),
    (GOOD._replace(headers={n: v for n, v in GOOD.headers.items() if n != "ce_type"}), "no header 'ce_type'"),
    (GOOD._replace(value=b"nonsense"), "JSON is malformed"),
    (GOOD._replace(value=b""), "Input data was truncated"),
    (GOOD._replace(value=b"{}"), "missing required field `exception_id`"),
    (GOOD._replace(value=(GOOD.value or b"").replace(b"2010-01-04T08", b"soon")), "Invalid isoformat string"),
    (GOOD._replace(value=(GOOD.value or b"").replace(b"}", b',"u":"\xff"}')), "can't decode byte 0xff"),
    (read(planning())._replace(value=b'{"sku":1}'), "Expected `str`, got `int`"),
]


@pytest.mark.parametrize(("record", "got"), UNREADABLE)
def test_what_is_not_ours_is_told(record: Record, got: str) -> None:
    """A record that has no place in the view is named, with what is wrong with it."""
    where = f"topic {record.topic}, partition 3, offset 14: required a record of this engine, got "
    with pytest.raises(UnreadableError, match=re.escape(where) + ".*" + re.escape(got)):
        entry(record, LAYOUT, 30)


def test_all_names_have_the_prefix() -> None:
    """Two engines with two prefixes share a Redis without meeting."""
    one = Layout("a:")

    assert {one.position, one.queue("open"), one.hash(EXCEPTIONS, "k"), one.hash("planning-parameters", "k")} == {
        "a:view", "a:exceptions:open", "a:exception:k", "a:parameters:k",
    }  # fmt: skip
    assert {one.channel(EXCEPTIONS), one.channel("planning-parameters")} == {
        "a:changes:exceptions",
        "a:changes:parameters",
    }


def test_money_without_a_rate_has_no_rank() -> None:
    """Priority is that without money, however large the original amount is; facts that hold are fields."""
    made = entry(read(exception("x", money=1e9, money_base=None, money_status="no_rate", strategic=True)), LAYOUT, 30)

    assert made.score == str(priority("high", None, "2010-01-04T08:00:00.000Z"))
    found = fields(made)
    assert (found["money"], found["money_status"], found["strategic"]) == ("1000000000.0", "no_rate", "true")
    assert {"money_base", "regulated", "customer_strategic"} & found.keys() == set()


def test_parameters_have_the_facts_of_their_item() -> None:
    """Those that are known, and what holds as ``true``."""
    facts = {"item_name": "Pump", "family": "F", "category": "C", "region": "R", "supplier": "S", "buyer": "bob"}
    found = fields(entry(read(planning(decided=facts | {"regulated": True})), LAYOUT, 30))

    assert {name: found[name] for name in facts} == facts
    assert found["regulated"] == "true"
    assert "strategic" not in found
