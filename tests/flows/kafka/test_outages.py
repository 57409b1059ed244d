"""Outages of Kafka and Redis: the service waits, reports them, loses nothing and continues by itself."""

import datetime as dt
import signal
import time
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.servers.kafka import KafkaServer
from benchmarks.servers.redis import RedisServer
from sensing.machine_settings import HOUR_MS
from tests.flows.kafka.places import make_topics, produce, until
from tests.flows.kafka.service import Service, assert_balanced, last_totals, newest, records
from tests.flows.kafka.shop import cancelled, giant, load_lines, now_ms, shop_days, shop_order

KEYS = "t:"
MEMORY_GROWTH_KIB_MAX = 100 << 10


class Outages:
    """A service with servers of its own, and what was sent to it."""

    def __init__(self, kafka: KafkaServer, redis: RedisServer, service: Service, orders: str, sent: int) -> None:
        self.kafka, self.redis, self.service = kafka, redis, service
        self.orders = orders
        self.sent = sent
        self.client: Any = Redis.from_url(redis.address, decode_responses=True)

    def send(self, *values: bytes) -> None:
        """Send orders."""
        produce(self.kafka.address, self.orders, values)
        self.sent += len(values)

    def part(self, name: str) -> dict[str, Any]:
        """How a part is said to be."""
        parts = self.service.ask("/healthz")[1]["parts"]
        return dict(parts.get(name, {"state": "unknown", "outages": 0}))

    def await_outage(self, name: str) -> None:
        """Wait until a part is said to fail; the process is still worth keeping."""
        until(lambda: self.part(name)["state"] == "failing")
        code, body = self.service.ask("/healthz")
        assert (code, body["status"]) == (200, "degraded")

    def await_recovery(self, name: str, outages: int) -> None:
        """Wait until a part works again; it is told what was wrong, from when to when."""
        until(lambda: self.part(name)["state"] == "ok", seconds=60)
        part = self.part(name)
        assert part["outages"] == outages
        assert part["last_problem"]["from"] < part["last_problem"]["to"] == part["since"]

    def open_in_kafka(self) -> set[str]:
        """Ids of open exceptions, as the topic has them."""
        found = newest(records(self.kafka.address, "exceptions")).values()
        return {record.data["exception_id"] for record in found if record.data["status"] not in ("resolved", "expired")}

    def await_held(self, number: int) -> None:
        """Wait until so many orders are held, by what the topic says."""
        until(lambda: sum(name.startswith("quality:") for name in self.open_in_kafka()) == number)

    def await_view(self) -> None:
        """Wait until Redis shows what the topics say: every record of every key, and what is open."""
        until(lambda: self.shown() == self.said(), seconds=60)
        assert set(self.client.zrange(f"{KEYS}exceptions:open", 0, -1)) == self.open_in_kafka()

    def said(self) -> dict[str, str]:
        """Documents by their key in Redis, as the topics have them."""
        kinds = {"exceptions": "exception", "planning-parameters": "parameters"}
        return {
            f"{KEYS}{kind}:{key.decode()}": (record.value or b"").decode()
            for topic, kind in kinds.items()
            for key, record in newest(records(self.kafka.address, topic)).items()
        }

    def shown(self) -> dict[str, str]:
        """Documents by their key, as Redis has them."""
        keys = [key for kind in ("exception", "parameters") for key in self.client.keys(f"{KEYS}{kind}:*")]
        return {key: self.client.hget(key, "document") for key in keys}


