"""CloudEvents 1.0 input: attributes in Kafka headers (binary mode) or in the body (structured mode).

The decoders call it. ``id``, ``type`` and ``time`` replace ``event_id``, ``event_type`` and ``event_time`` if the event
does not have them. Other attributes are ignored. Header names are case-sensitive, as in the Kafka protocol binding.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

ATTRIBUTES = (("type", "event_type"), ("id", "event_id"), ("time", "event_time"))
STRUCTURED = b"application/cloudevents+json"

_JSON_BLANKS = b" \t\n\r"


def event_body(plain: dict[str, Any], headers: Mapping[str, bytes]) -> dict[str, Any] | None:
    """Fields of the event with those of its envelope; None if a structured envelope has no object as ``data``.

    Raises
    ------
    UnicodeDecodeError
        A header is not UTF-8.
    """
    if "event_type" not in plain and headers.get("content-type", b"").startswith(STRUCTURED):
        data = plain.get("data")
        return _added(plain, data) if isinstance(data, dict) else None
    return _added({name[3:]: value.decode() for name, value in headers.items() if name in _HEADERS}, plain)


def _added(attributes: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    return {field: attributes[name] for name, field in ATTRIBUTES if name in attributes} | dict(event)


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
