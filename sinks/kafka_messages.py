"""Output records as Kafka messages: CloudEvents 1.0 in binary mode. The Kafka sink calls it.

Attributes are headers named ``ce_...``, the data is the value. The key is the record's subject, so that a compacted
topic keeps the latest record per entity. A record without data is a tombstone. ``ce_lineage`` is the id of the run. Run
ids sort by creation time, so (run id, version) orders the records of an entity. Dead letters differ: see
``sinks.dead_letter_messages``.
"""

from typing import NamedTuple

from sensing.outputs import DEAD_LETTERS, OutputRecord
from sinks.dead_letter_messages import Header, dead_letter
from sinks.envelope import CONTENT_TYPE, SOURCE, attributes


class Message(NamedTuple):
    """A record as a message. ``key`` None: any partition; ``value`` None: a tombstone."""

    record: OutputRecord
    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[Header]


def to_message(record: OutputRecord, prefix: str, run_id: str, recorded: str, source: str = SOURCE) -> Message:
    """Convert a record of the run ``run_id``, written at ``recorded`` (RFC 3339), to a message."""
    topic = prefix + record.topic
    if record.topic == DEAD_LETTERS:
        return Message(record, topic, *dead_letter(record, run_id, recorded, source))
    added = headers(record, run_id, recorded, source)
    return Message(record, topic, record.subject.encode(), record.data or None, added)


def headers(record: OutputRecord, run_id: str, recorded: str, source: str = SOURCE) -> list[Header]:
    """Headers of a record that is not a dead letter."""
    context = attributes(record, recorded, source)
    del context["datacontenttype"]
    found: list[Header] = [(f"ce_{name}", value) for name, value in context.items()]
    if record.data:
        found.append(("content-type", CONTENT_TYPE))
    found.append(("ce_lineage", run_id))
    return found
