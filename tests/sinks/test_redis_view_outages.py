"""The view while Redis or Kafka is unreachable, hangs, or has lost data; also with random outages."""

import random
from collections.abc import Iterator

import pytest
from redis import Redis

from benchmarks.servers.kafka import KafkaServer
from benchmarks.servers.redis import RedisServer
from sensing.contracts.exceptions import SEVERITIES
from sensing.outputs import OutputRecord
from sinks.status import KAFKA_PRODUCER, KAFKA_VIEW, REDIS, VIEW
from tests.produced import produced
from tests.sinks.documents import exception, planning, tombstone
from tests.sinks.live import RUN_ID, Told, part_of, publish, sink_to, until
from tests.sinks.view_oracle import check_equal
from tests.sinks.viewing import Notes, drain, make_view_topics, viewing

SEEDS = (20260105, 7)
STEPS = 40
FIRST = [*(planning(f"S{number}") for number in range(30)), *(exception(f"x{number}") for number in range(30))]


def later(number: int) -> list[OutputRecord]:
    """What comes after the first: versions from 2 on."""
    changed = [planning(f"S{row}", version=number, reorder_point=float(number)) for row in range(10)]
    ended = [exception(f"x{number}", 2, status="resolved"), tombstone(planning(f"S{10 + number}"))]
    return [*changed, *ended, exception(f"new{number}")]


def test_redis_may_go_and_come_back(kafka: str, topics: str, own_redis: RedisServer) -> None:
    """Stopped with its data, killed without, or hanging: delivery to Kafka goes on, and the view catches up by itself.

    Status says so meanwhile, and again when it is over.
    """
    make_view_topics(kafka, topics)
    publish(kafka, topics, *FIRST)
    told, notes = Told(), Notes()
    with (
        viewing(kafka, topics, own_redis.address, "t:", told, notes) as view,
        Redis.from_url(own_redis.address) as client,
    ):
        drain(view)
        assert check_equal(kafka, topics, client, "t:") == 60
        for number, away in enumerate((own_redis.stop, own_redis.kill, own_redis.pause), 2):
            away()
            publish(kafka, topics, *later(number))
            until(lambda: told.now[REDIS] is not None, "a complaint")
            assert told.now[KAFKA_VIEW] is None
            if own_redis.running:
                own_redis.resume()
            else:
                own_redis.start()
            drain(view)
            assert told.now == {REDIS: None, KAFKA_VIEW: None, VIEW: None}
            assert check_equal(kafka, topics, client, "t:") == 60

    kinds = {problem.partition(":")[0] for problem in told.failed(REDIS)}
    assert kinds == {kind for client, kind in told.errors if client == REDIS} >= {"ConnectionError", "TimeoutError"}
    assert all(part == REDIS and 0 < seconds <= 5 for part, seconds in told.pauses)
    assert set(notes.of_builds()) == {"there is none"}


def test_an_emptied_redis_is_filled_again(kafka: str, topics: str, own_redis: RedisServer) -> None:
    """A Redis that comes back without anything, its disk lost as well, has everything again."""
    make_view_topics(kafka, topics)
    publish(kafka, topics, *FIRST)
    notes = Notes()
    with (
        viewing(kafka, topics, own_redis.address, "t:", notes=notes) as view,
        Redis.from_url(own_redis.address) as client,
    ):
        drain(view)
        own_redis.kill()
        own_redis.remove_data()
        publish(kafka, topics, *later(2))
        own_redis.start()
        drain(view)
        assert check_equal(kafka, topics, client, "t:") == 60
        assert view.counts.builds == 2

    assert notes.of_builds() == ["there is none", "there is none"]


def test_a_redis_that_takes_nothing_is_waited_for(kafka: str, topics: str, own_redis: RedisServer) -> None:
    """Out of memory is told in the words of Redis, and what is there stays; with room the view goes on."""
    make_view_topics(kafka, topics)
    publish(kafka, topics, *FIRST)
    told = Told()
    with viewing(kafka, topics, own_redis.address, "t:", told) as view, Redis.from_url(own_redis.address) as client:
        drain(view)
        client.config_set("maxmemory", 1)
        publish(kafka, topics, *later(2))
        until(lambda: told.now[REDIS] is not None, "a complaint")
        assert "OutOfMemoryError" in str(told.now[REDIS])
        assert client.hget("t:parameters:S1/DC", "version") == b"1"
        client.config_set("maxmemory", 0)
        drain(view)
        assert told.now[REDIS] is None
        assert check_equal(kafka, topics, client, "t:") == 60


