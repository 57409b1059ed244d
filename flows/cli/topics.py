"""``tidegauge topics``: creates and checks all topics."""

from typing import TYPE_CHECKING

import click

from flows.cli.settings import kafka_options
from sinks.errors import RefusedError

if TYPE_CHECKING:
    from flows.service.kafka_topics import Difference
    from flows.service.settings_load import Resolved


@click.group()
def topics() -> None:
    """Make and check all topics, in and out.

    The engine reads its inputs from their start whenever it starts, so they are kept for ever (cleanup.policy=delete,
    retention.ms=-1, retention.bytes=-1). Exceptions and planning parameters are compacted: the latest record of a key
    is its whole state. Other outputs are deleted after a while.
    """


@topics.command()
@click.option(
    "--partitions",
    type=click.IntRange(1, 10_000),
    help="Partitions of every topic but reference, which has 1. Default: 4.",
)
@kafka_options
def create(resolved: "Resolved", partitions: int | None) -> None:
    """Make the topics that are not there.

    Those that are there are checked and left as they are. Ends with code 1 where one is not as it must be.
    """
    # Kafka's client takes a while to load; usage and help need none of it.
    from flows.service import kafka_topics as service

    kafka = resolved.settings.kafka
    outcome = service.create(kafka.client_config(), kafka.topic_prefix, partitions)
    for name in outcome.created:
        click.echo(f"{name}: created")
    click.echo(f"{len(outcome.created)} topics created, {len(service.plans()) - len(outcome.created)} were there")
    refuse(outcome.differences)


@topics.command()
@click.option(
    "--partitions", type=click.IntRange(1, 10_000), help="How many there must be. Default: any number is right."
)
@kafka_options
def check(resolved: "Resolved", partitions: int | None) -> None:
    """Say which topics are not as they must be.

    Each with what is required, what is there and what mends it. Ends with code 1 where there is such a topic.
    """
    from flows.service import kafka_topics as service

    kafka = resolved.settings.kafka
    refuse(service.check(kafka.client_config(), kafka.topic_prefix, partitions))
    click.echo(f"{len(service.plans())} topics are as they must be")


def refuse(differences: "list[Difference]") -> None:
    """Fail if there are differences.

    Raises
    ------
    RefusedError
        Names all differences, one per line.
    """
    if differences:
        msg = "\n  ".join([f"{len(differences)} differences:", *map(str, differences)])
        raise RefusedError(msg)
