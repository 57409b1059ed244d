"""Dead letters as Kafka messages: the original message with headers that say where it came from and what was wrong.

`sinks.kafka_messages` calls it. Key, value and headers are those of the original message, byte for byte, so a replay
tool can send it again. Added headers come last; if the original has a header of the same name, both are there.

- ``__connect.errors.*``: as Kafka Connect writes them (``DeadLetterQueueReporter``), so that tools for Connect's dead
  letters work. There is no stack trace.
- ``tidegauge_*``: reason, field, required, got, whether the value is the original or a new encoding
  (``tidegauge_original``), and the CloudEvents attributes of the dead letter itself. These are not named ``ce_*``,
  since an original that is a CloudEvent has ``ce_`` headers of its own.

A replay tool drops headers that start with one of ``ADDED``.
"""

import base64

import msgspec

from sensing.codec.instants import rfc3339
from sensing.contracts.dead_letters import DeadLetter, Reason
from sensing.outputs import OutputRecord
from sinks.envelope import SOURCE

Header = tuple[str, str | bytes | None]

CONNECT = "__connect.errors."
OWN = "tidegauge_"
ADDED = (CONNECT, OWN)
VALUE_DROPPED = f"{OWN}value_dropped"

JUDGED: frozenset[Reason] = frozenset(
    {
        "far_future",
        "too_late",
        "line_changed_item",
        "unknown_unit",
        "unknown_location",
        "unknown_supplier",
        "unknown_item",
        "quarantine_full",
        "table_full",
    }
)
"""Reasons of messages that could be decoded and were refused for their content."""

_decode = msgspec.json.Decoder(DeadLetter).decode


def dead_letter(
    record: OutputRecord, run_id: str, recorded: str, source: str = SOURCE
) -> tuple[bytes | None, bytes | None, list[Header]]:
    """Key, value and headers of a dead letter."""
    letter = _decode(record.data)
    key = None if letter.key_base64 is None else base64.b64decode(letter.key_base64)
    original = [(name, base64.b64decode(value)) for name, value in letter.headers.items()]
    added = _connect(record, letter) | _own(record, letter, run_id, recorded, source)
    return key, base64.b64decode(letter.value_base64), [*original, *added.items()]


def without_value(headers: list[Header], size: int) -> list[Header]:
    """Headers of a dead letter without its value: the broker refuses a value of ``size`` bytes."""
    return [*headers, (VALUE_DROPPED, f"{size} bytes, more than the topic takes")]


def sentence(letter: DeadLetter) -> str:
    """What was wrong, as a sentence."""
    return f"{letter.field or 'message'}: required {letter.required}, got {letter.got}"


def _connect(record: OutputRecord, letter: DeadLetter) -> dict[str, str]:
    judged = letter.reason in JUDGED
    values = {
        "topic": letter.topic,
        "partition": str(letter.partition),
        "offset": str(letter.offset),
        "connector.name": SOURCE,
        "task.id": str(record.machine),
        "stage": "TRANSFORMATION" if judged else "VALUE_CONVERTER",
        "class.name": f"{SOURCE}.{'machine' if judged else 'decoder'}",
        "exception.class.name": f"{SOURCE}.{letter.reason}",
        "exception.message": sentence(letter),
    }
    return {CONNECT + name: value for name, value in values.items()}


def _own(record: OutputRecord, letter: DeadLetter, run_id: str, recorded: str, source: str) -> dict[str, str]:
    values = {
        "id": record.id,
        "source": source,
        "type": record.type,
        "time": rfc3339(record.time),
        "recordedtime": recorded,
    }
    values |= {"lineage": run_id, "reason": letter.reason}
    if letter.field is not None:
        values["field"] = letter.field
    values |= {"required": letter.required, "got": letter.got, "original": "true" if letter.original else "false"}
    return {OWN + name: value for name, value in values.items()}
