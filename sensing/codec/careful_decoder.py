"""Careful decoder: slow and authoritative. It returns the event of a message, or its first fault.

`sensing.codec.decode` calls it for messages that the fast decoders do not accept, or that may exceed a limit that those
do not check. It reads the fields in the order of the contract and stops at the first fault. Within a field, schema
violations come before the rules that a schema cannot express: size in bytes, control characters, plausible times. It
refuses a name that is repeated in the event or in a value that it reads. A null, and an empty text where the type
allows none, is an absent field if absence is allowed.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from msgspec import inspect

from sensing.codec.clean_keys import CLEAN, KeyPolicy, cleaned
from sensing.codec.cloudevents import NoData, event_body
from sensing.codec.contract_fields import Field, at_path, bytes_max, fields_of, in_words, texts_in, unwrapped
from sensing.codec.debezium import event_of_row
from sensing.codec.decode_options import DEFAULTS, DecodeOptions
from sensing.codec.empty_values import is_empty, without_nulls
from sensing.codec.fault import Fault
from sensing.codec.identifiers import CONTROL
from sensing.codec.instants import INSTANT_MAX, INSTANT_MIN, instant
from sensing.codec.strict_json import ConstantError, Repeating, load, repeated
from sensing.codec.time_words import looks_like
from sensing.contracts.common import MESSAGE_BYTES_MAX, NESTING_MAX
from sensing.contracts.dead_letters import Reason

GOT_CHARACTERS_MAX = 80
NOTHING = "nothing"
TEXTUAL = inspect.StrType | inspect.DateType | inspect.DateTimeType | inspect.LiteralType

Event = Any  # One of the contract structs.


def examine(
    types: Mapping[str, type[msgspec.Struct]], value: bytes, headers: Mapping[str, bytes],
    options: DecodeOptions = DEFAULTS,
) -> Event | Fault:  # fmt: skip
    """Read one message of a topic as one of its ``types`` (by event type). Never raises."""
    plain = read_json(value)
    if isinstance(plain, Fault):
        return plain
    if not isinstance(plain, dict):
        return Fault("not_an_object", None, "a JSON object", brief(plain))
    body = _body(plain, headers, options)
    if isinstance(body, Fault):
        return body
    for given in (plain, body):
        if isinstance(given, Repeating):
            return _repeated(given.name)
    struct = _struct(types, body)
    return struct if isinstance(struct, Fault) else _event(struct, body, options.unclean_keys)


def _body(plain: dict[str, Any], headers: Mapping[str, bytes], options: DecodeOptions) -> dict[str, Any] | Fault:
    """Fields of the event: of a row of a table by its mapping, of an envelope, or of the message itself."""
    if options.tables and "event_type" not in plain:
        row = event_of_row(plain, options.topic, options.tables)
        if row is not None:
            return row
    try:
        body = event_body(plain, headers)
    except UnicodeDecodeError as error:
        return Fault("bad_text", None, "ce_ headers in UTF-8", brief_text(str(error)))
    return _fault("data", body.found, "object with the event") if isinstance(body, NoData) else body


def too_much(value: bytes) -> Fault | None:
    """Fault of a message that exceeds the limits of size or nesting; None if it does not."""
    if len(value) > MESSAGE_BYTES_MAX:
        return Fault("too_large", None, f"at most {MESSAGE_BYTES_MAX} bytes", f"{len(value)} bytes")
    if value.count(b"[") + value.count(b"{") > NESTING_MAX and _is_deep(value):
        return Fault("too_large", None, f"at most {NESTING_MAX} levels of nesting", "more")
    return None


# An unterminated text extends to the end. The possessive match avoids quadratic time on hostile quotes.
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_STEPS = np.zeros(256, np.int64)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1


def _is_deep(value: bytes) -> bool:
    outside_texts = np.frombuffer(_TEXT.sub(b"", value), np.uint8)
    return int(np.cumsum(_STEPS[outside_texts]).max(initial=0)) > NESTING_MAX


def read_json(value: bytes) -> Any | Fault:
    """The message as Python objects, strictly by RFC 8259: UTF-8, no byte-order mark, no NaN, no infinity."""
    if fault := too_much(value):
        return fault
    try:
        return load(value.decode())
    except json.JSONDecodeError as error:
        got = f"{error.msg} at character {error.pos}: {brief(error.doc[error.pos : error.pos + GOT_CHARACTERS_MAX])}"
    except UnicodeDecodeError as error:
        got = f"byte 0x{value[error.start]:02x} at {error.start}: {error.reason}"
    except ConstantError as error:
        got = str(error)
    return Fault("not_json", None, "JSON (RFC 8259) in UTF-8", brief_text(got))


def _struct(types: Mapping[str, type[msgspec.Struct]], body: Mapping[str, Any]) -> type[msgspec.Struct] | Fault:
    name = body.get("event_type", ...)
    required = f"one of {', '.join(types)}"
    if not isinstance(name, str):
        return _fault("event_type", name, required)
    return types.get(name) or Fault("unknown_event_type", "event_type", required, brief(name))


def _event(struct: type[msgspec.Struct], body: Mapping[str, Any], unclean_keys: KeyPolicy) -> Event | Fault:
    values = {}
    for field in fields_of(struct):
        if field.name not in body:
            if field.required:
                return Fault("missing_field", field.name, field.text, NOTHING)
            continue
        given = body[field.name]
        if name := repeated(given):
            return _repeated(name)
        proper = cleaned(given, field.type)
        if proper != given and (unclean_keys == "refuse" or _fewer_names(proper, given)):
            return _unclean(field, given, unclean_keys)
        if not field.required and is_empty(proper, field.type):
            continue
        given = without_nulls(proper, field.type)
        try:
            value = msgspec.convert(given, field.annotation)
        except msgspec.ValidationError as error:
            return _invalid(field, given, str(error))
        except UnicodeEncodeError:  # A lone surrogate. msgspec fails on it in any text.
            mistyped = isinstance(given, str) and not isinstance(field.type, TEXTUAL)
            return Fault("wrong_type" if mistyped else "bad_text", field.name, field.text, brief(given))
        if fault := _out_of_time(field, value, given) or _bad_text(field, value, given):
            return fault
        values[field.name] = value
    return struct(**values)


def _fewer_names(proper: Any, given: Any) -> bool:
    """Whether names of an object are one when they are clean."""
    return isinstance(given, dict) and len(proper) < len(given)


def _unclean(field: Field, given: Any, unclean_keys: KeyPolicy) -> Fault:
    if unclean_keys == "refuse":
        return Fault("bad_text", field.name, f"{field.text}, {CLEAN}", brief(given))
    return Fault("duplicate_key", field.name, "names that differ in more than blanks and marks", brief(given))


def _repeated(name: str) -> Fault:
    return Fault("duplicate_key", brief_text(name), "each name once in an object", f"several values of {brief(name)}")


def _out_of_time(field: Field, value: Any, given: Any) -> Fault | None:
    if not field.is_time:
        return None
    from_long_ago = not field.required and (isinstance(given, str) or given == 0)
    if not (0 if from_long_ago else INSTANT_MIN) <= instant(value) <= INSTANT_MAX:
        return Fault("bad_time", field.name, field.text, brief_time(given))
    return None


def _bad_text(field: Field, value: Any, given: Any) -> Fault | None:
    if not isinstance(given, str | list | dict):
        return None
    for described, text in texts_in(field.type, value):
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            return Fault("bad_text", field.name, f"{in_words(described)}, no lone surrogates", brief(given))
        if limit := bytes_max(described):
            if size > limit:
                got = brief_text(f"{size} bytes: {json.dumps(given)}")
                return Fault("too_long", field.name, in_words(described), got)
            if CONTROL.search(text):
                return Fault("bad_text", field.name, in_words(described), brief(given))
    return None


# Reasons by the wording of msgspec's errors. Tests of all reasons fail if the wording changes.
_PATH = re.compile(r" - at `(?P<key>key` in `)?\$(?P<path>[^`]*)`$")
_REASONS: tuple[tuple[str, Reason], ...] = (
    ("missing required field", "missing_field"),
    (", got `", "wrong_type"),
    ("of length <=", "too_long"),
    ("of length >=", "bad_text"),
    ("RFC3339", "bad_time"),
    ("timezone", "bad_time"),
)


def _invalid(field: Field, given: Any, message: str) -> Fault:
    """Fault for an error of msgspec in a field or in a value nested in it."""
    found = _PATH.search(message)
    path = found["path"] if found else ""
    reason: Reason = next((reason for words, reason in _REASONS if words in message), "out_of_range")
    if reason == "missing_field":
        path += f".{message.split('`')[1]}"
        return Fault(reason, field.name + path, in_words(at_path(field.type, path)), NOTHING)
    if field.is_time:
        return Fault("wrong_type" if reason == "wrong_type" else "bad_time", field.name, field.text, brief_time(given))
    described = at_path(field.type, path)
    if found and found["key"]:
        described = unwrapped(getattr(described, "key_type", described))
    return Fault(reason, field.name + path, in_words(described), brief(given))


def _fault(name: str, given: Any, required: str) -> Fault:
    """Fault of a missing field (``...``) or a field of another type."""
    if given is ...:
        return Fault("missing_field", name, required, NOTHING)
    return Fault("wrong_type", name, required, brief(given))


def brief(value: Any) -> str:
    """A value as JSON in printable ASCII, shortened."""
    return brief_text(json.dumps(value))


def brief_time(value: Any) -> str:
    """An event time that is refused, with what it looks like."""
    unit = looks_like(value)
    return brief(value) + (f", which looks like {unit}" if unit else "")


def brief_text(text: str) -> str:
    """A text shortened to ``GOT_CHARACTERS_MAX`` characters. Dots mark the cut."""
    return text if len(text) <= GOT_CHARACTERS_MAX else text[: GOT_CHARACTERS_MAX - 3] + "..."
