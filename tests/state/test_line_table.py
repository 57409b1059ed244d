"""The line table against an ordered dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.state import line_table as table
from sensing.state.line_table import COUNT, EVICTED, HEAD, LineTable
from tests.state.oracles import Key, Seen, Table

# Many keys share their home, also across the end of the index; only the high half tells some of them apart.
keys = st.tuples(
    st.integers(0, 3), st.sampled_from([home << 7 | low for home in (0, 1, 2, 511, 1023) for low in (0, 9)])
)
MORE = "more"
DUMP = "dump"
steps = st.lists(
    st.one_of(
        st.tuples(keys, st.integers(0, 60)),
        st.tuples(st.just(MORE), st.sampled_from((1, 40, 300, 600))),
        st.just((DUMP, 0)),
    ),
    max_size=60,
)


def find(lines: LineTable, key: Key) -> int:
    """Slot of a key."""
    return table.find_line(lines.lines, lines.index, np.uint64(key[0]), np.uint64(key[1]))


def see(lines: LineTable, key: Key, seen: Seen, oldest_hour: int) -> None:
    """Enter a new key the way the kernels do."""
    for _ in range(2):
        oldest = table.oldest_to_evict(lines.lines, lines.ring, oldest_hour)
        if oldest < 0:
            break
        assert oldest == lines.ring[HEAD]
        table.evict_oldest(lines.lines, lines.index, lines.ring)
    slot = table.insert_line(lines.lines, lines.index, lines.ring, np.uint64(key[0]), np.uint64(key[1]))
    assert not any(lines.lines[slot][name] for name in table.LINE.names or () if not name.startswith("key"))
    lines.lines["hour"][slot], lines.lines["quantity"][slot] = seen


def assert_equal(lines: LineTable, expected: Table) -> None:
    """The same lines in the same order, each findable, each indexed once."""
    kept = lines.in_order()
    found = {(int(k["key_hi"]), int(k["key_lo"])): Seen(int(k["hour"]), int(k["quantity"])) for k in kept}
    assert list(found.items()) == list(expected.lines.items())
    assert (int(lines.ring[COUNT]), int(lines.ring[EVICTED])) == (len(expected.lines), expected.evicted)
    slots = [find(lines, key) for key in expected.lines]
    assert slots == [(lines.ring[HEAD] + k) % len(lines.lines) for k in range(len(slots))]
    assert sorted((lines.index[lines.index >= 0] & (len(lines.index) - 1)).tolist()) == sorted(slots)


def run(lines_max: int, script: list[tuple[Key | str, int]]) -> None:
    """Run a script on both; lines come at falling or rising hours, and those 24 hours behind are forgotten."""
    lines = LineTable(lines_max)
    expected = Table(len(lines.lines))
    for number, (what, value) in enumerate(script):
        if what == MORE:
            lines.ensure(value)
            expected.capacity = len(lines.lines)
            assert len(lines.lines) == lines_max or len(expected.lines) + value <= expected.capacity
        elif what == DUMP:
            again = LineTable(lines_max)
            again.load(lines.dump())
            assert again.dump() == lines.dump()
            lines = again
            expected.capacity = len(lines.lines)
        elif isinstance(what, tuple):
            assert (find(lines, what) >= 0) == (what in expected.lines)
            if what not in expected.lines:
                seen = Seen(value, number)
                see(lines, what, seen, value - 24)
                expected.see(what, seen, value - 24)
        assert_equal(lines, expected)


@pytest.mark.parametrize("lines_max", [1, 2, 3, 5, 8])
@given(script=steps)
def test_a_tiny_table_is_an_ordered_dictionary(lines_max: int, script: list[tuple[Key | str, int]]) -> None:
    """With clashing keys, evictions by count and by age, and dumps in between, lookups and order are a dictionary's."""
    run(lines_max, script)


