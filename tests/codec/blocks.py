"""Shared by tests of the codec: decodes lines, and converts a record to plain values."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import orjson

from sensing.codec.decode import Block, Decoded, Message, decode
from sensing.codec.text_table import EventTexts, TextLookup


def block_of(messages: Sequence[Message]) -> Block:
    """A block of messages."""
    return Block.of(
        [message.value for message in messages],
        np.array([message.offset for message in messages], np.int64),
        np.array([message.time or 0 for message in messages], np.int64),
        [message.headers for message in messages],
        [message.key for message in messages],
    )


def decode_lines(topic: str, lines: Iterable[bytes]) -> Decoded:
    """Decode lines of a file."""
    values = list(lines)
    return decode(topic, 0, Block.of(values, np.arange(len(values))))


def decode_events(topic: str, *events: dict[str, Any]) -> Decoded:
    """Decode events given as objects."""
    return decode_lines(topic, map(orjson.dumps, events))


def texts_of(decoded: Decoded) -> list[EventTexts]:
    """Texts of all records."""
    return TextLookup((decoded.texts,)).all(decoded.records)


def plain(record: Any, texts: EventTexts, *names: str) -> dict[str, Any]:
    """Fields and texts of a record as plain values; NaN is None."""
    values = {name: getattr(texts, name) if name in EventTexts._fields else record[name].item() for name in names}
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}
