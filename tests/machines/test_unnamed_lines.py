"""Lines of orders whose events name no line: which line an event means, against an oracle that names them.

The streams reach, through `absorb`: add_sibling, find_change, find_order_line, find_placement, ship_siblings and
sibling.
"""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import HEARD_SHIPMENT, Kind, Topic
from sensing.contracts.common import VERSION_LAST
from sensing.machine_settings import HOUR_MS
from sensing.machines.kernel_tables import ABSORBED, AMBIGUOUS, CONFLICT, DUPLICATE
from sensing.machines.shard_state import ShardState
from sensing.machines.unnamed_lines import sibling_key
from sensing.state.rows import DAYS_KEPT
from tests.machines.made_tables import DAY, NOON, Noted, events, shard, take
from tests.machines.oracles import Book, Line
from tests.machines.test_absorb import complete

GONE = (Kind.CANCELLED, Kind.CLOSED)
times = st.integers(0, 30).map(lambda hours: NOON + hours * HOUR_MS)
quantities = st.integers(1, 9).map(lambda units: units * 1000)
ids = st.sampled_from([f"e{number}" for number in range(8)])
common = {"time": times, "quantity": quantities, "event_id": ids}
unnamed = st.one_of(
    st.fixed_dictionaries({**common, "kind": st.just(Kind.PLACED)}),
    st.fixed_dictionaries({**common, "kind": st.just(Kind.PLACED)}),
    st.fixed_dictionaries({**common, "kind": st.just(Kind.CHANGED), "version": st.integers(2, 3)}),
    st.fixed_dictionaries({**common, "kind": st.sampled_from(GONE), "version": st.just(VERSION_LAST)}),
    st.fixed_dictionaries({**common, "kind": st.just(Kind.SHIPPED)}),
)


class UnnamedBook:
    """Names the lines of one order and SKU in the order in which they were first heard of, and keeps them in a book."""

    def __init__(self) -> None:
        self.book = Book()
        self.placed: dict[str, str] = {}
        self.ambiguous = 0

    def line(self, name: str) -> Line | None:
        """The line of a name, if it was heard of."""
        return self.book.lines.get(("O", name))

    def names(self) -> list[str]:
        """Names of all lines in their order; the first one has the name of the SKU."""
        return [name for _, name in self.book.lines]

    def take(self, event: dict[str, Any]) -> None:
        """Find the lines that an event means, and apply it to them."""
        kind, names = event["kind"], self.names()
        if kind == Kind.SHIPPED:
            self._ship(event)
        elif kind in GONE and names:
            for name in names:
                self.book.take({**event, "line": name})
        elif kind == Kind.CHANGED and len(names) > 1:
            known = [name for name in names if self.book.lines["O", name].event_id == event["event_id"]]
            if known:
                self.book.take({**event, "line": known[0]})
            else:
                self.ambiguous += 1
        else:
            self.book.take({**event, "line": self._named(event) if kind == Kind.PLACED else "A"})

    def _named(self, event: dict[str, Any]) -> str:
        first = self.line("A")
        if event["event_id"] not in self.placed:
            taken = first is not None and first.placed is not None
            self.placed[event["event_id"]] = f"A{len(self.names())}" if taken else "A"
        return self.placed[event["event_id"]]

    def _ship(self, event: dict[str, Any]) -> None:
        """The book keeps the movement; what it served is spread over the lines."""
        before = len(self.book.ids)
        line = self.book.lines.setdefault(("O", "A"), Line("L"))
        self.book.take({**event, "order_id": "", "line": ""})
        left = event["quantity"] if len(self.book.ids) > before else 0
        for name in self.names() if len(self.names()) > 1 else ():
            served = min(left, self.book.lines["O", name].open)
            self.book.lines["O", name].shipped += served
            left -= served
        line.shipped += left


def ordered(number: int, fields: dict[str, Any]) -> dict[str, Any]:
    """An event of order O without a line."""
    return complete(number, {"order_id": "O", "line": "", "location": "L", "behind": 0, **fields})


def reporting() -> ShardState:
    """A shard whose location reports shipments."""
    state = shard()
    state.locations.hear("L", HEARD_SHIPMENT)
    return state


def totals(state: ShardState) -> tuple[int, int, int]:
    """Demand, order lines and open demand of the only row."""
    hot = state.rows.hot[0]
    return int(hot["day_quantity"].sum()), int(hot["day_lines"].sum()), int(state.supply.supply["open_total"][0])