def test_kafka_may_go_and_come_back(own_kafka: KafkaServer, redis: str, keys: str) -> None:
    """A broker that is away or hangs is told of, once it is back the view goes on where it was."""
    make_view_topics(own_kafka.address, "")
    told, notes = Told(), Notes()
    sink = sink_to(own_kafka.address, "", status=told, client={"socket.timeout.ms": 3_000})
    with viewing(own_kafka.address, "", redis, keys, told, notes) as view, part_of(sink) as part:
        for number, away in enumerate((own_kafka.stop, own_kafka.pause), 2):
            part.write_batch([produced([*FIRST, *later(number)])])
            part.snapshot()
            drain(view)
            away()
            part.write_batch([produced([*later(number + 2)])])
            if number == 2:  # A broker that hangs looks like one to which nothing is sent, until requests time out.
                until(lambda: told.now[KAFKA_VIEW] is not None, "a complaint")
                own_kafka.start()
            else:
                own_kafka.resume()
            part.snapshot()
            drain(view)
            until(lambda: told.now[KAFKA_VIEW] is None, "that it is over")
            with Redis.from_url(redis) as client:
                check_equal(own_kafka.address, "", client, keys)

    assert told.now == {KAFKA_VIEW: None, REDIS: None, VIEW: None, KAFKA_PRODUCER: None}
    assert told.warnings == []
    assert notes.of_builds() == ["there is none"]


def random_records(draw: random.Random, versions: dict[str, int]) -> Iterator[OutputRecord]:
    """Some records of some keys: versions that go up, now and then an old one, an end, a deletion."""
    for _ in range(draw.randrange(1, 30)):
        key = f"k{draw.randrange(25)}"
        versions[key] = versions.get(key, 0) + 1
        version = versions[key] if draw.random() < 0.9 else draw.randint(1, versions[key])
        if draw.random() < 0.5:
            record = planning(key, version=version, reorder_point=float(draw.randrange(1000)))
        else:
            record = exception(
                key, version, status=draw.choice(("opened", "escalated", "acknowledged", "resolved", "expired")),
                severity=draw.choice(SEVERITIES), money=draw.choice((None, 10.0, 1_000.0, 50_000.0)),
                deadline=draw.choice((None, "2010-01-04T08:00:00.000Z", "2010-02-04T08:00:00.000Z")),
            )  # fmt: skip
        yield record if draw.random() < 0.85 else tombstone(record)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_redis_equals_the_topics(kafka: str, topics: str, own_redis: RedisServer, seed: int) -> None:
    """Random records of three runs, and in between Redis killed, stopped, paused, emptied, and the view restarted.

    In the end, and whenever nothing is left to read, the view is what an independent reader finds in the topics.
    """
    draw, versions = random.Random(seed), dict[str, int]()
    make_view_topics(kafka, topics)
    client = Redis.from_url(own_redis.address, socket_timeout=5)
    for life in range(3):
        run_id = f"{RUN_ID}{draw.randrange(3)}"
        with (
            viewing(kafka, topics, own_redis.address, "t:") as view,
            part_of(sink_to(kafka, topics, run_id=run_id)) as part,
        ):
            for _ in range(STEPS // 3):
                part.write_batch([produced([*random_records(draw, versions)])])
                part.snapshot()
                happening = draw.random()
                if happening < 0.15:
                    draw.choice((own_redis.kill, own_redis.stop))()
                    part.write_batch([produced([*random_records(draw, versions)])])
                    own_redis.start()
                elif happening < 0.2:
                    own_redis.pause()
                    part.write_batch([produced([*random_records(draw, versions)])])
                    own_redis.resume()
                elif happening < 0.25:
                    client.flushall()
                elif happening < 0.35:
                    client.save()
            if life == 2 or draw.random() < 0.7:
                part.snapshot()
                drain(view)
                check_equal(kafka, topics, client, "t:")
    client.close()
