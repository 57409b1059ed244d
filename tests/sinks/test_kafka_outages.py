"""The Kafka sink while the broker is unreachable, hangs, or denies access."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from benchmarks.servers.kafka import KafkaServer
from benchmarks.servers.process import HOST, port_is_open
from sensing.outputs import AUDIT, OutputRecord
from sinks.errors import TidegaugeError
from sinks.status import KAFKA_PRODUCER
from tests.produced import produced
from tests.servers.fixtures import serving
from tests.sinks.live import Told, headers_of, make_topics, messages, part_of, sink_to, until

NOBODY = f"{HOST}:1"


def record(number: int) -> OutputRecord:
    """One of many."""
    return OutputRecord(number, 0, number, AUDIT, "decision.automatic", f"a#{number}", "a", 5, {}, b'{"rule":"r"}')


@pytest.mark.parametrize("end", ["stop", "kill", "pause"])
def test_delivery_waits_and_goes_on(own_kafka: KafkaServer, end: str) -> None:
    """While the broker is away or hangs nothing is lost, and status says so until everything is acknowledged."""
    make_topics(own_kafka.address, AUDIT)
    told, delivered = Told(), list[str]()
    sink = sink_to(
        own_kafka.address, "", status=told, on_delivered=lambda record, _at: delivered.append(record.id),
        client={"socket.timeout.ms": 3_000, "request.timeout.ms": 3_000},
    )  # fmt: skip
    with part_of(sink) as part:
        part.write_batch([produced([record(number) for number in range(100)])])
        part.snapshot()
        getattr(own_kafka, end)()
        part.write_batch([produced([record(number) for number in range(100, 200)])])
        waiting = threading.Thread(target=part.snapshot)
        waiting.start()
        until(lambda: told.now[KAFKA_PRODUCER] is not None, "a complaint")
        assert "deliver-00: 100 records without one for " in str(told.now[KAFKA_PRODUCER])
        assert delivered == [f"a#{number}" for number in range(100)]
        if end == "pause":
            own_kafka.resume()
        else:
            own_kafka.start()
        waiting.join(60)
        assert not waiting.is_alive()

    assert told.now == {KAFKA_PRODUCER: None}
    assert end == "pause" or (KAFKA_PRODUCER, "_ALL_BROKERS_DOWN") in told.errors
    assert delivered == [f"a#{number}" for number in range(200)]
    found = [dict(headers_of(message))["ce_id"].decode() for message in messages(own_kafka.address, AUDIT)]
    assert found == delivered


def test_a_stop_is_not_held_up_for_ever() -> None:
    """Once the run is to end a wait is given up after the time given, and the error says how much was not delivered."""
    stopping = threading.Event()
    fault = (
        "output deliver-00: required the acknowledgement of every record before the stop, got 3 records without one "
        r"after 0.5 s more \(Kafka last said: .*\); check the brokers and start again: what was not delivered is "
        "produced again"
    )
    with part_of(sink_to(NOBODY, "", stop=stopping.is_set, stop_timeout_s=0.5)) as part:
        part.write_batch([produced([record(1), record(2), record(3)])])
        stopping.set()
        started = time.monotonic()
        with pytest.raises(TidegaugeError, match=fault):
            part.snapshot()

    assert 0.5 <= time.monotonic() - started < 10


def test_a_full_queue_waits_interruptibly() -> None:
    """Backpressure from a broker that is away can be given up as well."""
    stopping = threading.Event()
    told = Told()
    sink = sink_to(
        NOBODY, "", stop=stopping.is_set, stop_timeout_s=0.2, status=told,
        client={"queue.buffering.max.messages": 10},
    )  # fmt: skip
    failures: list[TidegaugeError] = []

    def write() -> None:
        with pytest.raises(TidegaugeError, match="got 10 records without one") as caught:
            part.write_batch([produced([record(number) for number in range(20)])])
        failures.append(caught.value)

    with part_of(sink) as part:
        writing = threading.Thread(target=write)
        writing.start()
        until(lambda: told.now.get(KAFKA_PRODUCER) is not None, "a complaint")
        assert writing.is_alive()
        stopping.set()
        writing.join(30)

    assert len(failures) == 1


class GuardedKafka(KafkaServer):
    """A broker that wants to know who comes, and what he may do: everything for admin, nothing for the engine."""

    LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"

    def __init__(self, folder: Path) -> None:
        users = 'user_admin="admin-secret" user_engine="engine-secret"'
        super().__init__(
            folder,
            {
                "listener.security.protocol.map": "PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
                "sasl.enabled.mechanisms": "PLAIN",
                "sasl.mechanism.inter.broker.protocol": "PLAIN",
                "listener.name.plaintext.plain.sasl.jaas.config": (
                    f'{self.LOGIN} username="admin" password="admin-secret" {users};'
                ),
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:admin;User:ANONYMOUS",
            },
        )

    def client(self, user: str, password: str) -> dict[str, str]:
        """Settings of a client."""
        login = {"sasl.mechanism": "PLAIN", "sasl.username": user, "sasl.password": password}
        return {"bootstrap.servers": self.address, "security.protocol": "SASL_PLAINTEXT", "log_level": "0"} | login

    def admin(self) -> AdminClient:
        """A client that may do everything."""
        return AdminClient({**self.client("admin", "admin-secret")})

    def _answers(self) -> bool:
        return port_is_open(self.port) and bool(self.admin().list_topics(timeout=5).brokers)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    """A guarded broker with a topic."""
    with serving(GuardedKafka, tmp_path_factory.mktemp("guarded")) as server:
        assert isinstance(server, GuardedKafka)
        admin = server.admin()
        admin.create_topics([NewTopic(AUDIT, 1, 1)])[AUDIT].result(60)
        yield server


@pytest.mark.servers
def test_a_wrong_password_ends_the_sink(guarded: GuardedKafka) -> None:
    """A login that never worked is not waited for."""
    sink = sink_to(guarded.address, "", client=guarded.client("engine", "wrong"))
    fault = (
        r"output deliver-00: required a login that the brokers take, got _AUTHENTICATION .*; correct the credentials"
    )
    with part_of(sink) as part:
        part.write_batch([produced([record(0)])])
        with pytest.raises(TidegaugeError, match=fault):
            part.snapshot()


@pytest.mark.servers
def test_a_missing_right_ends_the_sink(guarded: GuardedKafka) -> None:
    """A topic that may not be written to is named, with the right that is missing; with the right it is written to."""
    topic = f"x-{AUDIT}"
    admin = guarded.admin()
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(60)
    client = guarded.client("engine", "engine-secret")
    fault = r"output deliver-00, topic x-audit, record a#0: required the right to use the topic, got .*; allow the user"
    with part_of(sink_to(guarded.address, "x-", client=client)) as part:
        part.write_batch([produced([record(0)])])
        with pytest.raises(TidegaugeError, match=fault):
            part.snapshot()

    right = AclBinding(
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:engine", "*", AclOperation.WRITE,
        AclPermissionType.ALLOW,
    )  # fmt: skip
    admin.create_acls([right])[right].result(60)
    delivered: list[str] = []
    sink = sink_to(guarded.address, "x-", client=client, on_delivered=lambda record, _at: delivered.append(record.id))
    with part_of(sink) as part:
        part.write_batch([produced([record(0)])])
        part.snapshot()
    assert delivered == ["a#0"]
