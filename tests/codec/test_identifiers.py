"""Hashes of texts: one span of a buffer against a whole text."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.identifiers import hash_span, text_hashes
from sensing.codec.swar import WORD


@given(st.lists(st.text(max_size=20), min_size=1, max_size=5), st.data())
def test_a_span_has_the_hash_of_its_text(texts: list[str], data: st.DataObject) -> None:
    """Wherever it lies and whatever comes before and after it; 0 is left to the empty text."""
    at = data.draw(st.integers(0, len(texts) - 1))
    parts = [text.encode() for text in texts]
    buffer = np.frombuffer(b"".join(parts) + bytes(WORD), np.uint8)
    found = hash_span(buffer, sum(map(len, parts[:at])), len(parts[at]), len(buffer))
    assert found != 0
    if texts[at]:
        assert found == text_hashes([texts[at]])[0]
