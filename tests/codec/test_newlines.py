"""Search for line ends."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.newlines import find_newlines, newlines

texts = st.binary(max_size=60) | st.lists(st.sampled_from(b"\n\n\x0b\x09\x8a\x00a\xff"), max_size=60).map(bytes)


@given(texts)
def test_all_line_ends_are_found(text: bytes) -> None:
    """Each line end and nothing else, whatever stands beside it."""
    data = np.frombuffer(text, np.uint8)
    expected = [at for at, byte in enumerate(text) if byte == ord("\n")]
    found = np.empty(len(text), np.int64)

    assert newlines(data).tolist() == expected
    assert find_newlines(data, found) == len(expected)
    assert found[: len(expected)].tolist() == expected
