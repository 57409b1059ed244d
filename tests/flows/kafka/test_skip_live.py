"""The service and an event that fails in a machine: exit code 3, the event in the log, and `engine.skip`."""

from pathlib import Path

import orjson

from tests.flows.kafka.places import make_topics, produce
from tests.flows.kafka.service import Service, last_totals, records
from tests.flows.kafka.shop import now_ms

POISONED = """
import sensing.machines.infrequent_events as events
plain = events._purchase
def poisoned(s, message, row):
    if message.event.po_id == "poison":
        raise OverflowError("year 10000 is out of range")
    return plain(s, message, row)
events._purchase = poisoned
"""


def purchase(number: int, po_id: str) -> bytes:
    """A purchase order of the last minutes."""
    event = {"event_id": f"p{number}", "event_type": "po.placed", "event_time": now_ms() - 600_000 + number}
    return orjson.dumps(event | {"po_id": po_id, "sku": "A", "location": "L", "quantity": 1})


def test_an_event_that_fails_is_named_and_can_be_skipped(kafka: str, topics: str, tmp_path: Path) -> None:
    """Every start ends with code 3 and names the event in the log, until its position is skipped."""
    names = make_topics(kafka, topics, 1)
    produce(kafka, names["suppliers"], [purchase(1, "a"), purchase(2, "poison"), purchase(3, "b")])
    for _ in range(2):
        with Service(kafka, topics, tmp_path, before=POISONED) as service:
            assert service.wait() == 3, service.text()
            [ended] = [line for line in service.lines() if line["event"] == "ended"]
        assert (ended["exit_code"], ended["events"]) == (3, ["suppliers:0:1"])
        assert "suppliers:0:1 (event_id 'p2') failed: OverflowError: year 10000 is out of range" in ended["reason"]
        assert 'engine.skip = ["suppliers:0:1"]' in ended["reason"]
        assert "in poisoned" in ended["traceback"]
    with Service(kafka, topics, tmp_path, before=POISONED, engine__skip="suppliers:0:1") as service:
        service.ready()
        assert service.stop() == 0, service.text()
    [letter] = records(kafka, f"{topics}dead-letters")
    assert letter.headers["tidegauge_reason"] == "skipped"
    assert orjson.loads(letter.value or b"")["po_id"] == "poison"
    totals = last_totals(records(kafka, f"{topics}audit"))["suppliers", 0]
    assert (totals["read"], totals["absorbed"], totals["dead_letter"]) == (3, 2, 1)


def test_missing_topics_end_with_code_4(kafka: str, topics: str, tmp_path: Path) -> None:
    """A supervisor must not restart where a person has to create the topics."""
    with Service(kafka, topics, tmp_path) as service:
        assert service.wait() == 4, service.text()
        [ended] = [line for line in service.lines() if line["event"] == "ended"]
    assert ended["exit_code"] == 4
    assert "tidegauge topics create" in ended["reason"]
