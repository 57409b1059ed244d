"""The books of a running service: metrics that balance at every scrape, and warnings of what is missing or foreign."""

import threading
from collections import Counter
from pathlib import Path

from confluent_kafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.servers.kafka import admin
from sensing.machine_settings import HOUR_MS
from tests.flows.kafka.places import make_topics, produce, until
from tests.flows.kafka.service import Service
from tests.flows.kafka.shop import load_lines, now_ms, shop_days, shop_order

SCRAPERS = 4


def books(service: Service) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Records read and the sum of their outcomes by topic, and dead letters by topic, of one scrape."""
    families = {family.name: family for family in text_string_to_metric_families(service.metrics())}
    read, outcomes, dead = Counter[str](), Counter[str](), Counter[str]()
    for sample in families["tidegauge_records_read"].samples:
        read[sample.labels["topic"]] += int(sample.value)
    for sample in families["tidegauge_events"].samples:
        outcomes[sample.labels["topic"]] += int(sample.value)
        if sample.labels["outcome"] == "dead_letter":
            dead[sample.labels["topic"]] += int(sample.value)
    return read, outcomes, dead


def test_read_is_the_sum_of_outcomes_at_every_scrape(kafka: str, topics: str, tmp_path: Path) -> None:
    """While history is read and while orders and rubbish arrive; several scrapers at once."""
    history = shop_days(now_ms() - HOUR_MS, 30)
    names = load_lines(kafka, topics, tmp_path / "in", history)
    found: list[tuple[Counter[str], Counter[str], Counter[str]]] = []
    stop = threading.Event()
    with Service(kafka, topics, tmp_path) as service:

        def scrape() -> None:
            while not stop.is_set():
                found.append(books(service))

        scraping = [threading.Thread(target=scrape) for _ in range(SCRAPERS)]
        for thread in scraping:
            thread.start()
        service.ready()
        for batch in range(20):
            orders = [shop_order(n, now_ms(), event_id=f"n{batch}-{n}") for n in range(100)]
            produce(kafka, names["orders"], [*orders, b"no event", orders[0]])
        total = len(history) + 20 * 102
        until(lambda: books(service)[0].total() == total, seconds=60)
        stop.set()
        for thread in scraping:
            thread.join()
        read, outcomes, dead = books(service)
        assert service.stop() == 0

    assert all(told[0] == told[1] for told in found)
    assert len({told[0].total() for told in found}) > 2
    assert (read, dead["orders"]) == (outcomes, 20)


def test_a_log_that_does_not_begin_at_0_is_warned_of(kafka: str, topics: str, tmp_path: Path) -> None:
    """At the start and while it runs: in the log, in the probes and counted."""
    names = make_topics(kafka, topics)
    produce(kafka, names["orders"], [shop_order(n, now_ms(), event_id=f"e{n}") for n in range(10)])
    client = admin(kafka)

    def cut(offset: int) -> None:
        place = TopicPartition(names["orders"], 0, offset)
        client.delete_records([place])[place].result(30)

    cut(4)
    missing = 'tidegauge_missing_records{partition="0",topic="orders"}'
    with Service(kafka, topics, tmp_path) as service:
        service.ready()
        assert service.metric(missing) == 4
        cut(7)
        until(lambda: service.metric(missing) == 7)
        assert service.metric('tidegauge_warnings_total{subject="log_begins_late"}') == 7
        warning = service.ask("/livez")[1]["warnings"]["log_begins_late"]
        assert warning["count"] == 7
        assert warning["text"].startswith(
            "the log of topic orders, partition 0 begins at offset 7: the 7 records before"
        )
        [line] = [line for line in service.lines() if line.get("subject") == "log_begins_late"]
        assert "begins at offset 4" in line["event"]
        assert service.stop() == 0


def test_a_second_engine_is_warned_of(kafka: str, topics: str, tmp_path: Path) -> None:
    """Two engines on the same topics: both see records of the other between their own."""
    history = shop_days(now_ms() - HOUR_MS, 5)
    load_lines(kafka, topics, tmp_path / "in", history)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    count = 'tidegauge_warnings_total{subject="second_engine"}'
    with Service(kafka, topics, tmp_path / "a") as one:
        one.ready()
        assert one.metric(count) == 0
        with Service(kafka, topics, tmp_path / "b") as two:
            two.ready()
            until(lambda: one.metric(count) > 0 and two.metric(count) > 0, seconds=150)
            assert (
                "a second engine writes to the same topics" in one.ask("/livez")[1]["warnings"]["second_engine"]["text"]
            )
            assert one.ask("/livez")[0] == one.ask("/readyz")[0] == 200
