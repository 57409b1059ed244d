"""Snapshots of components: a load restores what was dumped, and damage is reported."""

import re
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from sensing.state import snapshot
from sensing.state.snapshot import Encoded, SnapshotError, pack, pack_snapshot, unpack, unpack_snapshot

RECORD = np.dtype([("a", "u1"), ("b", "f8"), ("c", "i4", (3,))], align=True)
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
        ValueError, match=r"snapshot: required a head of .* bytes, got .* bytes in all; the snapshot is damaged"
    ):
        unpack(b"\1" * length)


def test_a_head_longer_than_the_block_is_refused() -> None:
    """A head that cannot be there."""
    with pytest.raises(ValueError, match="snapshot: required a head of 99 bytes, got 10 bytes in all"):
        unpack((99).to_bytes(8, "little") + b"ab")


@given(st.integers(1, 30))
def test_a_block_that_was_cut_off_is_refused(missing: int) -> None:
    """Part of the last body is missing."""
    block = pack({"a": b"x" * 30})
    with pytest.raises(
        ValueError, match=rf"snapshot: required {len(block)} bytes, got {len(block) - missing}; the snapshot"
    ):
        unpack(block[:-missing])


def test_a_cut_array_is_refused() -> None:
    """An array's body is shorter than the head says."""
    block = pack({"a": np.arange(4)})
    with pytest.raises(ValueError, match=f"snapshot: required {len(block)} bytes, got {len(block) - 1}; the snapshot"):
        unpack(block[:-1])


def test_a_head_that_cannot_be_read_is_refused() -> None:
    """Bytes that list no parts."""
    with pytest.raises(
        ValueError, match=r"snapshot: required a head that lists its tables, got .*; the snapshot is damaged"
    ):
        unpack((3).to_bytes(8, "little") + b"abc")


def test_a_block_with_more_behind_it_is_refused() -> None:
    """Bytes that no part owns."""
    block = pack({"a": np.arange(4)})
    with pytest.raises(
        ValueError, match=f"snapshot: required {len(block)} bytes, got {len(block) + 1}; the snapshot is damaged"
    ):
        unpack(block + b"x")


ROUTE = r"; start without it, from the beginning of the inputs, or with the version that wrote it$"


def dtype(*fields: tuple[str, str]) -> np.dtype[Any]:
    """A record of these fields."""
    return np.dtype(list(fields), align=True)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (dtype(("b", "f8"), ("a", "f8")), "required b <f8 as field 1, got a <f8"),
        (dtype(("a", "f8"), ("b", "i8")), "required b <i8 as field 2, got b <f8"),
        (dtype(("a", "f8"), ("b", "f8"), ("c", "u1")), "required c |u1 as field 3, got none"),
        (dtype(("a", "f8")), "required none as field 2, got b <f8"),
    ],
)
def test_a_table_of_other_fields_is_refused(other: np.dtype[Any], said: str) -> None:
    """Swapped, retyped, new and lost fields are named, though the records may have the same size."""
    block = pack({"rows": np.zeros(3, dtype(("a", "f8"), ("b", "f8")))})
    with pytest.raises(SnapshotError, match=f"^snapshot table rows: {re.escape(said)}{ROUTE}"):
        unpack(block, {"rows": other})


class Line(msgspec.Struct, array_like=True):
    """A struct that is encoded without its field names."""

    ordered: int
    received: int


def test_structs_of_other_fields_are_refused() -> None:
    """Swapped fields of a struct would go unnoticed: both are whole numbers."""
    before: list[tuple[str, Line]] = [("a", Line(1, 2))]
    block = pack({"lines": Encoded(before, list[tuple[str, Line]])})
    assert unpack(block, {"lines": list[tuple[str, Line]]})["lines"] == before

    swapped = msgspec.defstruct("Line", [("received", int), ("ordered", int)], array_like=True)
    with pytest.raises(
        SnapshotError,
        match=r"^snapshot table lines \(Line\): required received int as field 1, got ordered int;",
    ):
        unpack(block, {"lines": list[tuple[str, swapped]]})  # type: ignore[valid-type]  # made just above


def test_structs_that_cannot_be_read_are_refused() -> None:
    """Bytes that are no such structs."""
    block = pack({"lines": Encoded("text", list[Line])})
    with pytest.raises(SnapshotError, match=r"^snapshot table lines: required what its fields say, got .*damaged$"):
        unpack(block, {"lines": list[Line]})


def test_records_of_another_alignment_are_refused() -> None:
    """The same fields with other gaps."""
    block = pack({"rows": np.zeros(2, dtype(("a", "u1"), ("b", "f8")))})
    with pytest.raises(SnapshotError, match=r"^snapshot table rows: required records of 9 bytes, got 32 bytes"):
        unpack(block, {"rows": np.dtype([("a", "u1"), ("b", "f8")])})


def sealed(**settings: Any) -> bytes:
    """Snapshot of shard 1."""
    return pack_snapshot({"a": b"x"}, "shard 1", settings)


def test_what_is_sealed_is_unsealed() -> None:
    """The same machine with the same settings gets its parts."""
    assert unpack_snapshot(sealed(zone="UTC"), "shard 1", {"zone": "UTC"}, {})["a"] == b"x"


@pytest.mark.parametrize(
    ("owner", "settings", "said"),
    [
        ("shard 2", {"zone": "UTC"}, "snapshot of shard 2: required its own, got that of shard 1; give every machine "),
        (
            "shard 1",
            {"zone": "GMT"},
            "required zone = GMT, as the settings say, got UTC; set zone back",
        ),
        ("shard 1", {"zone": "UTC", "new": 1}, "required new = 1, as the settings say, got None; set new back"),
        ("shard 1", {}, "required zone = None, as the settings say, got UTC"),
    ],
)
def test_another_machine_or_other_settings_are_refused(owner: str, settings: dict[str, Any], said: str) -> None:
    """What differs is named, with the way out."""
    with pytest.raises(SnapshotError, match=re.escape(said)):
        unpack_snapshot(sealed(zone="UTC"), owner, settings, {})


def test_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older and newer formats, and bytes that are no snapshot of a machine."""
    block = sealed()
    monkeypatch.setattr(snapshot, "FORMAT_VERSION", 7)
    with pytest.raises(SnapshotError, match=rf"^snapshot of shard 1: required format version 7, got 1{ROUTE}"):
        unpack_snapshot(block, "shard 1", {}, {})
    with pytest.raises(SnapshotError, match=r"^snapshot of shard 1: required one with a format version, got .*it$"):
        unpack_snapshot(pack({"a": b""}), "shard 1", {}, {})
