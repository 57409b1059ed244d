"""Settings of Kafka clients: the user's, then the engine's own, with secrets."""

from confluent_kafka import Consumer, Producer
from pydantic import SecretStr

from flows.service.kafka_settings import KafkaSettings
from flows.service.redis_settings import RedisSettings
from flows.service.secrets import Secret
from sinks.kafka_client import CONSUMER, PRODUCER

PASSWORD = Secret(reference="env:X", value=SecretStr("pw"))


def test_what_the_engine_fixes_stands_above_all() -> None:
    """Consumers and producers get the common table, their own, secrets, and last what is not the user's to choose."""
    kafka = KafkaSettings(
        bootstrap_servers="a:1, b:2",
        group_id="g",
        client={"socket.timeout.ms": "1000"},
        consumer={"fetch.min.bytes": "5", "socket.timeout.ms": "2000"},
        producer={"linger.ms": "7"},
        secrets={"sasl.password": PASSWORD},
    )
    client = {
        "client.id": "tidegauge",
        "socket.timeout.ms": "1000",
        "sasl.password": "pw",
        "bootstrap.servers": "a:1,b:2",
    }

    assert kafka.client_config() == client
    assert kafka.consumer_config() == client | {
        "socket.timeout.ms": "2000", "fetch.min.bytes": "5", "group.id": "g", "enable.auto.commit": "false",
        "enable.auto.offset.store": "false", "auto.offset.reset": "error", "enable.partition.eof": "true",
        "isolation.level": "read_committed", "allow.auto.create.topics": "false",
    }  # fmt: skip
    assert kafka.producer_config() == client | {"linger.ms": "7", "enable.idempotence": "true", "acks": "all"}


def test_the_user_may_name_the_client() -> None:
    """client.id is a default, no rule."""
    assert KafkaSettings(client={"client.id": "mine"}).producer_config()["client.id"] == "mine"


def test_librdkafka_takes_what_the_engine_fixes() -> None:
    """Every value that is fixed is one that the library knows; each has a reason."""
    kafka = KafkaSettings(bootstrap_servers="localhost:1")
    Consumer(kafka.consumer_config() | {"log_level": "0"}).close()
    Producer(kafka.producer_config() | {"log_level": "0"})
    assert all(reason for _value, reason in [*CONSUMER.values(), *PRODUCER.values()])


def test_redis_gets_keywords() -> None:
    """The client of the view is made from a URL and keywords; without a URL there is none."""
    redis = RedisSettings(
        url=SecretStr("redis://h:1/2"), client={"socket_timeout": 1.5, "db": 3}, secrets={"password": PASSWORD}
    )
    assert redis.client_config() == {"url": "redis://h:1/2", "socket_timeout": 1.5, "db": 3, "password": "pw"}
    assert RedisSettings(secrets={"password": PASSWORD}).client_config() is None
