"""The line table against a dictionary."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.state import line_table as table
from sensing.state.line_table import CLOSED, COUNT, FREE, HELD, HIGH, NOT_LINKED, SETTLED, TRACKED_OPEN, LineTable

Key = tuple[int, int]

# Many keys share their home, also across the end of the index. Some have the same tag; only the high half tells some
# of them apart.
keys = st.tuples(
    st.integers(0, 3),
    st.sampled_from([home << 54 | low for home in (0, 1, 2, 511, 1023) for low in (0, 9, 1 << 33, 1 << 50)]),
)
ADD, DROP, MORE, DUMP = "add", "free", "more", "dump"
steps = st.lists(
    st.one_of(
        st.tuples(st.just(ADD), keys),
        st.tuples(st.just(ADD), keys),
        st.tuples(st.just(DROP), keys),
        st.tuples(st.just(MORE), st.sampled_from((1, 40, 300, 600))),
        st.tuples(st.just(DUMP), st.none()),
    ),
    max_size=60,
)
FRESH = {"next_open": NOT_LINKED, "price": np.nan}
"""Fields of a new line that are not zero."""


def find(lines: LineTable, key: Key) -> int:
    """Slot of a key."""
    return table.find_line(lines.lines, lines.index, np.uint64(key[0]), np.uint64(key[1]))


def add(lines: LineTable, key: Key, quantity: int = 0) -> int:
    """Add a key the way the kernels do; all fields but the key start afresh."""
    slot = table.add_line(lines.lines, lines.index, lines.state, np.uint64(key[0]), np.uint64(key[1]))
    line = lines.lines[slot]
    for name in table.LINE.names or ():
        if not name.startswith("key"):
            np.testing.assert_equal(line[name], FRESH.get(name, 0))
    line["quantity"], line["flags"], line["siblings"] = quantity, 7, 3
    return slot


def free(lines: LineTable, key: Key) -> None:
    """Free the slot of a key."""
    table.free_line(lines.lines, lines.index, lines.state, find(lines, key))


class Oracle:
    """The table as a dictionary of slots; a free slot is reused before one that was never used, the newest first."""

    def __init__(self) -> None:
        self.slots: dict[Key, int] = {}
        self.quantities: dict[Key, int] = {}
        self.free: list[int] = []
        self.high = 0

    def add(self, key: Key, quantity: int) -> int:
        """Slot for a new key."""
        if self.free:
            slot = self.free.pop()
        else:
            slot, self.high = self.high, self.high + 1
        self.slots[key], self.quantities[key] = slot, quantity
        return slot

    def remove(self, key: Key) -> None:
        """Free a key's slot."""
        self.free.append(self.slots.pop(key))
        del self.quantities[key]


def assert_equal(lines: LineTable, expected: Oracle) -> None:
    """The same lines in the same slots, each findable, each indexed once."""
    assert {key: find(lines, key) for key in expected.slots} == expected.slots
    assert {key: int(lines.lines["quantity"][slot]) for key, slot in expected.slots.items()} == expected.quantities
    assert (int(lines.state[COUNT]), int(lines.state[HIGH])) == (len(expected.slots), expected.high)
    entries = [table.entry_slot(entry) for entry in lines.index[lines.index != 0].tolist()]
    assert sorted(entries) == sorted(expected.slots.values())
    rows = lines.lines["row"][: expected.high]
    assert np.flatnonzero(rows == FREE).tolist() == sorted(expected.free)
    kept = lines.in_use()
    in_order = sorted(expected.slots, key=expected.slots.__getitem__)
    assert [(int(line["key_hi"]), int(line["key_lo"])) for line in kept] == in_order
    full = len(expected.slots) == len(lines.lines)
    assert table.is_full(lines.lines, lines.state) == full


