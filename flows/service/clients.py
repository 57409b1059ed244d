"""Client settings are tried where they are read: the libraries alone know which there are, and what is legal."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from flows.service.names import Path
from flows.service.secrets import MASK
from flows.service.settings import RunSettings

_SILENT = logging.Logger("silent")
_SILENT.addHandler(logging.NullHandler())


def refusals(settings: RunSettings) -> Iterator[tuple[Path, str]]:
    """Paths of client settings that the libraries refuse, and what they say. Nothing is connected to."""
    from confluent_kafka import Consumer, Producer

    told = set()
    for role, make, config in (
        ("consumer", _closed(Consumer), settings.kafka.consumer_config()),
        ("producer", Producer, settings.kafka.producer_config()),
    ):
        for path, text in _kafka(settings, role, make, config):
            if (path, text) not in told:
                told.add((path, text))
                yield path, _scrubbed(settings, text)
    if settings.redis.url is not None:
        yield from ((path, _scrubbed(settings, text)) for path, text in _redis(settings))


def _closed(consumer: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda config: consumer(config).close()


def _kafka(
    settings: RunSettings, role: str, make: Callable[[dict[str, Any]], Any], config: dict[str, str]
) -> Iterator[tuple[Path, str]]:
    from confluent_kafka import KafkaException

    tried: dict[str, Any] = {name: value for name, value in config.items() if name != "bootstrap.servers"}
    while True:
        try:
            make(tried | {"logger": _SILENT})
        except (KafkaException, TypeError, ValueError) as error:
            text = error.args[0].str() if isinstance(error, KafkaException) else str(error)
            name = _named(text, tried)
            yield _place(settings, role, name), f"librdkafka says: {text.strip()}"
            # One setting that is wrong by itself hides the next; what is wrong between settings is told last.
            if name is None or text.startswith("Failed to create"):
                return
            del tried[name]
        else:
            return


def _named(text: str, config: dict[str, Any]) -> str | None:
    return max((name for name in config if name in text), key=len, default=None)


def _place(settings: RunSettings, role: str, name: str | None) -> Path:
    if name is None:
        return ("kafka", "client")
    tables = (role, "client", "secrets")
    table = next((table for table in tables if name in getattr(settings.kafka, table)), "client")
    return ("kafka", table, name)


def _redis(settings: RunSettings) -> Iterator[tuple[Path, str]]:
    from redis import Redis, RedisError

    config = settings.redis.client_config() or {}
    try:
        Redis.from_url(**config).connection_pool.make_connection()
    except (TypeError, ValueError, AttributeError, RedisError) as error:
        name = _named(str(error), config)
        table = "secrets" if name in settings.redis.secrets else "client"
        yield ("redis", "url") if name in (None, "url") else ("redis", table, str(name)), f"redis-py says: {error}"


def _scrubbed(settings: RunSettings, text: str) -> str:
    for secret in settings.secret_texts():
        text = text.replace(secret, MASK)
    return text
