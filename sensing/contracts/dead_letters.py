"""Topic ``dead-letters``: refused messages in their original form, with the reason."""

from typing import Annotated, Literal

import msgspec

from sensing.contracts.output_fields import Count, about
from sensing.contracts.topic_spec import output

Reason = Literal[
    "not_json",
    "not_an_object",
    "too_large",
    "unknown_event_type",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "too_long",
    "bad_text",
    "duplicate_key",
    "bad_time",
    "far_future",
    "too_late",
    "line_changed_item",
    "version_conflict",
    "ambiguous_line",
    "unknown_unit",
    "unknown_location",
    "unknown_supplier",
    "unknown_item",
    "quarantine_full",
    "table_full",
    "skipped",
]
REASONS: dict[Reason, str] = {
    "not_json": "no JSON",
    "not_an_object": "JSON, but no object",
    "too_large": "too many bytes or levels",
    "unknown_event_type": "the topic has no such event type",
    "missing_field": "a required field is not there",
    "wrong_type": "a field has another type",
    "out_of_range": "a number is too small or too great",
    "too_long": "a text is too long",
    "bad_text": "a text has characters that it may not have",
    "duplicate_key": "an object has a name twice",
    "bad_time": "no time, or an implausible one",
    "far_future": "an event time too far ahead",
    "too_late": "an event time too far back",
    "line_changed_item": "another SKU or location than the line had before",
    "version_conflict": "the same version with other content",
    "ambiguous_line": "several lines may be meant",
    "unknown_unit": "no record names the unit of measure",
    "unknown_location": "no record names the location",
    "unknown_supplier": "no record names the supplier",
    "unknown_item": "no record names the item",
    "quarantine_full": "no room to hold an event of an unknown name",
    "table_full": "no room in a table of the engine",
    "skipped": "the operator named its position in `engine.skip`",
}
"""Why a message was refused."""

Base64 = Annotated[str, about("", contentEncoding="base64")]


class DeadLetter(msgspec.Struct, kw_only=True):
    """One rejected message."""

    topic: Annotated[str, about("Topic of the message, without prefix.")]
    partition: Annotated[Count, about("Partition of the message; of a file 0.")]
    offset: Annotated[Count, about("Offset of the message; of a file the number of its line, from 0.")]
    reason: Annotated[Reason, about("Why it was refused.", REASONS)]
    field: Annotated[str | None, about("Field that was refused; null: the whole message.")]
    required: Annotated[str, about("What it must be, in words.")]
    got: Annotated[str, about("What it is, cut short.")]
    value_base64: Annotated[Base64, about("The message; if `original` is false, a new encoding of the event.")]
    headers: Annotated[dict[str, Base64], about("Headers of the message by name, in base64.")] = {}
    original: Annotated[
        bool, about("Whether the value is the original; false: it had been decoded when it was refused.")
    ] = True
    key_base64: Annotated[
        Base64 | None, about("Key of the message; null: it had none, as lines of files, or `original` is false.")
    ] = None


SPEC = output("dead-letters", __doc__, {"dead.letter": DeadLetter}, "Key of the original message.", retention_days=30)
