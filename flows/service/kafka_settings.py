"""Section ``[kafka]``: brokers, topic prefix, consumer group and client settings."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from flows.service.fixed_settings import kafka_name
from flows.service.secrets import SecretReference
from flows.service.settings_section import Legal, Property, Refusal, Section
from sinks.kafka_client import CONSUMER, PRODUCER, fixed

CLIENT_ID = "tidegauge"
_SERVER = re.compile(r"[\w.-]+:\d{1,5}|\[[0-9a-fA-F:.]+\]:\d{1,5}")


def _servers(text: str) -> str:
    servers = [server.strip() for server in text.split(",")]
    if not all(_SERVER.fullmatch(server) for server in servers):
        msg = "HOST:PORT, or several with commas between them"
        raise Refusal(msg, repr(text))
    return ",".join(servers)


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,100}", text):
        msg = "up to 100 of A-Z a-z 0-9 . _ -"
        raise Refusal(msg, repr(text))
    return text


def _filled(text: str) -> str:
    if not text:
        msg = "a name"
        raise Refusal(msg, "none")
    return text


Name = Annotated[str, AfterValidator(_name), Legal("up to 100 of A-Z a-z 0-9 . _ -")]
Properties = dict[Annotated[str, AfterValidator(kafka_name)], Property]
LIBRDKAFKA = Legal("a table of librdkafka settings")


class KafkaSettings(Section):
    """Where Kafka is and how its clients are set up."""

    bootstrap_servers: Annotated[str, AfterValidator(_servers), Legal("HOST:PORT, or several with commas")] = Field(
        default="localhost:9092", description="Brokers to ask for the cluster."
    )
    topic_prefix: Name = Field(default="", description="Put before the name of every topic, in and out.")
    group_id: Annotated[Name, AfterValidator(_filled)] = Field(
        default="tidegauge",
        description="Consumer group under which offsets are committed for lag tools; the engine never reads them.",
    )
    client: Annotated[Properties, LIBRDKAFKA] = Field(default={}, description="For all clients: TLS, SASL, timeouts.")
    consumer: Annotated[Properties, LIBRDKAFKA] = Field(default={}, description="For consumers alone.")
    producer: Annotated[Properties, LIBRDKAFKA] = Field(default={}, description="For producers alone.")
    secrets: Annotated[dict[str, SecretReference], Legal("a table of env:NAME or file:PATH")] = Field(
        default={}, description="librdkafka settings that are secret, such as sasl.password, by where they are."
    )

    def client_config(self) -> dict[str, str]:
        """Settings of librdkafka for any client, secrets in clear text: not to be logged."""
        secrets = {name: secret.value.get_secret_value() for name, secret in self.secrets.items()}
        return {"client.id": CLIENT_ID} | self.client | secrets | {"bootstrap.servers": self.bootstrap_servers}

    def consumer_config(self) -> dict[str, str]:
        """Settings of a consumer, those that the engine fixes included; secrets in clear text."""
        return self.client_config() | self.consumer | fixed(CONSUMER) | {"group.id": self.group_id}

    def producer_config(self) -> dict[str, str]:
        """Settings of a producer, those that the engine fixes included; secrets in clear text."""
        return self.client_config() | self.producer | fixed(PRODUCER)
