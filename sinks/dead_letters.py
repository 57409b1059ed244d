"""Dead letters on Kafka: the original message, and in further headers where it came from and what was wrong with it.

Key, value and headers are those of the original message, byte for byte, so that a replay sends on what came. What is
added comes after them and never takes the place of a header that is there: of two headers with one name the last is
ours.

- ``__connect.errors.*`` as Kafka Connect writes them (``DeadLetterQueueReporter``), so that tools made for Connect's
  dead letters can be used on ours. There is no stack trace.
- ``tidegauge_*``: reason, field, required, got, whether the value is the original or was encoded anew
  (``tidegauge_original``), and what would be ``ce_`` attributes of the dead letter itself: an original that is a
  CloudEvent has ``ce_`` headers of its own.

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
        "table_full",
    }
)
"""Reasons of messages that could be read and were refused for what they say."""

_decode = msgspec.json.Decoder(DeadLetter).decode


def dead_letter(record: OutputRecord, lineage: str, recorded: str) -> tuple[bytes | None, bytes | None, list[Header]]:
    """Key, value and headers of a dead letter."""
    letter = _decode(record.data)
    key = None if letter.key_base64 is None else base64.b64decode(letter.key_base64)
    original = [(name, base64.b64decode(value)) for name, value in letter.headers.items()]
    added = _connect(record, letter) | _own(record, letter, lineage, recorded)
    return key, base64.b64decode(letter.value_base64), [*original, *added.items()]


def without_value(headers: list[Header], size: int) -> list[Header]:
    """Headers of a dead letter whose value of ``size`` bytes is left out, since the broker does not take it."""
    return [*headers, (VALUE_DROPPED, f"{size} bytes, more than the topic takes")]


def sentence(letter: DeadLetter) -> str:
    """What was wrong, in words."""
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


def _own(record: OutputRecord, letter: DeadLetter, lineage: str, recorded: str) -> dict[str, str]:
    values = {"id": record.id, "type": record.type, "time": rfc3339(record.time), "recordedtime": recorded}
    values |= {"lineage": lineage, "reason": letter.reason}
    if letter.field is not None:
        values["field"] = letter.field
    values |= {"required": letter.required, "got": letter.got, "original": "true" if letter.original else "false"}
    return {OWN + name: value for name, value in values.items()}
