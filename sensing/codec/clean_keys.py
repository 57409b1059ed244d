"""Clean keys: identifiers without blanks at the ends and invisible marks, in Unicode NFC. The careful decoder calls it.

A byte-order mark, a direction mark or a blank at the end cannot be seen, and one letter has several spellings in
Unicode. Texts that look the same would be different items. ``engine.unclean_keys`` says what becomes of them.
"""

import re
import unicodedata
from typing import Any, Literal

from msgspec import inspect

from sensing.codec.contract_fields import bytes_max, unwrapped

KeyPolicy = Literal["normalise", "refuse"]
"""Unclean identifiers are cleaned, or their message is refused."""

CLEAN = "without blanks at the ends and invisible marks, in Unicode NFC"
"""Text for a dead letter: what is required of an identifier."""

INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
"""Byte-order mark, direction marks, characters of no width, soft hyphen."""
BLANKS = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Blanks of Unicode. Tabs and line ends are control characters, which no identifier has."""


def clean(text: str) -> str:
    """The text without blanks at the ends and invisible marks, in NFC."""
    if text.isascii():
        return text.strip(" ")
    return unicodedata.normalize("NFC", INVISIBLE.sub("", text)).strip(BLANKS)


def cleaned(value: Any, described: inspect.Type) -> Any:
    """A value of JSON with all identifiers in it clean, names in objects included; the value itself if they are.

    Of names that are one when they are clean, the last one stays: compare the lengths of the objects.
    """
    match unwrapped(described), value:
        case inspect.StrType() as text, str():
            return clean(value) if bytes_max(text) is not None else value
        case inspect.LiteralType(), str():
            return clean(value)
        case inspect.ListType(item_type=item), list():
            return [cleaned(each, item) for each in value]
        case inspect.DictType(key_type=key, value_type=inner), dict():
            return {cleaned(name, key): cleaned(each, inner) for name, each in value.items()}
        case inspect.StructType(fields=fields), dict():
            types = {field.encode_name: field.type for field in fields}
            return {name: cleaned(each, types[name]) if name in types else each for name, each in value.items()}
    return value
