"""Names that differ only in what people overlook."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.detection.similar_names import difference, skeleton


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("85123A", "85123a", "letter case"),
        ("STRASSE", "stra\N{LATIN SMALL LETTER SHARP S}e", "letter case"),
        ("PUMP 7", "PUMP7", "blanks"),
        ("000123", "123", "leading zeros"),
        ("000", "0", "leading zeros"),
        ("AX-1", "\N{CYRILLIC CAPITAL LETTER A}X-1", "letters that look alike"),
        ("BK\N{GREEK CAPITAL LETTER OMICRON}", "BKO", "letters that look alike"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}1", "A1", "letters that look alike"),
        ("0 ab", "AB", "letter case, blanks and zeros"),
    ],
)
def test_similar_names_have_one_skeleton(name: str, other: str, expected: str) -> None:
    """And the difference is said, whichever comes first."""
    assert skeleton(name) == skeleton(other)
    assert difference(name, other) == difference(other, name) == expected


@pytest.mark.parametrize(
    ("name", "other"), [("A-1", "A-2"), ("A1", "A10"), ("O1", "01"), ("AB", "A-B"), ("100", "1000"), ("l1", "11")]
)
def test_other_names_have_others(name: str, other: str) -> None:
    """Letters and digits that only resemble each other are told apart: too many codes have both."""
    assert skeleton(name) != skeleton(other)


@given(st.text(min_size=1, max_size=20))
def test_a_skeleton_has_the_same_skeleton(name: str) -> None:
    """Case, blanks and zeros of a name do not matter."""
    assert skeleton(name) == skeleton(f"00{name}  ")
    assert skeleton(name.lower()) == skeleton(name.lower().upper().lower())
