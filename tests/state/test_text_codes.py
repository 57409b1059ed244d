"""Codes of units and currencies."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.state.text_codes import CODES_MAX, TextCodes, code_of

texts = st.sampled_from(("", "EA", "CASE", "EUR", "x", "ä€", "12345678"))


def word(text: str) -> np.uint64:
    """A text of up to eight bytes as a word, zero-padded."""
    return np.uint64(int.from_bytes(text.encode().ljust(8, b"\0"), "little"))


@given(st.lists(texts, max_size=20), st.integers(0, 20))
def test_a_code_stands_for_its_text(given_texts: list[str], cut: int) -> None:
    """Texts get codes in the order of their first use, the empty one 0; a restored table goes on with them."""
    table, known = TextCodes(), [""]
    for number, text in enumerate(given_texts):
        if number == cut:
            again = TextCodes()
            again.load(table.dump())
            assert again.dump() == table.dump()
            table = again
        if text not in known:
            known.append(text)
        assert code_of(table.codes, word(text)) == known.index(text)
        assert [table.text(code) for code in range(len(known))] == known


def test_texts_beyond_the_last_code_share_it() -> None:
    """The last code stands for all further texts and has none; those that came before keep theirs."""
    table = TextCodes()
    codes = [code_of(table.codes, np.uint64(number)) for number in range(1, 400)]
    assert codes == [min(number, CODES_MAX - 1) for number in range(1, 400)]
    assert [code_of(table.codes, np.uint64(number)) for number in (3, 254, 255, 399)] == [3, 254, 255, 255]
    assert table.text(CODES_MAX - 1) == ""
