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
    tried: dict[str, Any] = {name: value for name, value in config.items() if name != "bootstrap.servers"}
    while (text := _error(make, tried)) is not None:
        whole = text.removeprefix(f"Failed to create {role}: ")
        if whole != text:
            yield _place(settings, role, _named(whole, tried)), f"librdkafka says: {whole}"
            return
        # Settings are taken one after another, so without the one that is wrong the error is another, or none.
        # Its name in the text may be an older one.
        name = next(name for name in tried if _error(make, _without(tried, name)) != text)
        yield _place(settings, role, name), f"librdkafka says: {text}"
        tried = _without(tried, name)


def _error(make: Callable[[dict[str, Any]], Any], config: dict[str, Any]) -> str | None:
    from confluent_kafka import KafkaException

    try:
        make(config | {"logger": _SILENT})
    except KafkaException as error:
        return str(error.args[0].str()).strip()
    except (TypeError, ValueError) as error:
        return str(error)
    return None


def _without(config: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in config.items() if other != name}


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
