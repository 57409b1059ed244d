"""Health: current and past problems with their times, liveness, readiness."""

import threading

import pytest

from flows.service.health import Health
from tests.flows.service.clock import Clock


@pytest.fixture
def clock() -> Clock:
    """Noon, 2020-09-13T12:26:40Z."""
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    """A flow that has just started."""
    return Health(heartbeat_max_s=30, wall=clock, steady=clock)


def test_an_outage_is_told_while_it_lasts_and_afterwards(health: Health, clock: Clock) -> None:
    """Since when, what, how often tried; later from when to when; the process stays alive all the while."""
    health.ok("redis")
    clock.now += 10
    health.failing("redis", "connection refused")
    clock.now += 5
    health.failing("redis", "timed out")
    health.beat()

    good, body = health.live()
    assert (good, body["status"]) == (True, "degraded")
    assert body["parts"]["redis"] == {
        "state": "failing",
        "since": "2020-09-13T12:26:50.000Z",
        "outages": 1,
        "failures": 2,
        "last_problem": {"problem": "timed out", "from": "2020-09-13T12:26:50.000Z", "to": None},
    }

    clock.now += 5
    health.ok("redis")
    clock.now += 5
    health.ok("redis")
    good, body = health.live()
    assert (good, body["status"]) == (True, "ok")
    assert body["parts"]["redis"] == {
        "state": "ok",
        "since": "2020-09-13T12:27:00.000Z",
        "outages": 1,
        "failures": 2,
        "last_problem": {
            "problem": "timed out", "from": "2020-09-13T12:26:50.000Z", "to": "2020-09-13T12:27:00.000Z",
        },
    }  # fmt: skip


def test_a_part_that_never_failed_has_no_problem(health: Health) -> None:
    """There is nothing to say of it but since when it works."""
    health.ok("kafka")
    assert health.live().body["parts"] == {
        "kafka": {"state": "ok", "since": "2020-09-13T12:26:40.000Z", "outages": 0, "failures": 0}
    }


def test_a_second_outage_is_another_one(health: Health, clock: Clock) -> None:
    """It begins when it begins, and both are counted."""
    for problem in ("first", "second"):
        health.failing("kafka", problem)
        clock.now += 60
        health.ok("kafka")
    told = health.live().body["parts"]["kafka"]
    assert (told["outages"], told["failures"], told["last_problem"]["problem"]) == (2, 2, "second")
    assert told["last_problem"]["from"] == "2020-09-13T12:27:40.000Z"
    assert health.states() == {"kafka": (True, 2)}


def test_a_flow_that_stands_still_is_not_alive(health: Health, clock: Clock) -> None:
    """From every epoch on there is so much time for the next one; before the first one kernels may be compiled."""
    clock.now += 1000
    assert health.live() == (True, health.live().body | {"status": "starting", "heartbeat_age_seconds": 0.0})
    health.beat()
    clock.now += 30
    assert health.live().good
    health.beat()
    clock.now += 30.5
    good, body = health.live()
    assert (good, body["status"], body["heartbeat_age_seconds"]) == (False, "failing", 30.5)
    assert body["reason"] == ("no epoch and no call of a machine has ended for 30 s, required one within 30 s")
    health.beat()
    assert health.live().good


def test_a_flow_that_waits_for_kafka_is_alive(health: Health, clock: Clock) -> None:
    """An outage, however long, is no reason to restart; when it is over the flow has its time again."""
    health.beat()
    health.failing("kafka-producer", "all brokers are down")
    clock.now += 3600
    assert (health.live().good, health.live().body["status"]) == (True, "degraded")
    health.ok("kafka-producer")
    clock.now += 30
    assert health.live().good
    clock.now += 1
    assert not health.live().good


def test_what_ends_the_run_is_told_first(health: Health) -> None:
    """The first fatal problem stays, and neither alive nor ready is said after it."""
    health.fail("orders[3]: offset 7 is below the log start 9")
    health.fail("later")
    good, body = health.live()
    assert (good, body["reason"]) == (False, "orders[3]: offset 7 is below the log start 9")
    assert "orders[3]: offset 7 is below the log start 9" in health.ready().body["reasons"]


def test_ready_comes_after_history(health: Health) -> None:
    """Reference first, then every input to its end, once."""
    assert health.ready().body == {
        "status": "not ready",
        "reasons": ["reference has not been read to its end", "inputs have not been read to their ends"],
    }
    health.reference_read()
    assert health.ready() == (
        False,
        {"status": "not ready", "reasons": ["inputs have not been read to their ends"]},
    )
    health.inputs_read()
    assert health.ready() == (True, {"status": "ready", "reasons": []})


def test_kafka_away_is_not_ready_and_redis_away_is(health: Health) -> None:
    """Without Kafka nothing goes on; the view can be written again later."""
    health.reference_read()
    health.inputs_read()
    health.failing("redis", "connection refused")
    assert health.ready().good
    health.failing("kafka-producer", "all brokers are down")
    assert health.ready() == (
        False,
        {
            "status": "not ready",
            "reasons": ["kafka-producer is failing since 2020-09-13T12:26:40.000Z: all brokers are down"],
        },
    )
    health.ok("kafka-producer")
    assert health.ready().good


def test_many_threads_may_tell(health: Health) -> None:
    """No failure is lost between threads."""

    def tell() -> None:
        for _ in range(500):
            health.failing("kafka", "away")

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert health.live().body["parts"]["kafka"]["failures"] == 4000


def test_busy_and_dead_are_two_answers(health: Health, clock: Clock) -> None:
    """A flow whose machines end calls is alive, however long an epoch takes; one that does nothing is not."""
    health.beat()
    for _ in range(10):
        clock.now += 29
        health.work()
    good, body = health.live()
    assert (good, body["status"], body["heartbeat_age_seconds"]) == (True, "busy", 290.0)
    clock.now += 31
    good, body = health.live()
    assert (good, body["status"]) == (False, "failing")
    assert body["reason"].startswith("no epoch and no call of a machine has ended for 31 s")
    health.beat()
    assert health.live().body["status"] == "ok"


def test_a_start_says_what_it_does(health: Health) -> None:
    """Until the first epoch has ended; a failure comes first."""
    health.stage("topics are looked for")
    assert health.startup() == (False, {"status": "starting", "reasons": ["topics are looked for"]})
    health.beat()
    assert health.startup() == (True, {"status": "started", "reasons": []})
    health.fail("no such topic")
    assert health.startup() == (False, {"status": "starting", "reasons": ["no such topic"]})


def test_a_view_of_another_engine_is_not_ready(health: Health) -> None:
    """Redis may be away, but a view that belongs to somebody else is not what readers expect."""
    health.reference_read()
    health.inputs_read()
    assert health.failing("view", "required a view of topics a, got one of topics b")
    assert not health.failing("view", "the same")
    [reason] = health.ready().body["reasons"]
    assert reason.endswith("the same")
    assert health.live().good
    assert health.ok("view") == 0.0
    assert health.ok("view") is None
    assert health.ready().good


def test_warnings_are_shown_and_counted(health: Health, clock: Clock) -> None:
    """They stop nothing: alive and ready are as they were."""
    before = health.ready()
    health.warn("second_engine", "one")
    clock.now += 10
    health.warn("second_engine", "two", 4)
    good, body = health.live()
    assert (good, body["status"]) == (True, "starting")
    assert body["warnings"] == {
        "second_engine": {
            "text": "two", "count": 5, "from": "2020-09-13T12:26:40.000Z", "last": "2020-09-13T12:26:50.000Z",
        }
    }  # fmt: skip
    assert health.ready() == before
