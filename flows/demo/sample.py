"""Loads the demo's input into Kafka; ``tidegauge load --sample`` calls it."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flows.demo.inputs import write_inputs
from flows.demo.retail import read_retail
from flows.kafka_load import Loaded, load
from flows.runtime.context import Progress
from sensing.codec.event_record import TOPICS, Topic
from sinks.kafka_client import Cluster


def load_sample(
    client: Mapping[str, Any],
    prefix: str = "",
    rate: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Loaded | None:
    """Load the demo's input, a year of a real shop's orders with a simulated supply side, into empty topics.

    The events of a second copy would be late by a year, so nothing is loaded if topic orders has messages. Parameters
    and errors are those of `flows.kafka_load.load`.

    Returns
    -------
    Loaded, optional
        None if topic orders had messages.
    """
    orders = prefix + TOPICS[Topic.ORDERS]
    if Cluster(client).ends([orders])[orders]:
        return None
    with tempfile.TemporaryDirectory(prefix="tidegauge-sample-") as name:
        folder = Path(name) / "input"
        folder.mkdir()
        write_inputs(read_retail(), folder, Path(name) / "truth.json")
        return load(folder, client, prefix, rate, progress)
