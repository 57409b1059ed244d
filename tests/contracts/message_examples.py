"""Examples of output messages in the published schemas: whole messages of the streams of the contract tests.

``python -m tests.contracts.message_examples`` takes them from a replay of these streams and writes them to
``sensing/contracts/examples.json``; then ``tidegauge schemas`` publishes them. There is one of every event type, and
one `exception.opened` of every exception type: of all such messages the one that has most to say, the shortest of
these.
"""

import sys
from collections.abc import Iterable
from typing import Any

import msgspec
import orjson

from flows.cli.schemas import EXAMPLES
from sensing.codec.instants import rfc3339
from sensing.contracts.asyncapi import Example
from sensing.outputs import DEAD_LETTERS, OutputRecord
from sinks.kafka_messages import to_message
from tests.contracts.streams import records, refused

RUN_ID = "20260501T000000Z-000000000001"


def examples(found: Iterable[OutputRecord]) -> dict[str, list[Example]]:
    """Examples by event type, of all types that are among the records."""
    best: dict[tuple[str, str], tuple[tuple[int, int], OutputRecord]] = {}
    for record in found:
        document = orjson.loads(record.data) if record.data else {}
        of_type = document["exception_type"] if record.type == "exception.opened" else ""
        rank = (-fullness(document), len(record.data))
        key = (record.type, of_type)
        if key not in best or rank < best[key][0]:
            best[key] = (rank, record)
    listed: dict[str, list[Example]] = {}
    for (kind, _), (_, record) in sorted(best.items(), key=lambda entry: entry[0]):
        listed.setdefault(kind, []).append(example(record))
    return listed


def fullness(document: dict[str, Any]) -> int:
    """Number of fields of a document, and of its details, that have a value."""
    details = document.get("details") or {}
    return sum(value not in (None, [], {}) for each in (document, details) for value in each.values())


def example(record: OutputRecord) -> Example:
    """A record as the message that it becomes. Clock and run are made up, since every replay has others."""
    message = to_message(record, "", RUN_ID, rfc3339(record.instant))
    headers = {name: value if isinstance(value, str) else (value or b"").decode() for name, value in message.headers}
    data = orjson.loads(record.data) if record.data else None
    payload = (message.value or b"").decode() if record.topic == DEAD_LETTERS else data
    return Example(headers, payload, data)


def of_streams() -> dict[str, list[Example]]:
    """Examples of the streams; the dead letter is a real one."""
    made_up = {record.id for record in refused()}
    return examples(record for record in records() if record.id not in made_up)


def main() -> None:
    """Write the examples."""
    found = of_streams()
    EXAMPLES.write_bytes(msgspec.json.encode(found) + b"\n")
    sys.stdout.write(f"{sum(map(len, found.values()))} examples of {len(found)} event types: {EXAMPLES}\n")


if __name__ == "__main__":
    main()
