"""``tidegauge load``: files into Kafka."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.cli.replay import progress_bar
from flows.cli.settings import kafka_options
from sinks.errors import UsageError

if TYPE_CHECKING:
    from flows.kafka_load import Loaded
    from flows.service.settings_load import Resolved


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="[DIR]", required=False)
@click.option("--sample", is_flag=True, help="Instead of DIR: the demo's year of orders, unless there are orders.")
@click.option("--rate", type=click.IntRange(1, 100_000_000), help="The most lines a second, evenly. Default: no limit.")
@kafka_options
def load(resolved: "Resolved", folder: Path | None, sample: bool, rate: int | None) -> None:
    """Load the event files in DIR, a folder that replay reads, into Kafka topics.

    Every line becomes a message as it is, good or bad, in the order in which a replay takes them: reference first, then
    all others merged by event time. Its key is the SKU, or what else it is about.
    """
    if (folder is None) is not sample:
        msg = f"DIR: required a folder of event files or --sample, got {'both' if sample else 'neither'}; give one"
        raise UsageError(msg)
    kafka = resolved.settings.kafka
    client, prefix = kafka.producer_config(), kafka.topic_prefix
    # The engine takes a second to load; usage and help need none of it.
    from flows.demo.sample import load_sample
    from flows.kafka_load import load as load_folder

    loaded: Loaded | None
    with progress_bar() as progress:
        if folder is not None:
            loaded = load_folder(folder, client, prefix, rate, progress, resolved.settings.engine.core())
        else:
            loaded = load_sample(client, prefix, rate, progress)
    click.echo("nothing loaded: there are orders already" if loaded is None else summary_line(loaded), err=True)


def summary_line(loaded: "Loaded") -> str:
    """A load in one line."""
    lines = sum(loaded.lines.values())
    topics = ", ".join(f"{topic} {count:,}" for topic, count in sorted(loaded.lines.items()))
    return f"{lines:,} lines in {loaded.seconds:,.1f} s ({lines / loaded.seconds:,.0f} lines/s): {topics or 'none'}"
