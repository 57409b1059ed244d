"""Client settings that users must not set, each with the reason. Validators of the settings call it."""

from flows.service.secrets import is_secret
from flows.service.settings_section import Refusal
from sinks.kafka_client import CONSUMER, PRODUCER

_INSTEAD = {
    "bootstrap.servers": "kafka.bootstrap_servers",
    "metadata.broker.list": "kafka.bootstrap_servers",
    "group.id": "kafka.group_id",
}
_NEVER = {
    "request.required.acks": "what one broker alone knows can be lost",
    "max.in.flight.requests.per.connection": "more than five at once would lose their order",
    "max.in.flight": "more than five at once would lose their order",
    "transactional.id": "the engine names its transactions itself",
    "group.instance.id": "the engine assigns partitions itself",
    "group.protocol": "the engine assigns partitions itself",
    "partition.assignment.strategy": "the engine assigns partitions itself",
}
_REDIS_INSTEAD = dict.fromkeys(("host", "port", "path", "unix_socket_path", "url"), "redis.url") | {
    "ssl": "rediss:// in redis.url"
}
_REDIS_NEVER = {
    "decode_responses": "the view is read as bytes",
    "encoding": "the view is written as UTF-8",
    "encoding_errors": "the view is written as UTF-8",
}


def kafka_name(name: str) -> str:
    """Return the name of a librdkafka setting if users may set it.

    Raises
    ------
    Refusal
        Users must not set it; names the reason and the fix.
    """
    fixed = CONSUMER | PRODUCER
    if name in fixed:
        value, reason = fixed[name]
        required = f"{value}, which the engine sets itself: {reason}"
        raise Refusal(required, "a value", "remove it")
    return _let_pass(name, f'kafka.secrets."{name}"', _INSTEAD, _NEVER)


def redis_name(name: str) -> str:
    """Return a keyword of redis-py if users may set it; raises as :func:`kafka_name` does."""
    return _let_pass(name, f"redis.secrets.{name}", _REDIS_INSTEAD, _REDIS_NEVER)


def _let_pass(name: str, secret: str, instead: dict[str, str], never: dict[str, str]) -> str:
    if is_secret(name):
        fix = f'put it into an environment variable or a file, and set {secret} = "env:NAME" or "file:PATH"'
        required = "no secret among the settings"
        raise Refusal(required, "one", fix)
    if name in instead:
        required = f"{instead[name]} instead"
        raise Refusal(required, "a client setting", f"remove it and set {instead[name]}")
    if name in never:
        required = f"no value: {never[name]}"
        raise Refusal(required, "one", "remove it")
    return name
