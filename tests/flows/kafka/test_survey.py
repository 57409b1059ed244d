"""What a run finds when it starts: logs with their offsets, what is missing, and where a saved run goes on."""

import pytest
from confluent_kafka import Producer, TopicPartition

from benchmarks.servers.kafka import admin
from benchmarks.servers.process import HOST, free_port
from flows.sources.kafka import survey as survey_module
from flows.sources.kafka.feed import Place
from flows.sources.kafka.live import LiveState, resume_offset
from flows.sources.kafka.survey import Log, survey
from sinks.errors import TidegaugeError
from tests.flows.kafka.places import logs_of, make_topics, produce, settings_of


def test_logs_are_found_with_their_ids_and_offsets(kafka: str, topics: str) -> None:
    """All partitions of the inputs by topic and number; first offset there is, end of what is committed."""
    names = make_topics(kafka, topics, partitions=2)
    produce(kafka, names["orders"], [b"a", b"b", b"c"], partition=1)
    client, cut = admin(kafka), TopicPartition(names["orders"], 1, 2)
    client.delete_records([cut])[cut].result(30)
    open_one = Producer({"bootstrap.servers": kafka, "transactional.id": f"{topics}open", "log_level": 0})
    open_one.init_transactions()
    open_one.begin_transaction()
    open_one.produce(names["shipments"], b"not yet", partition=0)
    open_one.flush()
    logs = logs_of(kafka, names)
    open_one.abort_transaction()

    places = [("reference", 0)] + [(t, p) for t in names if t != "reference" for p in (0, 1)]
    assert [(log.topic, log.partition) for log in logs] == sorted(places)
    assert {log.name for log in logs} == set(names.values())
    found = {(log.topic, log.partition): (log.start, log.end) for log in logs}
    assert found.pop(("orders", 1)) == (2, 3)
    assert set(found.values()) == {(0, 0)}
    assert len({log.topic_id for log in logs}) == len(names)


def test_missing_topics_are_named(kafka: str, topics: str) -> None:
    """Inputs and outputs, all at once, and how to make them."""
    names = make_topics(kafka, topics)
    missing = {"orders": names["orders"], "inventory": f"{topics}no-inventory"}
    with pytest.raises(TidegaugeError) as refused:
        survey(settings_of(kafka, topics).client_config(), missing, [f"{topics}audit", f"{topics}no-audit"])
    assert str(refused.value) == (
        f"kafka topics: required {topics}no-inventory, {topics}no-audit, got none of that name; "
        "create with: tidegauge topics create"
    )


def test_a_broker_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the start is given up, and what went wrong with the connection is told."""
    monkeypatch.setattr(survey_module, "CONNECT_SECONDS_MAX", 0.5)
    monkeypatch.setattr(survey_module, "REQUEST_SECONDS", 0.3)
    address = f"{HOST}:{free_port()}"
    with pytest.raises(TidegaugeError) as refused:
        survey(settings_of(address, "").client_config(), {"orders": "orders"})
    text = str(refused.value)
    assert text.startswith(f"kafka.bootstrap_servers {address}: required a broker that answers, got ")
    assert "Connection refused" in text
    assert text.endswith("; start it, or mend the address, rights or secrets")


LOG = Log("orders", "t.orders", 1, "one", 10, 20)


@pytest.mark.parametrize("offset", [10, 15, 20])
def test_a_saved_run_goes_on_where_it_was(offset: int) -> None:
    """At any offset that the log still has, its end included."""
    assert resume_offset(LOG, LiveState({Place("orders", 1): (offset, "one")}, 0)) == offset


def test_what_a_saved_run_does_not_know_is_read_from_its_start() -> None:
    """A partition added since, and every partition where nothing was saved."""
    assert resume_offset(LOG, LiveState({Place("orders", 0): (12, "one")}, 0)) == 10
    assert resume_offset(LOG, None) == 10


@pytest.mark.parametrize(
    ("offset", "topic_id", "told"),
    [
        (9, "one", "topic t.orders partition 1: required offset 9, got a log of offsets 10 to 20"),
        (21, "one", "topic t.orders partition 1: required offset 21, got a log of offsets 10 to 20"),
        (15, "zero", "topic t.orders: required the topic that was read so far (id zero), got another one"),
    ],
)
def test_a_saved_run_does_not_skip(offset: int, topic_id: str, told: str) -> None:
    """An offset that is gone, one that is not there yet, and another topic of the same name are refused."""
    with pytest.raises(TidegaugeError) as refused:
        resume_offset(LOG, LiveState({Place("orders", 1): (offset, topic_id)}, 0))
    assert str(refused.value).startswith(told)