def test_outages_of_both_lose_nothing(own_kafka: KafkaServer, own_redis: RedisServer, tmp_path: Path) -> None:
    """One after another: Kafka stopped, Redis stopped, Redis emptied, Kafka hung; each time it goes on by itself."""
    history = shop_days(now_ms() - HOUR_MS, 20)
    names = load_lines(own_kafka.address, "", tmp_path / "in", history)
    with Service(own_kafka.address, "", tmp_path, redis=own_redis.address, keys=KEYS) as service:
        outages = Outages(own_kafka, own_redis, service.ready(), names["orders"], len(history))
        outages.await_view()
        memory = service.memory_kib()

        own_kafka.stop()
        for part in ("kafka-consumer", "kafka-view"):
            outages.await_outage(part)
        code, body = service.ask("/readyz")
        assert code == 503
        assert any(reason.startswith("kafka-consumer is failing since ") for reason in body["reasons"])
        own_kafka.start()
        outages.send(giant("one", now_ms()), *(shop_order(n, now_ms(), event_id=f"a{n}") for n in range(300)))
        for part in ("kafka-consumer", "kafka-view"):
            outages.await_recovery(part, outages=1)
        outages.await_held(1)
        until(lambda: service.ask("/readyz")[0] == 200)

        own_redis.stop()
        outages.await_outage("redis")
        outages.send(giant("two", now_ms(), "HOSE"))
        outages.await_held(2)
        assert service.ask("/readyz")[0] == 200
        own_redis.start()
        outages.await_recovery("redis", outages=1)
        outages.await_view()

        outages.client.flushall()
        outages.send(cancelled("two", now_ms(), "HOSE"))
        outages.await_view()
        outages.await_held(1)

        own_kafka.pause()
        outages.await_outage("kafka-consumer")
        own_kafka.resume()
        outages.send(giant("three", now_ms(), "SEAL"))
        outages.await_recovery("kafka-consumer", outages=2)
        outages.await_held(2)
        outages.await_view()

        assert service.memory_kib() - memory < MEMORY_GROWTH_KIB_MAX
        assert service.stop() == 0
    totals = last_totals(records(own_kafka.address, "audit"))
    assert assert_balanced(totals).total() == outages.sent
    assert (totals["orders", 0]["held"], totals["orders", 0]["released"]) == (3, 1)
    assert records(own_kafka.address, "dead-letters") == []


def test_a_service_may_start_before_kafka(own_kafka: KafkaServer, tmp_path: Path) -> None:
    """It says so once, within seconds, and waits in silence; alive, not started, not ready. Then it goes on by itself.

    A signal while it waits ends it with code 0.
    """
    make_topics(own_kafka.address, "")
    own_kafka.stop()
    with Service(own_kafka.address, "", tmp_path) as service:
        until(lambda: any(line["event"] == "part is failing" for line in service.lines()))
        listening = next(line for line in service.lines() if line["event"] == "listening")
        [failing] = [line for line in service.lines() if line["event"] == "part is failing"]
        told = dt.datetime.fromisoformat(failing["time"]) - dt.datetime.fromisoformat(listening["time"])
        assert told.total_seconds() < 5
        assert (failing["part"], "required a broker that answers" in failing["problem"]) == ("kafka", True)
        time.sleep(5)
        assert len(service.lines()) == 2
        [reason] = service.ask("/startupz")[1]["reasons"]
        assert "required a broker that answers" in reason
        assert [service.ask(path)[0] for path in ("/startupz", "/livez", "/readyz")] == [503, 200, 503]
        own_kafka.start()
        service.ready()
        assert [service.ask(path)[0] for path in ("/startupz", "/livez", "/readyz")] == [200, 200, 200]
        assert service.stop() == 0
    own_kafka.stop()
    with Service(own_kafka.address, "", tmp_path) as service:
        until(lambda: any(line["event"] == "part is failing" for line in service.lines()))
        assert service.stop() == 0


SOON = "import flows.service_job; flows.service_job.STOP_SECONDS_MAX = 3.0"


def test_a_stop_while_kafka_is_away_is_bounded(own_kafka: KafkaServer, tmp_path: Path) -> None:
    """It waits for a while, says what was not delivered, and ends with code 1; a second signal ends it at once."""
    for prefix in ("a.", "b."):
        make_topics(own_kafka.address, prefix)
        (tmp_path / prefix).mkdir()
    with (
        Service(own_kafka.address, "a.", tmp_path / "a.", before=SOON) as patient,
        Service(own_kafka.address, "b.", tmp_path / "b.") as hasty,
    ):
        patient.ready()
        hasty.ready()
        own_kafka.pause()
        begun = time.monotonic()
        for service in (patient, hasty):
            service.signal(signal.SIGTERM)
        time.sleep(1)
        assert (patient.process.poll(), hasty.process.poll()) == (None, None)
        hasty.signal(signal.SIGTERM)
        assert hasty.wait() == 1
        assert time.monotonic() - begun < 15
        assert patient.wait() == 1
        assert time.monotonic() - begun < 25
    assert "required the acknowledgement of every record before the stop, got " in patient.text()
    assert "after 3 s more" in patient.text()
    assert "check the brokers and start again: what was not delivered is produced again" in patient.text()
    assert "Error: ended at once, before all was delivered; what was not is produced again when" in hasty.text()
    assert [line["level"] for line in patient.lines() if line["event"] == "ended"] == ["error"]
    for service in (patient, hasty):
        assert "Traceback" not in service.text()
