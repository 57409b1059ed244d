"""Errors of a log that cannot be read on: it was truncated, recreated or got more partitions. The Kafka source, its
reader and its topic guard raise them.
"""

from sinks.errors import RefusedError, TidegaugeError
from sinks.kafka_client import Log

WAYS_OUT = (
    "Ways out: restore what is missing in the topic; or start anew, which reads every topic from its first message on "
    "and publishes what follows from that"
)


def log_moved(name: str, partition: int, position: int, start: int, end: int) -> RefusedError:
    """The log does not hold the next offset: its beginning was deleted, or it is shorter than it was."""
    lost = "the log was cut off before it was read" if position < start else "the log is shorter than it was"
    where = f"topic {name} partition {partition}"
    return RefusedError(
        f"{where}: required offset {position}, got a log of offsets {start} to {end} ({lost}). {WAYS_OUT}"
    )


def stepped_back(log: Log, position: int, offset: int) -> RefusedError:
    """The broker sent an offset again: the log was rewritten with other messages."""
    where = f"topic {log.name} partition {log.partition}"
    msg = f"{where}: required offset {position} or later, got {offset} (the log stepped back). {WAYS_OUT}"
    return RefusedError(msg)


def recreated(name: str, topic_id: str, found: str | None) -> RefusedError:
    """A topic was deleted, or was deleted and created again under the same name."""
    got = "no topic of that name" if found is None else f"another one of that name (id {found})"
    required = f"the topic that was read so far (id {topic_id})"
    return RefusedError(f"topic {name}: required {required}, got {got}: it was deleted. {WAYS_OUT}")


def more_partitions(name: str, known: int, found: int) -> TidegaugeError:
    """A topic got more partitions: no source reads them, and producers now map keys to partitions differently."""
    required = f"the {known} partitions that are read"
    return TidegaugeError(f"topic {name}: required {required}, got {found}; start again, then all of them are read")
