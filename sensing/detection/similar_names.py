"""Similar names: SKUs or locations that differ only in what people overlook. The roll-up's table of names calls it.

The skeleton of a name is the name without these differences: letter case, blanks, leading zeros, letters of other
scripts that look like Latin ones. Names with one skeleton may be one item under two names, or two items; only a person
knows. They are never merged.
"""

import unicodedata

LOOKS_LIKE = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0455\u0456\u0458\u0501\u051b\u051d"
    "\u03b1\u03b2\u03b5\u03b6\u03b7\u03b9\u03ba\u03bc\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7",
    "abekmhopctyxsijdqwabezhikmnoptyx",
)
"""Small letters of Cyrillic and Greek by the Latin letters that they, or their capitals, look like. A selection from
Unicode Technical Standard 39, confusables."""


def skeleton(name: str) -> str:
    """The name without differences that are easily overlooked."""
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name)
    return _without_zeros(_without_blanks(name.casefold().translate(LOOKS_LIKE)))


def difference(name: str, other: str) -> str:
    """In what two names of one skeleton differ, in words."""
    for words, same in (
        ("letter case", str.casefold),
        ("blanks", _without_blanks),
        ("leading zeros", _without_zeros),
    ):
        if same(name) == same(other):
            return words
    return "letters that look alike" if not (name.isascii() and other.isascii()) else "letter case, blanks and zeros"


def _without_blanks(name: str) -> str:
    return "".join(name.split())


def _without_zeros(name: str) -> str:
    return name.lstrip("0") or "0"
