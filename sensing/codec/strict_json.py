"""Strict JSON: Python objects by RFC 8259, with repeated names of objects noted. The careful decoder calls it.

JSON leaves open which of two values with one name counts, and readers differ. So a repeated name in what the engine
reads is refused. What it does not read is not looked into.
"""

import json
from collections import Counter
from typing import Any

INTEGER_DIGITS_MAX = 400
"""Integers with more digits are read as floats, that is as infinity. No field accepts infinity."""


class Repeating(dict[str, Any]):
    """An object of JSON that has a name more than once; ``name`` is the first such name. The last value counts."""

    name = ""

    def like(self, values: dict[str, Any]) -> "Repeating":
        """Other values, with the same repeated name."""
        found = Repeating(values)
        found.name = self.name
        return found


class ConstantError(ValueError):
    """A literal that Python's parser accepts and JSON does not have."""


def load(text: str) -> Any:
    """The value of a JSON text; objects with repeated names are ``Repeating``.

    Raises
    ------
    json.JSONDecodeError
        The text is no JSON.
    ConstantError
        It has NaN or an infinity.
    """
    return json.loads(text, parse_constant=_refuse_constant, parse_int=_integer, object_pairs_hook=_object)


def repeated(value: Any) -> str | None:
    """The first repeated name in a value, at any depth; None if there is none."""
    if isinstance(value, Repeating):
        return value.name
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((name for name in map(repeated, inner) if name is not None), None)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice = Repeating(found)
    counts = Counter(name for name, _ in pairs)
    twice.name = next(name for name, count in counts.items() if count > 1)
    return twice


def _refuse_constant(literal: str) -> Any:
    raise ConstantError(literal)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= INTEGER_DIGITS_MAX else float(digits)
