"""What the codec's tests share: lines to messages, and a record as plain values."""

import math
from collections.abc import Iterable
from typing import Any

import orjson

from sensing.codec.decode import Decoded, Message, decode


def decode_lines(topic: str, lines: Iterable[bytes]) -> Decoded:
    """Decode lines of a file."""
    return decode(topic, 0, [Message(line, None, number, None) for number, line in enumerate(lines)])


def decode_events(topic: str, *events: dict[str, Any]) -> Decoded:
    """Decode events given as objects."""
    return decode_lines(topic, map(orjson.dumps, events))


def plain(record: Any, *names: str) -> dict[str, Any]:
    """Fields of a record as plain values; NaN is None."""
    values = {name: record[name].item() for name in names}
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}