def run(lines_max: int, script: list[tuple[str, Any]]) -> None:
    """Run a script on both. A full table takes no further key: the kernels evict a line first."""
    lines, expected = LineTable(lines_max), Oracle()
    for number, (what, value) in enumerate(script):
        if what == MORE:
            lines.ensure(value)
            needed = min(len(expected.slots) + value, lines_max)
            assert needed <= len(lines.lines) <= lines_max
            assert table.index_size(needed) <= len(lines.index)
            assert lines.has_room(value) == (len(expected.slots) + value <= lines_max)
        elif what == DUMP:
            again = LineTable(lines_max)
            again.load(lines.dump())
            assert again.dump() == lines.dump()
            lines = again
        elif what == DROP and value in expected.slots:
            free(lines, value)
            expected.remove(value)
        elif what == ADD:
            assert (find(lines, value) >= 0) == (value in expected.slots)
            if value not in expected.slots:
                lines.ensure(1)
                if table.is_full(lines.lines, lines.state):
                    continue
                assert add(lines, value, number) == expected.add(value, number)
        assert_equal(lines, expected)


@pytest.mark.parametrize("lines_max", [1, 2, 3, 5, 8])
@given(script=steps)
def test_a_tiny_table_is_a_dictionary(lines_max: int, script: list[tuple[str, Any]]) -> None:
    """With clashing keys, freed slots and dumps in between, lookups and slots are a dictionary's."""
    run(lines_max, script)


@given(script=steps)
def test_a_growing_table_is_a_dictionary(script: list[tuple[str, Any]]) -> None:
    """Growth and dumps at any point lose nothing and move no line to another slot."""
    run(1000, script)


@given(st.lists(keys, unique=True, max_size=24), st.data())
def test_entries_can_go_in_any_order(known: list[Key], data: st.DataObject) -> None:
    """Removing entries in any order leaves the others findable: runs of the index have no holes."""
    lines = LineTable(24)
    for key in known:
        add(lines, key)
    left = list(known)
    for key in data.draw(st.permutations(known)):
        table.remove_from_index(lines.lines, lines.index, find(lines, key))
        left.remove(key)
        assert all((find(lines, other) >= 0) == (other in left) for other in known)
    assert (lines.index == 0).all()
    table.index_lines(lines.lines, lines.index, len(known))
    assert all(find(lines, key) == slot for slot, key in enumerate(known))


def test_home_spreads_keys_by_the_high_bits_of_their_low_half() -> None:
    """Homes rise with the tag, and each half of an index has half of the tags."""
    tags = [table.tag_of_key(np.uint64(lo)) for lo in (0, 2**61 - 1, 2**61, 2**63 - 1, 2**63, 2**64 - 1)]
    assert [table.home_position(tag, 64) for tag in tags] == [0, 0, 8, 24, 32, 56]
    assert [table.home_position(tag, 128) for tag in tags] == [0, 8, 16, 56, 64, 120]


@given(st.integers(0, 2**64 - 1), st.integers(0, (1 << 28) - 1))
def test_an_entry_is_a_slot_and_a_tag(key_lo: int, slot: int) -> None:
    """An entry tells both; it is never 0, which means free, and stands at its home in an empty index."""
    index, again = LineTable(5).index, LineTable(5).index
    table.add_to_index(index, slot, np.uint64(key_lo))
    table.put_entry(again, int(index.max()))
    assert (again == index).all()
    at = table.home_position(key_lo >> 33, len(index))
    assert index[at:].ctypes.data % 64 == 0
    assert np.flatnonzero(index).tolist() == [at]
    assert (table.entry_tag(int(index[at])), table.entry_slot(int(index[at]))) == (key_lo >> 33, slot)


def test_lines_of_other_keys_are_passed() -> None:
    """Keys of one home are told apart whether their tags differ or not."""
    lines = LineTable(8)
    known = [(1, 9), (2, 9), (1, 8), (1, 9 | 1 << 40)]
    for key in known:
        add(lines, key)
    assert [find(lines, key) for key in known] == [0, 1, 2, 3]
    assert find(lines, (3, 9)) == find(lines, (1, 1 << 40)) == -1


