"""The view in Redis against a real Kafka and a real Redis: it equals the topics after any disturbance."""

import re
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from confluent_kafka import Producer
from redis import Redis

from sensing.outputs import OutputRecord
from sinks import view_updater
from sinks.errors import RefusedError, TidegaugeError
from sinks.redis_view import RedisView
from sinks.status import KAFKA_VIEW, REDIS, VIEW
from tests.sinks.documents import exception, planning, tombstone
from tests.sinks.live import Told, publish, remove_topics, until
from tests.sinks.view_oracle import check_equal
from tests.sinks.viewing import Notes, drain, heard, make_view_topics, viewing

FIRST: list[OutputRecord] = [
    *(planning(f"S{number}", "DC", version=1, reorder_point=float(number)) for number in range(40)),
    *(exception(f"x{number}", severity=("low", "medium", "high", "critical")[number % 4]) for number in range(40)),
]
LATER: list[OutputRecord] = [
    planning("S1", "DC", version=2, reorder_point=99.0), planning("new", "DC"), tombstone(planning("S2", "DC")),
    exception("x1", 2, status="escalated", severity="critical"), exception("x2", 2, status="resolved"),
    tombstone(exception("x3")), exception("new", money=1e6),
]  # fmt: skip


@pytest.fixture
def client(redis: str) -> Iterator[Any]:
    """A plain client."""
    with Redis.from_url(redis) as plain:
        yield plain


@pytest.fixture
def filled(kafka: str, topics: str) -> str:
    """Prefix of topics with something in them."""
    make_view_topics(kafka, topics)
    publish(kafka, topics, *FIRST)
    return topics


def test_the_view_is_what_the_topics_say(kafka: str, filled: str, redis: str, keys: str, client: Any) -> None:
    """It is built from what is there, follows what comes, and forgets what is deleted."""
    notes, written = Notes(), list[int]()
    with viewing(kafka, filled, redis, keys, notes=notes, on_written=written.append) as view:
        drain(view)
        assert check_equal(kafka, filled, client, keys) == 80
        publish(kafka, filled, *LATER)
        drain(view)
        assert check_equal(kafka, filled, client, keys) == 80
        assert vars(view.counts) == {
            "applied": 85, "deleted": 2, "refused": 0, "unreadable": 0, "builds": 1, "swept": 0,
            "replaced": 0,
        }  # fmt: skip

    assert sum(written) == 87
    assert notes.of_builds() == ["there is none"]
    assert notes[-1] == "the view in Redis is built; 0 keys were left over from an earlier one and are gone"


def test_a_restart_goes_on(kafka: str, filled: str, redis: str, keys: str, client: Any) -> None:
    """What is in the view already is not read again."""
    with viewing(kafka, filled, redis, keys) as view:
        drain(view)
    publish(kafka, filled, *LATER)
    with viewing(kafka, filled, redis, keys) as view:
        drain(view)
        assert (view.counts.applied, view.counts.deleted, view.counts.builds) == (5, 2, 0)

    assert check_equal(kafka, filled, client, keys) == 80


def test_an_emptied_view_is_built_again(kafka: str, filled: str, redis: str, keys: str, client: Any) -> None:
    """Somebody flushes Redis while nothing happens: the view comes back by itself, and subscribers are told."""
    notes = Notes()
    subscribed = client.pubsub(ignore_subscribe_messages=True)
    with viewing(kafka, filled, redis, keys, notes=notes) as view:
        drain(view)
        subscribed.subscribe(f"{keys}changes:exceptions")
        client.delete(*client.scan_iter(match=f"{keys}*", count=1000))
        drain(view)
        assert view.counts.builds == 2

    assert check_equal(kafka, filled, client, keys) == 80
    assert notes.of_builds() == ["there is none", "there is none"]
    assert heard(subscribed, 1) == [(f"{keys}changes:exceptions", '{"type":"view.rebuilt"}')]
    subscribed.close()


