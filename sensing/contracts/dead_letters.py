"""Topic ``dead-letters``: refused messages in their original form, with the reason."""

from typing import Literal

import msgspec

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
"""Why a message was refused. ``skipped``: the operator named its position in ``engine.skip``."""


class DeadLetter(msgspec.Struct, kw_only=True):
    """One rejected message.

    ``original`` is false if a machine refused the event: then ``value_base64`` is a new encoding of the event.
    ``key_base64`` is the key of the message, null if it had none (lines of a file) or if ``original`` is false.
    """

    topic: str
    partition: int
    offset: int
    reason: Reason
    field: str | None
    required: str
    got: str
    value_base64: str
    headers: dict[str, str] = {}
    original: bool = True
    key_base64: str | None = None


SPEC = output("dead-letters", __doc__, {"dead.letter": DeadLetter}, "Key of the original message.", retention_days=30)