@pytest.mark.parametrize("count", [*range(0, 70), 255, 256, 257, 341, 342, 1 << 20])
def test_the_index_always_has_holes(count: int) -> None:
    """The index is a power of two of at least 1.5 times the number of lines, so that a search always ends."""
    size = table.index_size(count)
    assert size & (size - 1) == 0
    assert max(1.5 * count, table.INDEX_MIN) <= size <= max(3 * count, table.INDEX_MIN)
    most = table.index_room(size)
    assert count <= most
    assert table.index_size(most) == size
    assert table.index_size(most + 1) > size


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**64 - 1)), unique=True, max_size=400))
def test_a_larger_index_has_all_entries(known: list[Key]) -> None:
    """An index is enlarged from its entries alone: each key is found, and no position depends on the lines."""
    lines = LineTable(400)
    for key in known:
        lines.ensure(1)
        add(lines, key)
    size = 4 * len(lines.index)
    larger = np.zeros(size, np.int64)
    table.copy_entries(lines.index, larger)
    lines.index = larger
    assert [find(lines, key) for key in known] == list(range(len(known)))
    assert np.count_nonzero(larger) == len(known)


@pytest.mark.parametrize("reserved", [1, 700, table.RESERVED_LINES])
def test_a_table_grows_to_its_bound(reserved: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line moves while the table grows; at the bound it is full and does not grow."""
    monkeypatch.setattr(table, "RESERVED_LINES", reserved)
    lines = LineTable(3000)
    assert len(lines.lines) == min(reserved, 3000)
    for number in range(3000):
        lines.ensure(1)
        assert not table.is_full(lines.lines, lines.state)
        assert add(lines, (number, number * 2_654_435_761 % 2**64), number) == number
    lines.ensure(500)
    assert len(lines.lines) == 3000
    assert table.is_full(lines.lines, lines.state)
    assert lines.in_use()["quantity"].tolist() == list(range(3000))


def test_a_restored_table_takes_the_same_slots() -> None:
    """The list of free slots is part of a dump, so that lines added later have the slots that they would have had."""
    lines = LineTable(1000)
    for number in range(6):
        add(lines, (number, number))
    for number in (4, 1, 3):
        free(lines, (number, number))
    again = LineTable(1000)
    again.load(lines.dump())
    for each in (lines, again):
        assert [add(each, (number, number)) for number in range(10, 15)] == [3, 1, 4, 6, 7]
    assert again.dump() == lines.dump()


LINE_STATES = [
    (TRACKED_OPEN, 5, 2, 3, 5, False), (TRACKED_OPEN, 5, 5, 0, 5, True), (TRACKED_OPEN, 5, 9, 0, 5, True),
    (0, 5, 2, 0, 5, True), (TRACKED_OPEN | CLOSED, 5, 2, 0, 2, True), (TRACKED_OPEN | CLOSED, 5, 9, 0, 9, True),
    (TRACKED_OPEN | SETTLED, 5, 2, 0, 5, True), (HELD, 5, 0, 0, 5, False), (TRACKED_OPEN | HELD, 5, 5, 0, 5, False),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "quantity", "shipped", "left", "demand", "finished"), LINE_STATES)
def test_what_is_open_demanded_and_finished(
    flags: int, quantity: int, shipped: int, left: int, demand: int, finished: bool
) -> None:
    """Open is what is ordered and not shipped of a tracked line that has not ended; over-shipment is never negative.

    Demand is what was ordered, or what was shipped of a line that has ended. A held line is not finished.
    """
    lines = LineTable(4)
    line = lines.lines[add(lines, (1, 1))]
    line["flags"], line["quantity"], line["shipped"] = flags, quantity, shipped
    assert table.open_quantity(line) == left
    assert table.demand_quantity(line) == demand
    assert table.is_finished(line) == finished


def test_equal_tables_have_equal_bytes() -> None:
    """What lies between the fields of a record is not left to chance."""
    dumps = []
    for filler in (0, 255):
        scrap = [np.full(size, filler, np.uint8) for size in (80, 800, 8000, 20_480)]
        lines = LineTable(256)
        del scrap
        for number in range(10):
            add(lines, (number, number), number)
        free(lines, (3, 3))
        dumps.append((lines.dump(), lines.in_use().tobytes()))
    assert dumps[0] == dumps[1]
    assert table.LINE.itemsize == 80