@given(st.lists(unnamed, min_size=1, max_size=14))
def test_events_without_a_line_come_to_what_named_ones_would(stream: list[dict[str, Any]]) -> None:
    """Placements under other ids are lines of their own, a change goes to the only line, a cancellation to all.

    A shipment serves the oldest first.
    """
    # An id is that of one event only; its repeats have the same content.
    seen: dict[str, dict[str, Any]] = {}
    given_events = [
        seen.setdefault(fields["event_id"], ordered(number, fields)) for number, fields in enumerate(stream)
    ]
    state, expected = reporting(), UnnamedBook()
    added = take(state, events(*given_events))
    for event in given_events:
        expected.take(event)
    lines = expected.book.lines.values()
    demanded = [line for line in lines if line.demand]
    found = totals(state)
    assert found == (sum(line.demand for line in lines), len(demanded), sum(line.open for line in lines))
    kinds = Counter(entry.kind for entry in added)
    assert kinds[AMBIGUOUS] == expected.ambiguous
    by_day = Counter(line.booked_hour // 24 for line in demanded)
    hot = state.rows.hot[0]
    assert {day: int(hot["day_lines"][day % DAYS_KEPT]) for day in by_day} == dict(by_day)


LINE = {"order_id": "O", "line": ""}
FIRST = {**LINE, "event_id": "a", "quantity": 3000}
SECOND = {**LINE, "event_id": "b", "quantity": 5000, "requested_day": DAY + 4}


def test_the_same_item_twice_is_two_lines() -> None:
    """Two placements of an order and SKU count twice; each repeated placement is a duplicate of its own line."""
    state = reporting()
    assert take(state, events(FIRST, SECOND, FIRST, SECOND)) == []
    assert totals(state) == (8000, 2, 8000)
    assert state.counts[Topic.ORDERS, 0, [ABSORBED, DUPLICATE]].tolist() == [2, 2]


def test_an_order_of_another_sku_has_lines_of_its_own() -> None:
    """Lines without a name are counted by order and SKU."""
    state = reporting()
    take(state, events(FIRST, {**SECOND, "sku": "B"}, {**SECOND, "order_id": "P", "event_id": "c"}))
    assert state.lines.in_use()["siblings"].tolist() == [0, 0, 0]


def test_a_change_of_one_of_several_lines_is_ambiguous() -> None:
    """A change goes to the only line there is; of two lines it names none, and it changes nothing."""
    state = reporting()
    changed = {**LINE, "kind": Kind.CHANGED, "version": 2, "quantity": 4000, "event_id": "c"}
    take(state, events(FIRST, changed))
    assert totals(state) == (4000, 1, 4000)
    take(state, events(SECOND))
    later = {**changed, "version": 3, "quantity": 9000, "event_id": "d"}
    assert take(state, events(later)) == [Noted(0, AMBIGUOUS, 0, 0.0)]
    assert totals(state) == (9000, 2, 9000)
    assert take(state, events(changed)) == [], "the change of the first line is known"


@pytest.mark.parametrize("kind", GONE)
def test_a_cancellation_ends_all_lines(kind: Kind) -> None:
    """What was shipped of them stays demand: the oldest line was served first."""
    state = reporting()
    shipped = {**LINE, "kind": Kind.SHIPPED, "quantity": 4000, "event_id": "s"}
    take(state, events(FIRST, SECOND, shipped))
    assert state.lines.in_use()["shipped"].tolist()[:2] == [3000, 1000]
    assert totals(state) == (8000, 2, 4000)
    take(state, events({**LINE, "kind": kind, "version": VERSION_LAST, "event_id": "x"}))
    assert totals(state) == (4000, 2, 0)


def test_what_is_shipped_beyond_all_lines_stands_at_the_first() -> None:
    """Over-shipment opens nothing and is no less than nothing."""
    state = reporting()
    take(state, events(FIRST, SECOND, {**LINE, "kind": Kind.SHIPPED, "quantity": 20_000, "event_id": "s"}))
    assert state.lines.in_use()["shipped"].tolist()[:2] == [15_000, 5000]
    assert totals(state) == (8000, 2, 0)


def test_named_and_unnamed_lines_of_an_order_are_told_apart() -> None:
    """An event that names the SKU as its line is about the first line, which has the SKU's name."""
    state = reporting()
    take(state, events(FIRST, SECOND))
    named = {"order_id": "O", "line": "A", "kind": Kind.CHANGED, "version": 2, "quantity": 1000, "event_id": "n"}
    assert take(state, events(named)) == []
    assert totals(state) == (6000, 2, 6000)
    conflicting = {**named, "quantity": 2000, "event_id": "m"}
    assert [entry.kind for entry in take(state, events(conflicting))] == [CONFLICT]


@given(st.lists(st.tuples(st.integers(2**40, 2**64 - 1), st.integers(2**40, 2**64 - 1)), max_size=5, unique=True))
def test_siblings_have_keys_of_their_own(keys: list[tuple[int, int]]) -> None:
    """The keys of a line's siblings differ from one another and from its own."""
    for hi, lo in keys:
        found = {tuple(map(int, sibling_key(np.uint64(hi), np.uint64(lo), number))) for number in range(1, 200)}
        assert len(found | {(hi, lo)}) == 200
