"""CloudEvents 1.0 input: attributes in Kafka headers (binary mode) or in the body (structured mode).

The decoders call it. ``id``, ``type`` and ``time`` replace ``event_id``, ``event_type`` and ``event_time`` if the event
does not have them, or has a null or an empty text there. Other attributes are ignored. A message without event type is
in structured mode if its content type says so, or if it has a ``specversion``: lines of files have no content type.
Names of attributes and headers are read in any letter case.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from sensing.codec.strict_json import ConstantError, Repeating, load

ATTRIBUTES = (("type", "event_type"), ("id", "event_id"), ("time", "event_time"))
STRUCTURED = b"application/cloudevents+json"

_JSON_BLANKS = b" \t\n\r"


class NoData(NamedTuple):
    """A structured envelope without an object as its data; ``found`` is what it has instead, ... if nothing."""

    found: Any


def event_body(plain: dict[str, Any], headers: Mapping[str, bytes]) -> dict[str, Any] | NoData:
    """Fields of the event with those of its envelope.

    Raises
    ------
    UnicodeDecodeError
        A header is not UTF-8.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    if plain.get("event_type") in (None, ""):
        envelope = {name.lower(): value for name, value in plain.items()} | plain
        if "specversion" in envelope or lower.get("content-type", b"").lower().startswith(STRUCTURED):
            data = _data(envelope)
            return data if isinstance(data, NoData) else _added(envelope, data)
    return _added({name[3:]: value.decode() for name, value in lower.items() if name in _HEADERS}, plain)


def _added(attributes: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with the attributes in place of fields that it does not have."""
    given = {field: attributes[name] for name, field in ATTRIBUTES if name in attributes}
    added = given | {name: value for name, value in event.items() if name not in given or value not in (None, "")}
    return event.like(added) if isinstance(event, Repeating) else added


def _data(envelope: Mapping[str, Any]) -> dict[str, Any] | NoData:
    """The event of a structured envelope: an object, JSON in a text, or JSON in base64."""
    data = envelope.get("data")
    if data is None:
        data = envelope.get("data_base64", envelope.get("data", ...))
        event = _object(_from_base64(data)) if isinstance(data, str) else None
    else:
        event = _object(data) if isinstance(data, str) else data
    return event if isinstance(event, dict) else NoData(data)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _object(text: str | bytes) -> Any:
    """The value of a JSON text, None if it is none."""
    try:
        return load(text if isinstance(text, str) else text.decode())
    except (json.JSONDecodeError, ConstantError, UnicodeError, RecursionError):
        return None


_HEADERS = {f"ce_{name}" for name, _ in ATTRIBUTES}


def spliced(value: bytes, headers: Mapping[str, bytes]) -> bytes:
    """The message with its ``ce_`` attributes inserted before its own fields, so that one typed decode reads both.

    The message's own fields come last and win. A message that has an event type is returned unchanged, since the
    decoder refuses two event types.

    Raises
    ------
    UnicodeDecodeError
        A header is not UTF-8.
    """
    body = value.lstrip(_JSON_BLANKS)
    if "ce_type" not in headers or b'"event_type"' in value or not body.startswith(b"{"):
        return value
    given = [(field, headers[f"ce_{name}"]) for name, field in ATTRIBUTES if f"ce_{name}" in headers]
    fields = b"".join(b'"%b":%b,' % (field.encode(), msgspec.json.encode(text.decode())) for field, text in given)
    return b"{" + fields + body[1:]


TRACE_HEADERS = ("ce_traceparent", "traceparent")
"""Headers with a trace context. The event's own comes before that of the transport."""
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def traceparent_of(headers: Mapping[str, bytes] | None) -> str | None:
    """The W3C trace context of a message, unchanged; None if it has none, or only malformed ones.

    Source: W3C Trace Context (2021), 3.2: version, trace id, parent id and flags in lower-case hexadecimal digits,
    neither id all zeros, version ff forbidden.
    """
    given = [headers[name] for name in TRACE_HEADERS if name in headers] if headers else []
    return next((value.decode() for value in given if _TRACEPARENT.fullmatch(value)), None)
