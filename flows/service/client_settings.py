"""Validates client settings by passing them to librdkafka and redis-py, which know the legal values. Nothing connects.

`flows.service.settings_load` calls it when all other settings are valid.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from flows.service.secrets import MASK, Secret
from flows.service.settings import RunSettings
from flows.service.settings_sources import Path

_SILENT = logging.Logger("silent")
_SILENT.addHandler(logging.NullHandler())
TABLES = ("consumer", "producer", "client", "secrets")
_NOT_MADE = "Failed to create "
"""Start of the error for a wrong combination of settings. The error for a single setting names it instead."""


def refusals(settings: RunSettings) -> Iterator[tuple[Path, str]]:
    """Client settings that the libraries refuse: paths and messages. Nothing is connected to."""
    found = list(_single(settings)) or list(_together(settings))
    if settings.redis.url is not None:
        found += _redis(settings)
    yield from ((path, _scrubbed(settings, text)) for path, text in found)


def _single(settings: RunSettings) -> Iterator[tuple[Path, str]]:
    """Validate each setting of librdkafka on its own, so that all wrong ones are reported at once."""
    for table in TABLES:
        for name, value in getattr(settings.kafka, table).items():
            clear = value.value.get_secret_value() if isinstance(value, Secret) else value
            text = _error(table == "producer", {name: clear})
            if text is not None and not text.startswith(_NOT_MADE):
                yield ("kafka", table, name), f"librdkafka says: {text}"


def _together(settings: RunSettings) -> Iterator[tuple[Path, str]]:
    kafka = settings.kafka
    for producer, config in ((False, kafka.consumer_config()), (True, kafka.producer_config())):
        text = _error(producer, config)
        if text is not None:
            message = text.removeprefix(f"{_NOT_MADE}{'producer' if producer else 'consumer'}: ")
            name = _named(message, config)
            table = next((table for table in TABLES if name in getattr(kafka, table)), None)
            yield (("kafka", table, str(name)) if table else ("kafka", "client")), f"librdkafka says: {message}"
            return


def _error(producer: bool, config: Mapping[str, str]) -> str | None:
    from confluent_kafka import Consumer, KafkaException, Producer

    tried: dict[str, Any] = {name: value for name, value in config.items() if name != "bootstrap.servers"}
    tried |= {"logger": _SILENT}
    try:
        if producer:
            Producer(tried)
        else:
            Consumer({"group.id": "tried", **tried}).close()
    except KafkaException as error:
        return str(error.args[0].str()).strip()
    except (TypeError, ValueError) as error:
        return str(error)
    return None


def _named(text: str, config: dict[str, Any]) -> str | None:
    return max((name for name in config if name in text), key=len, default=None)


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
