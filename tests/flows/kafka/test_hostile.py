"""A hundred thousand hostile messages in live topics: each becomes one dead letter, and no other output changes."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from sensing.codec.event_record import TOPICS
from sensing.machine_settings import DAY_MS
from sensing.machines.machine_messages import OUTCOMES
from tests.codec.blocks import decode_lines
from tests.codec.hostile import hostile_lines
from tests.flows.kafka.places import make_topics, until
from tests.flows.kafka.service import Service, assert_balanced, last_totals, records
from tests.flows.kafka.shop import moved, noon_zone, now_ms
from tests.machines.business import business
from tests.machines.streams import Line

PLACE = ("topic", "partition", "offset")
HOSTILE = 100_000
DIFFERENT = 20_000
MEMORY_KIB_MAX = 600 << 10
"""What rubbish may cost at most, however much there is: what waits for other partitions, librdkafka's queues on both
sides, and what is under way between them, each bounded, and most of it held more than once.
"""
LIVE_KIB_MAX = 64 << 10
"""What more of it may cost after that."""


def rubbish() -> list[Line]:
    """Hostile lines that are no events."""
    by_topic: dict[str, list[bytes]] = defaultdict(list)
    for topic, value in hostile_lines(seed=77, count=DIFFERENT * 5 // 4):
        by_topic[topic].append(value)
    found = [Line(topic, reject.value) for topic in by_topic for reject in decode_lines(topic, by_topic[topic]).rejects]
    assert len(found) > DIFFERENT
    return found[:DIFFERENT]


def send(address: str, names: dict[str, str], lines: Iterator[Line]) -> None:
    """Send lines in their order; hostile ones have a key and a header."""
    producer = Producer({"bootstrap.servers": address, "linger.ms": 20, "log_level": 0})
    for number, (topic, value) in enumerate(lines):
        while True:
            try:
                producer.produce(names[topic], value, b"k%d" % number, headers={"n": b"%d" % number})
            except BufferError:
                producer.poll(0.1)
            else:
                break
        producer.poll(0)
    assert producer.flush(60) == 0


def among(good: list[Line], bad: Sequence[Line], times: int) -> Iterator[Line]:
    """Good lines in their order, so many bad ones before each that all are in."""
    rest = itertools.chain.from_iterable(itertools.repeat(bad, times))
    share = -(-len(bad) * times // len(good))
    for line in good:
        yield from itertools.islice(rest, share)
        yield line


def outcomes(address: str, prefix: str) -> dict[tuple[str, int], dict[str, int]]:
    """The books of a run, which balance, without dead letters."""
    totals = last_totals(records(address, f"{prefix}audit"))
    assert_balanced(totals)
    return {place: {name: data[name] for name in OUTCOMES if name != "dead_letter"} for place, data in totals.items()}


def published(address: str, prefix: str) -> dict[tuple[str, str], bytes | None]:
    """Exceptions and planning parameters by topic and id."""
    return {
        (topic, record.headers["id"]): record.value
        for topic in ("exceptions", "planning-parameters")
        for record in records(address, prefix + topic)
    }


def letters(address: str, prefix: str) -> dict[tuple[str, int, int], tuple[bytes | None, bytes | None, Any]]:
    """Value, key and header of dead letters by where they came from; none comes twice."""
    found = {}
    for record in records(address, f"{prefix}dead-letters"):
        topic, partition, offset = (
            record.headers[f"__connect.errors.{name}"] for name in ("topic", "partition", "offset")
        )
        place = (topic, int(partition), int(offset))
        assert place not in found
        found[place] = (record.value, record.key, record.original.get("n"))
    return found


def read(service: Service) -> float:
    """Messages read so far."""
    return sum(service.metric(f'tidegauge_records_fetched_total{{topic="{topic}"}}') for topic in TOPICS)


def run(address: str, prefix: str, folder: Path, good: list[Line], zone: str, bad: Sequence[Line] = ()) -> list[int]:
    """Run on a history with most of the rubbish, then get the rest; the highest memory before and after that, KiB."""
    names = make_topics(address, prefix)
    folder.mkdir()
    times = HOSTILE // DIFFERENT - 1
    send(address, names, among(good, bad, times) if bad else iter(good))
    with Service(address, prefix, folder, engine__time_zone=zone) as service:
        service.ready()
        memory = [service.memory_kib(peak=True)]
        send(address, names, iter(bad))
        until(lambda: read(service) == len(good) + (times + 1) * len(bad), seconds=180)
        memory.append(service.memory_kib(peak=True))
        assert service.ask("/healthz")[1]["status"] == "ok"
        assert service.stop() == 0
    return memory


def check_letters(address: str, topics: str, bad: set[Line]) -> None:
    """What is in the topics and hostile is a dead letter; all others are those of the run without them."""
    found = letters(address, f"{topics}dirty.")
    expected = {}
    for topic in TOPICS:
        for offset, record in enumerate(records(address, f"{topics}dirty.{topic}")):
            if (topic, record.value) in bad:
                expected[topic, 0, offset] = (record.value, record.key, record.original["n"])
    assert len(expected) == HOSTILE
    assert {place: letter for place, letter in found.items() if place in expected} == expected
    others = sorted(str(value) for place, (value, *_) in found.items() if place not in expected)
    assert others == sorted(str(value) for value, *_ in letters(address, f"{topics}clean.").values())


def test_rubbish_changes_nothing_for_others(kafka: str, topics: str, tmp_path: Path) -> None:
    """Dead letters are the hostile messages, each once, as they came; what else is put out is what it is without them.

    It reads on to the end, in bounded memory.
    """
    good = moved(business(seed=3, days=20), now_ms() - 2 * DAY_MS)
    bad = rubbish()
    zone = noon_zone()
    clean = run(kafka, f"{topics}clean.", tmp_path / "clean", good, zone)
    dirty = run(kafka, f"{topics}dirty.", tmp_path / "dirty", good, zone, bad)
    assert outcomes(kafka, f"{topics}clean.") == outcomes(kafka, f"{topics}dirty.")
    assert published(kafka, f"{topics}clean.") == published(kafka, f"{topics}dirty.")
    assert dirty[1] - clean[1] < MEMORY_KIB_MAX
    assert dirty[1] - dirty[0] < LIVE_KIB_MAX
    check_letters(kafka, topics, set(bad))