def test_a_rewound_view_goes_on_from_where_it_was(kafka: str, filled: str, redis: str, keys: str, client: Any) -> None:
    """Redis comes back with an older state, as from a snapshot: what it misses is read again, nothing else."""
    notes = Notes()
    with viewing(kafka, filled, redis, keys, notes=notes) as view:
        drain(view)
        before = {key: client.dump(key) for key in client.scan_iter(match=f"{keys}*", count=1000)}
        publish(kafka, filled, *LATER)
        drain(view)
        applied = view.counts.applied
        with client.pipeline() as at_once:
            at_once.delete(*client.scan_iter(match=f"{keys}*", count=1000))
            for key, dumped in before.items():
                at_once.restore(key, 0, dumped)
            at_once.execute()
        until(lambda: view.counts.applied == applied + 5, "the later records again")
        drain(view)

    assert check_equal(kafka, filled, client, keys) == 80
    assert notes.of_builds() == ["there is none"]


def test_a_position_alone_that_was_set_back_does_no_harm(
    kafka: str, filled: str, redis: str, keys: str, client: Any
) -> None:
    """Records before those that the view holds are refused until it is where it was."""
    with viewing(kafka, filled, redis, keys) as view:
        drain(view)
        back = client.hget(f"{keys}view", "position")
        changes = [planning("S1", "DC", version=number) for number in (2, 3, 4)]
        publish(kafka, filled, *changes)
        drain(view)
        client.hset(f"{keys}view", "position", back)
        until(lambda: view.counts.refused == 2, "two older versions")
        drain(view)

    assert check_equal(kafka, filled, client, keys) == 80


def test_a_view_of_other_topics_is_left_alone(kafka: str, filled: str, redis: str, keys: str, client: Any) -> None:
    """Two prefixes on the same keys: the second engine changes nothing and says whose it is and what to do.

    When somebody deletes the position it takes the view over; then the first one leaves it alone.
    """
    other = f"{filled}2."
    make_view_topics(kafka, other)
    publish(kafka, other, *FIRST[:10], *FIRST[-10:], run_id="000000000000")
    first, second, notes = Told(), Told(), Notes()
    with viewing(kafka, filled, redis, keys, first) as one:
        drain(one)
        with viewing(kafka, other, redis, keys, second, notes) as two:
            until(lambda: bool(second.now.get(VIEW)), "a refusal")
            assert not two.drain(0.1)
            assert two.refused == second.now[VIEW]
            assert re.fullmatch(
                rf"redis {keys}view: required a view of topics {re.escape(other)}\* of Kafka cluster \S+, got one of "
                rf"topics {re.escape(filled)}\* of Kafka cluster \S+, written \d s ago; set another redis.key_prefix, "
                rf"or stop the engine of the other one and take the view over: redis-cli DEL {keys}view .*",
                two.refused,
            )
            with pytest.raises(RefusedError, match="required a view of topics"):
                two.check_owner()
            assert first.now[VIEW] is None
            publish(kafka, filled, *LATER)
            drain(one)
            assert check_equal(kafka, filled, client, keys) == 80
            one.stop()
            client.delete(f"{keys}view")
            until(lambda: two.counts.builds == 1, "a take-over")
            drain(two)
            assert second.now[VIEW] is None
            assert (two.refused, two.counts.swept, two.counts.refused) == ("", 61, 0)
    assert check_equal(kafka, other, client, keys) == 20
    assert notes.of_builds() == ["there is none"]


def test_a_view_that_its_engine_has_left_is_taken_over(
    kafka: str, filled: str, redis: str, keys: str, client: Any
) -> None:
    """After half a day it would have to be rebuilt anyway."""
    other = f"{filled}2."
    make_view_topics(kafka, other)
    publish(kafka, other, *FIRST[:10])
    with viewing(kafka, filled, redis, keys) as view:
        drain(view)
    client.hincrby(f"{keys}view", "at", -13 * 3600)
    notes = Notes()
    with viewing(kafka, other, redis, keys, notes=notes) as view:
        drain(view)

    assert check_equal(kafka, other, client, keys) == 10
    [reason] = notes.of_builds()
    assert re.fullmatch(
        rf"it is one of topics {re.escape(filled)}\* of Kafka cluster \S+, whose engine has left it", reason
    )


