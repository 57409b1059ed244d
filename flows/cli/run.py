"""``tidegauge run``: the engine as a service."""

from typing import TYPE_CHECKING

import click

from flows.cli.settings import settings_options
from sinks.errors import TidegaugeError, UsageError

if TYPE_CHECKING:
    from flows.service.settings_load import Resolved


@click.command()
@settings_options(bootstrap_servers="kafka.bootstrap_servers", redis_url="redis.url", quiet_until="engine.quiet_until")
@click.option("--until-end", is_flag=True, help="Read to the present end of all topics and stop; with --event-time.")
@click.option("--event-time", is_flag=True, help="Let event times alone move the clock; with --until-end.")
@click.option("--check", is_flag=True, help="Print the settings and where each came from, and start nothing.")
def run(resolved: "Resolved", until_end: bool, event_time: bool, check: bool) -> None:
    """Sense demand in Kafka topics: exceptions and planning parameters to Kafka, the latest of both to Redis.

    Settings come from a TOML file, variables TIDEGAUGE_SECTION__NAME and options, each above the one before.
    """
    if until_end != event_time:
        given, missing = ("--until-end", "--event-time") if until_end else ("--event-time", "--until-end")
        msg = (
            f"{given}: required {missing} with it, got {given} alone; "
            "to read history to its end give both, to run on give neither"
        )
        raise UsageError(msg)
    if check:
        from flows.service.settings_listing import listing

        click.echo(listing(resolved))
        return
    # The engine takes a second to load; refusals need none of it.
    from flows.service_job import run_service

    try:
        ended = run_service(resolved.settings, until_end=until_end, prepare=_prepare)
    except KeyboardInterrupt as error:
        msg = "ended at once, before all was delivered; what was not is produced again when the command is run again"
        raise TidegaugeError(msg) from error
    if until_end:
        from flows.summary import dead_letters
        from sensing.outputs import DEAD_LETTERS

        topic = f"topic {resolved.settings.kafka.topic_prefix}{DEAD_LETTERS}"
        click.echo(dead_letters(ended.outputs.get("dead.letter", 0), topic), err=True)


def _prepare() -> None:
    """Compile the kernels if need be, and log it."""
    import structlog

    from flows.cli.warm_up import ensure

    log = structlog.get_logger()
    ensure(lambda sentence: log.info("preparing", note=sentence))
