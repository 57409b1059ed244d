"""Dumps of components: what goes in comes out, and damage is told."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from sensing.state.blob import pack, unpack

RECORD = np.dtype([("a", "u1"), ("b", "f8"), ("c", "i4", (3,))], align=True)
NARROW = np.dtype([("a", "u1"), ("b", "f8")])
arrays = nps.arrays(
    st.sampled_from(("i8", "u1", "f4", "?", "S3")), nps.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4)
)
parts = st.dictionaries(st.text(max_size=5), st.one_of(st.binary(max_size=20), arrays), max_size=5)


def kept() -> np.ndarray[Any, Any]:
    """A record array with something in it."""
    found = np.zeros((2, 3), RECORD)
    found["a"], found["b"], found["c"] = 7, np.nan, [1, -2, 3]
    return found


@given(parts)
def test_what_is_packed_is_unpacked(given_parts: dict[str, Any]) -> None:
    """Bytes and arrays of any dtype and shape come back in order, bit for bit, and can be written to."""
    found = unpack(pack(given_parts))
    assert list(found) == list(given_parts)
    for name, part in given_parts.items():
        if isinstance(part, bytes):
            assert found[name] == part
        else:
            assert found[name].dtype == part.dtype
            assert found[name].shape == part.shape
            assert found[name].tobytes() == part.tobytes()
            assert found[name].flags.writeable


def test_record_arrays_keep_every_byte() -> None:
    """Records come back padding included, so that a dump of a restored state is the same dump."""
    before = kept()
    block = pack({"records": before, "more": b"x"})
    found = unpack(block, {"records": RECORD})
    assert found["records"].tobytes() == before.tobytes()
    assert found["records"].shape == (2, 3)
    assert pack({"records": found["records"], "more": found["more"]}) == block


def test_slices_are_packed_as_they_look() -> None:
    """An array that is not contiguous is packed in its own order."""
    before = np.arange(24).reshape(4, 6)[::2, ::-1]
    assert unpack(pack({"a": before}))["a"].tolist() == before.tolist()


@pytest.mark.parametrize("length", [0, 3, 7])
def test_a_block_without_a_head_is_refused(length: int) -> None:
    """Fewer bytes than the length of the head takes."""
    with pytest.raises(
        ValueError, match=r"state block: required a head of .* bytes, got .* bytes in all; the dump is damaged"
    ):
        unpack(b"\1" * length)


def test_a_head_longer_than_the_block_is_refused() -> None:
    """A head that cannot be there."""
    with pytest.raises(ValueError, match="state block: required a head of 99 bytes, got 10 bytes in all"):
        unpack((99).to_bytes(8, "little") + b"ab")


@given(st.integers(1, 30))
def test_a_block_that_was_cut_off_is_refused(missing: int) -> None:
    """Part of the last body is missing."""
    block = pack({"a": b"x" * 30})
    with pytest.raises(
        ValueError, match=rf"state block: required {len(block)} bytes, got {len(block) - missing}; the dump"
    ):
        unpack(block[:-missing])


def test_a_cut_array_is_refused() -> None:
    """An array's body is shorter than the head says."""
    block = pack({"a": np.arange(4)})
    with pytest.raises(ValueError, match=f"state block: required {len(block)} bytes, got {len(block) - 1}; the dump"):
        unpack(block[:-1])


def test_a_head_that_cannot_be_read_is_refused() -> None:
    """Bytes that list no parts."""
    with pytest.raises(
        ValueError, match=r"state block: required a head that lists its parts, got .*; the dump is damaged"
    ):
        unpack((3).to_bytes(8, "little") + b"abc")


def test_a_block_with_more_behind_it_is_refused() -> None:
    """Bytes that no part owns."""
    block = pack({"a": np.arange(4)})
    with pytest.raises(
        ValueError, match=f"state block: required {len(block)} bytes, got {len(block) + 1}; the dump is damaged"
    ):
        unpack(block + b"x")


def test_records_of_another_size_are_refused() -> None:
    """A dump of an engine whose records were different."""
    with pytest.raises(
        ValueError, match="state block records: required records of 9 bytes, got 192 bytes for \\(2, 3\\)"
    ):
        unpack(pack({"records": kept()}), {"records": NARROW})