def test_a_key_of_another_type_does_not_stop_the_view(
    kafka: str, filled: str, redis: str, keys: str, client: Any
) -> None:
    """Exception, parameters, a queue and the position itself: each is replaced when it is written, and counted."""
    told = Told()
    with viewing(kafka, filled, redis, keys, told) as view:
        drain(view)
        for name in ("exception:x1", "parameters:S1/DC", "exceptions:route:planner"):
            client.delete(f"{keys}{name}")
            client.set(f"{keys}{name}", "mine")
        publish(kafka, filled, *LATER)
        drain(view)
        assert view.counts.replaced == 3
        client.delete(f"{keys}view")
        client.set(f"{keys}view", "mine")
        until(lambda: view.counts.builds == 2, "a rebuild")
        drain(view)

    assert view.counts.replaced == 4
    assert check_equal(kafka, filled, client, keys) == 80
    assert {warning[0] for warning in told.warnings} == {"view_key_replaced"}
    assert sum(count for _, _, count in told.warnings) == 4
    assert told.failed(REDIS) == []


@pytest.mark.parametrize("name", ["open", "route:buyer", "owner:ann"])
def test_a_lost_queue_is_built_again(
    kafka: str, topics: str, redis: str, keys: str, client: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Somebody deletes a sorted set, or takes one id out of it: within a minute the view is rebuilt and says why."""
    monkeypatch.setattr(view_updater, "LOOK_SECONDS", 0.2)
    make_view_topics(kafka, topics)
    publish(kafka, topics, *(exception(f"x{n}", route="buyer", owner="ann", money=float(n)) for n in range(5)))
    told, notes = Told(), Notes()
    with viewing(kafka, topics, redis, keys, told, notes) as view:
        drain(view)
        for lose in (client.delete, lambda queue: client.zrem(queue, "x3")):
            before = view.counts.builds
            lose(f"{keys}exceptions:{name}")
            until(partial(lambda known: view.counts.builds == known + 1, before), "a rebuild")
            drain(view)
            assert check_equal(kafka, topics, client, keys) == 5
            assert client.zrevrange(f"{keys}exceptions:{name}", 0, -1) == [b"x4", b"x3", b"x2", b"x1", b"x0"]

    assert notes.of_builds()[1:] == [f"somebody deleted or changed its queues {name}"] * 2
    assert told.warnings == [("view_queue_lost", f"queues of the view {keys}view were changed: {name}", 1)] * 2


def test_a_re_created_topic_is_noticed(
    kafka: str, filled: str, redis: str, keys: str, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Topics that are removed and made again while they are followed: the view is what the new ones say."""
    monkeypatch.setattr(view_updater, "LOOK_SECONDS", 0.2)
    told, notes = Told(), Notes()
    names = (f"{filled}exceptions", f"{filled}planning-parameters")
    with viewing(kafka, filled, redis, keys, told, notes) as view:
        drain(view)
        remove_topics(kafka, *names)
        until(lambda: told.now[KAFKA_VIEW] is not None, "a complaint")
        assert "got none of that name" in str(told.now[KAFKA_VIEW])
        make_view_topics(kafka, filled)
        publish(kafka, filled, *FIRST[:5])
        until(lambda: view.counts.builds == 2, "a second build")
        drain(view)

    assert check_equal(kafka, filled, client, keys) == 5
    assert told.now == {KAFKA_VIEW: None, REDIS: None, VIEW: None}
    assert "another topic" in notes.of_builds()[1]


def test_an_old_view_is_built_again(kafka: str, filled: str, redis: str, keys: str, client: Any) -> None:
    """Deletions are kept for a day: a view that was left alone for half of one may have missed some."""
    with viewing(kafka, filled, redis, keys) as view:
        drain(view)
    client.hset(f"{keys}exception:missed", mapping={"build": client.hget(f"{keys}exception:x1", "build"), "version": 1})
    client.hincrby(f"{keys}view", "at", -13 * 3600)
    notes = Notes()
    with viewing(kafka, filled, redis, keys, notes=notes) as view:
        drain(view)

    assert check_equal(kafka, filled, client, keys) == 80
    assert notes.of_builds() == ["it is 13 hours old and may have missed deletions"]


def test_an_interrupted_build_goes_on(kafka: str, filled: str, redis: str, keys: str, client: Any) -> None:
    """A build that a restart interrupts is taken up where it was; what the old one left is still swept out."""
    client.hset(f"{keys}parameters:old", mapping={"build": "old", "version": 1, "lineage": "0"})
    with viewing(kafka, filled, redis, keys) as view:
        until(lambda: view.counts.builds == 1, "a build")
    interrupted = client.hget(f"{keys}view", "position")
    client.hset(f"{keys}view", "position", interrupted.replace(b'"complete":true', b'"complete":false'))
    client.hset(f"{keys}parameters:old", mapping={"build": "old", "version": 1, "lineage": "0"})
    with viewing(kafka, filled, redis, keys) as view:
        drain(view)
        assert (view.counts.builds, view.counts.swept) == (0, 1)

    assert check_equal(kafka, filled, client, keys) == 80


def test_two_views_keep_one_right(kafka: str, filled: str, redis: str, keys: str, client: Any) -> None:
    """Two processes on the same keys, as while one is replaced: each takes up what the other did."""
    first, second = Told(), Told()
    with viewing(kafka, filled, redis, keys, first) as one, viewing(kafka, filled, redis, keys, second) as two:
        publish(kafka, filled, *LATER)
        drain(one)
        drain(two)
        until(lambda: bool(first.warnings and second.warnings), "warnings of both")

    assert check_equal(kafka, filled, client, keys) == 80
    sentence = f"another engine writes the view {keys}view of the same topics; stop one of the two"
    assert set(first.warnings) == set(second.warnings) == {("second_engine", sentence, 1)}


def test_a_restart_is_no_second_engine(kafka: str, filled: str, redis: str, keys: str) -> None:
    """The next run takes up what the one before wrote, and nobody is warned."""
    told = Told()
    for _ in range(2):
        with viewing(kafka, filled, redis, keys, told) as view:
            drain(view)
            drain(view)
    assert told.warnings == []


def test_strange_records_are_counted_and_passed_over(
    kafka: str, filled: str, redis: str, keys: str, client: Any
) -> None:
    """Somebody else's records in our topics are told of now and then, and do not stop ours."""
    producer = Producer({"bootstrap.servers": kafka})
    for number in range(100):
        producer.produce(f"{filled}exceptions", b"nonsense", f"k{number}")
    producer.flush()
    publish(kafka, filled, exception("after"))
    notes = Notes()
    with viewing(kafka, filled, redis, keys, notes=notes) as view:
        drain(view)
        assert (view.counts.unreadable, view.counts.applied) == (100, 81)

    assert client.exists(f"{keys}exception:after")
    strange = [note for note in notes if "required a record of this engine" in note]
    assert len(strange) == 7  # The 1st, 2nd, 4th, ... 64th.


def test_a_topic_that_is_not_there_is_waited_for(kafka: str, topics: str, redis: str, keys: str, client: Any) -> None:
    """The view says which topic is missing and takes it up when it comes."""
    told = Told()
    with viewing(kafka, topics, redis, keys, told) as view:
        until(lambda: told.now.get(KAFKA_VIEW) is not None, "a complaint")
        fault = f"kafka topics: required {topics}exceptions, {topics}planning-parameters, got none of that name"
        assert str(told.now[KAFKA_VIEW]).startswith(fault)
        assert not view.drain(0.3)
        make_view_topics(kafka, topics)
        drain(view)
        publish(kafka, topics, exception("x"))
        drain(view)

    assert told.now == {KAFKA_VIEW: None, REDIS: None, VIEW: None}
    assert check_equal(kafka, topics, client, keys) == 1


def test_a_change_is_there_at_once(kafka: str, filled: str, redis: str, keys: str, client: Any) -> None:
    """From the broker's acknowledgement to Redis it takes less than a second, whatever the timers of the clients."""
    delivered: list[float] = []
    with viewing(kafka, filled, redis, keys) as view:
        drain(view)
        time.sleep(0.5)
        publish(kafka, filled, exception("now"), on_delivered=lambda _record, at: delivered.append(at))
        until(lambda: bool(client.exists(f"{keys}exception:now")), "the exception")

    assert time.time() - delivered[0] < 1.0


def test_a_view_that_was_never_started_can_be_stopped(redis: str) -> None:
    """A run that fails before it starts its view closes it all the same."""
    view = RedisView({"bootstrap.servers": "127.0.0.1:1"}, "", {"url": redis}, "t:", Told())
    view.stop()

    assert not view.drain(0.1)


def test_wrong_settings_are_refused_at_once(redis: str) -> None:
    """What the clients do not take is said when the view is made."""
    with pytest.raises(TidegaugeError, match=r"kafka client settings: required what librdkafka takes, got .*nonsense"):
        RedisView({"nonsense": 1}, "", {"url": redis}, "t:", Told())
