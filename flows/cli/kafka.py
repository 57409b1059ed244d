"""Options of commands that need Kafka alone."""

import functools
from collections.abc import Callable
from typing import Any

import click

BOOTSTRAP_SERVERS = "localhost:9092"


def _settings(ctx: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    parts = [text.partition("=") for text in given]
    if not all(name and equals for name, equals, _value in parts):
        # The text may hold a secret, so it is not shown.
        msg = "required KEY=VALUE, got a text without a key or without ="
        raise click.BadParameter(msg, ctx, option)
    return {name.strip(): value for name, _equals, value in parts}


def kafka_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what it needs to reach Kafka: ``client`` (settings of librdkafka) and ``prefix`` of topics."""

    @functools.wraps(command)
    def called(bootstrap_servers: str, client: dict[str, str], **arguments: Any) -> None:
        command(client=client | {"bootstrap.servers": bootstrap_servers}, **arguments)

    options = (
        click.option(
            "--bootstrap-servers", default=BOOTSTRAP_SERVERS, show_default=True, help="Brokers: HOST:PORT,..."
        ),
        click.option("--prefix", default="", help="Put before the name of every topic."),
        click.option(
            "--client", multiple=True, callback=_settings, metavar="KEY=VALUE",
            help="A setting of librdkafka; may be repeated.",
        ),
    )  # fmt: skip
    wrapped: Callable[..., None] = called
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped
