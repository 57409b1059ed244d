"""The outbox numbers the outputs of a machine."""

import orjson

from sensing.contracts.audit import AutomaticDecision
from sensing.machines.outbox import Outbox
from sensing.outputs import AUDIT


def put(outbox: Outbox, instant: int) -> None:
    """Put out one decision."""
    decision = AutomaticDecision(rule="end_override", subject="s", value=float("nan"))
    outbox.put(instant, AUDIT, "decision.automatic", f"id{instant}", "s", 7, decision, {"correlationid": "s"})


def test_outputs_are_numbered_over_all_calls() -> None:
    """Each output has the machine, the instant and a running number that goes on after the outbox was emptied."""
    outbox = Outbox(3)
    put(outbox, 10)
    put(outbox, 20)
    first = outbox.take()
    assert [(record.machine, record.number, record.instant) for record in first] == [(3, 0, 10), (3, 1, 20)]
    assert outbox.take() == []
    put(outbox, 30)
    (record,) = outbox.take()
    assert (record.number, record.topic, record.type, record.id) == (2, AUDIT, "decision.automatic", "id30")
    assert (record.subject, record.time, record.attributes) == ("s", 7, {"correlationid": "s"})
    assert orjson.loads(record.data)["value"] is None


def test_attributes_are_optional() -> None:
    """Without attributes a record has none."""
    outbox = Outbox(0)
    outbox.put(1, AUDIT, "t", "i", "s", 1, AutomaticDecision(rule="end_override", subject="s"))
    assert outbox.take()[0].attributes == {}