@given(script=steps)
def test_a_growing_table_is_an_ordered_dictionary(script: list[tuple[Key | str, int]]) -> None:
    """Growth and dumps at any point lose and reorder nothing."""
    run(1000, script)


@given(st.lists(keys, unique=True, max_size=24), st.data())
def test_entries_can_go_in_any_order(known: list[Key], data: st.DataObject) -> None:
    """Removing entries in any order leaves the others findable: runs of the index have no holes."""
    lines = LineTable(24)
    for key in known:
        see(lines, key, Seen(0, 0), 0)
    left = list(known)
    for key in data.draw(st.permutations(known)):
        table.remove_from_index(lines.lines, lines.index, find(lines, key))
        left.remove(key)
        assert all((find(lines, other) >= 0) == (other in left) for other in known)
    assert (lines.index == -1).all()
    table.index_lines(lines.lines, lines.index, 0, len(known))
    assert all(find(lines, key) == slot for slot, key in enumerate(known))


def test_home_spreads_keys_by_their_low_half() -> None:
    """A key's home is bits 7 and up of its low half, within the index."""
    assert [table.home_position(np.uint64(lo), 7) for lo in (0, 127, 128, 1023, 1024, 2**64 - 1)] == [0, 0, 1, 7, 0, 7]


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 4))
def test_an_entry_is_a_slot_and_bits_of_the_key(key_hi: int, key_lo: int, slot: int) -> None:
    """The slot in the bits of the mask, the key's high half above them, and never the sign, which means free."""
    lines = LineTable(5)
    mask = len(lines.index) - 1
    table.add_to_index(lines.index, slot, np.uint64(key_hi), np.uint64(key_lo))
    at = table.home_position(np.uint64(key_lo), mask)
    bits = int(table.key_bits(np.uint64(key_hi), mask))
    assert bits == (key_hi % 2**31) // (mask + 1) * (mask + 1)
    assert np.flatnonzero(lines.index != -1).tolist() == [at]
    assert lines.index[at] == slot + bits


def test_lines_of_other_keys_are_passed() -> None:
    """Keys of one home are told apart whether the bits in their entries differ or not."""
    lines = LineTable(8)
    known = [(hi, 9) for hi in (1, 2**31 + 1, 2**40 + 1, 5 << 20)]
    for key in known:
        see(lines, key, Seen(0, 0), 0)
    assert [find(lines, key) for key in known] == [0, 1, 2, 3]
    assert find(lines, (2**50 + 1, 9)) == -1


def test_nothing_is_due_in_an_empty_table() -> None:
    """A table without lines has no oldest line, whatever the hour."""
    lines = LineTable(4)
    assert table.oldest_to_evict(lines.lines, lines.ring, 2**31) == -1


@pytest.mark.parametrize("capacity", [*range(1, 70), 255, 256, 257, 1 << 20])
def test_the_index_always_has_holes(capacity: int) -> None:
    """The index is a power of two of at least 1.5 times the capacity, so that a search always ends."""
    size = table.index_size(capacity)
    assert size & (size - 1) == 0
    assert 1.5 * capacity <= size <= 4 * capacity


def test_many_lines() -> None:
    """A table grows to its bound, then gives up one line for each that comes."""
    lines = LineTable(3000)
    for number in range(5000):
        lines.ensure(1)
        see(lines, (number, number * 2_654_435_761 % 2**64), Seen(number, number), 0)
    assert len(lines.lines) == 3000
    assert lines.ring[EVICTED] == 2000
    assert lines.in_order()["hour"].tolist() == list(range(2000, 5000))


def test_equal_tables_have_equal_bytes() -> None:
    """What lies between the fields of a record is not left to chance."""
    dumps = []
    for filler in (0, 255):
        scrap = [np.full(size, filler, np.uint8) for size in (56, 560, 5600, 14_336)]
        lines = LineTable(256)
        del scrap
        for number in range(10):
            see(lines, (number, number), Seen(number, number), 0)
        dumps.append(lines.dump())
    assert dumps[0] == dumps[1]
