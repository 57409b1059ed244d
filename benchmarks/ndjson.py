"""Vectorised writer of JSON lines: every field is a matrix of characters, and a line is a row of all fields.

A million order lines take about a second; one ``dumps`` per line would take longer than the code under test. Zero bytes
are padding and are removed at the end, so fields may vary in width.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Characters = NDArray[np.uint8]
"""One field of n lines, shape (n, width); zero is padding."""

_ZERO = ord("0")
_GROUP_DIGITS = 4
_GROUP = 10**_GROUP_DIGITS
_DAY_MS = 86_400_000

# All four-digit numbers as text, so that one lookup gives four digits.
_GROUPS: NDArray[np.uint32] = np.frombuffer("".join(f"{i:04d}" for i in range(_GROUP)).encode(), dtype=np.uint32)


def digits(values: NDArray[np.integer], width: int) -> Characters:
    """Whole numbers of 0 or more as exactly ``width`` digits; higher digits are dropped."""
    groups = -(-width // _GROUP_DIGITS)
    out = np.empty((len(values), groups), dtype=np.uint32)
    rest = values.astype(np.int64)
    for group in reversed(range(groups)):
        rest, low = np.divmod(rest, _GROUP)
        out[:, group] = _GROUPS[low]
    text: Characters = out.view(np.uint8)
    return text[:, groups * _GROUP_DIGITS - width :]


def number(values: NDArray[np.integer], width: int) -> Characters:
    """Whole numbers of 0 or more and up to ``width`` digits, without leading zeros."""
    out = digits(values, width).copy()
    leading = np.ones(len(values), dtype=bool)
    for column in range(width - 1):
        leading &= out[:, column] == _ZERO
        out[leading, column] = 0
    return out


def choice(texts: Sequence[str], index: NDArray[np.integer]) -> Characters:
    """``texts[index]``; the texts may differ in length."""
    table = np.array([text.encode() for text in texts], dtype=np.bytes_)
    characters = table.view(np.uint8).reshape(len(texts), table.itemsize)
    chosen: Characters = characters[index]
    return chosen


def instant(time_ms: NDArray[np.int64]) -> Characters:
    """UTC milliseconds as RFC 3339, ``2026-01-05T09:30:00.123Z``: 24 characters."""
    day, rest = np.divmod(time_ms, _DAY_MS)
    first, last = (int(day.min()), int(day.max())) if len(day) else (0, 0)
    dates = np.datetime_as_string(np.arange(first, last + 1).astype("datetime64[D]"))
    seconds, milliseconds = np.divmod(rest, 1000)
    minutes, second = np.divmod(seconds, 60)
    hour, minute = np.divmod(minutes, 60)
    out = np.empty((len(time_ms), 24), dtype=np.uint8)
    out[:, :10] = choice([str(date) for date in dates], day - first)
    for column, mark in ((10, "T"), (13, ":"), (16, ":"), (19, "."), (23, "Z")):
        out[:, column] = ord(mark)
    for column, values, width in ((11, hour, 2), (14, minute, 2), (17, second, 2), (20, milliseconds, 3)):
        out[:, column : column + width] = digits(values, width)
    return out


def lines(parts: Sequence[bytes | Characters]) -> bytes:
    """Put literals and fields side by side, one line per row, each ended by a newline.

    Parameters
    ----------
    parts
        Literals, the same in every line, and fields, all of the same number of rows. At least one field.
    """
    rows = next(len(part) for part in parts if not isinstance(part, bytes))
    width = sum(len(part) if isinstance(part, bytes) else part.shape[1] for part in parts) + 1
    page = np.empty((rows, width), dtype=np.uint8)
    column = 0
    for part in parts:
        field = np.frombuffer(part, dtype=np.uint8)[None, :] if isinstance(part, bytes) else part
        page[:, column : column + field.shape[1]] = field
        column += field.shape[1]
    page[:, column] = ord("\n")
    kept: Characters = page[page != 0]
    return kept.tobytes()
