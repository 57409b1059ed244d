"""Successions as a source group learns them, and the events that become those of a successor."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import SUPERSEDED, Batch, InfrequentEvent, SuccessionHeard, Topic
from sensing.codec.item_links import ItemLinks
from sensing.codec.keys import row_key
from sensing.codec.successions import CHAIN_MAX, Change, Succession, Successions, start_of
from sensing.codec.supersede import Superseded
from sensing.contracts.reference import ItemUpdated
from tests.machines.streams import MONDAY, Stream, line

pytestmark = pytest.mark.compiled

HOUR = 3_600_000
LATE = HOUR
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
BOOK = msgspec.structs.astuple


def item(sku: str, time: int | None = None, **fields: Any) -> InfrequentEvent:
    """A record of an item that takes effect at a time, ms."""
    when = None if time is None else EPOCH + dt.timedelta(milliseconds=time)
    event = ItemUpdated(event_id=f"i{time}", event_time=when, sku=sku, **fields)
    return InfrequentEvent(event, time or 0, 0, Topic.REFERENCE, 0, 0, "trace")


def learned(*messages: InfrequentEvent, clock: int = 0) -> tuple[Superseded, list[SuccessionHeard]]:
    """A router's successions, and its notices."""
    found, links = Superseded(LATE), ItemLinks()
    notices = [notice for message in messages for notice in found.learn(message, links, clock)]
    assert all(notice.trace is None and notice.topic == Topic.REFERENCE for notice in notices)
    return found, [notice.event for notice in notices]


@pytest.mark.parametrize(
    ("stated", "time", "since"), [(None, 0, 0), (None, 5 * HOUR, 4 * HOUR), (9 * HOUR, 5 * HOUR, 8 * HOUR),
                                  (2 * HOUR, 5 * HOUR, 4 * HOUR), (9 * HOUR, 0, 8 * HOUR)],
)  # fmt: skip
def test_an_instant_is_not_before_the_record(stated: int | None, time: int, since: int) -> None:
    """It is that which is stated, when the watermark shows that events have reached it."""
    assert start_of(stated, time, LATE) == since


def test_a_notice_says_successor_and_instant() -> None:
    """One per record that changes something; other records and repeats give none."""
    when = EPOCH + dt.timedelta(milliseconds=9 * HOUR)
    found, notices = learned(
        item("B"),
        item("A", successor="B", successor_from=when),
        item("A", successor="B", successor_from=when, name="x"),
    )
    assert BOOK(notices[0]) == ("A", "B", 8 * HOUR, "iNone", "")
    assert len(notices) == 2  # the second record replaces the first, with the same content
    assert [found.successions.successor("A", at) for at in (0, 8 * HOUR - 1, 8 * HOUR)] == ["A", "A", "B"]


def test_aliases_name_the_successor() -> None:
    """The notice names its own id."""
    links = ItemLinks()
    links.learn(item("B", aliases=["4711"]))
    found = Superseded(LATE)
    (notice,) = found.learn(item("A", successor="4711"), links, 0)
    assert notice.event.successor == "B"


def test_records_before_the_instant_replace_and_withdraw() -> None:
    """Each gives a notice, and what is pending follows."""
    found, notices = learned(
        item("A", 5 * HOUR, successor="B", successor_from=20 * HOUR),
        item("A", 6 * HOUR, successor="C", successor_from=30 * HOUR),
    )
    assert [(each.successor, each.since) for each in notices] == [("B", 19 * HOUR), ("C", 29 * HOUR)]
    assert (found.is_pending(28 * HOUR), found.is_pending(29 * HOUR)) == (False, True)
    (gone,) = found.learn(item("A", 7 * HOUR), ItemLinks(), 0)
    assert (gone.event.successor, gone.event.since, gone.event.refused) == ("C", None, "")
    assert not found.is_pending(2**62)
    assert found.learn(item("A", 8 * HOUR), ItemLinks(), 0) == []


def test_what_has_passed_over_stays() -> None:
    """By the watermark, or by the time of the record."""
    first = item("A", 5 * HOUR, successor="B")
    found, _ = learned(first)
    found.came_back("A")
    assert not found.is_pending(2**62)
    for later, clock in ((item("A", 4 * HOUR, successor="C"), 4 * HOUR), (item("A", 9 * HOUR, successor="C"), 0)):
        (notice,) = found.learn(later, ItemLinks(), clock)
        assert notice.event.refused == "A passes over to B before it takes effect"
    assert found.learn(item("A", 9 * HOUR), ItemLinks(), 0) == []
    assert found.successions.of["A"].successor == "B"


@given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.sampled_from("ABCDE")), max_size=12))
def test_successions_lead_to_an_end(pairs: list[tuple[str, str]]) -> None:
    """Whatever the records say, no item leads back to itself, and looking up follows the edges to their end."""
    found = Successions()
    for old, new in pairs:
        change = found.change(old, Succession(new, 0, 0, "e"), 0, -1, 0)
        if change is not None and not change.refused:
            found.put(old, change.after)
    edges = {old: each.successor for old, each in found.of.items()}
    for sku in "ABCDE":
        path = [sku]
        while path[-1] in edges:
            path.append(edges[path[-1]])
            assert len(path) <= 5
        assert found.successor(sku, 0) == path[-1]


def test_bounds_are_refused() -> None:
    """A longer chain leads back, as far as can be seen; a full table takes no more."""
    found = Successions()
    for k in range(CHAIN_MAX):
        found.put(f"i{k}", Succession(f"i{k + 1}", 0, 0, "e"))
    change = found.change("x", Succession("i0", 0, 0, "e"), 0, -1, 0)
    assert change == Change(None, None, "i0 is x or leads back to it")


def test_records_and_events_become_the_successors() -> None:
    """From the watermark on. Lines keep their keys and texts, a purchase-order line its name."""
    stream = Stream([
        line("order.placed", "o", MONDAY, order_id="o", sku="A", location="L", quantity=1),
        line("order.placed", "p", MONDAY + 9 * HOUR, order_id="p", sku="A", location="L", quantity=1),
        line("order.placed", "q", MONDAY + 9 * HOUR, order_id="q", sku="B", location="L", quantity=1),
        line("po.placed", "r", MONDAY + 9 * HOUR, po_id="P", sku="A", location="L", quantity=1, supplier="S"),
        line("shipment.substituted", "s", MONDAY + 9 * HOUR, order_id="q", sku="B", location="L", quantity=1,
             substitute_sku="A"),
    ])  # fmt: skip
    found, _ = learned(item("A", MONDAY + 5 * HOUR, successor="B"))
    before: Batch = stream.cut(0, len(stream))
    after = found.apply(before)
    own, successor = (tuple(map(int, row_key(sku, "L"))) for sku in "AB")
    assert [(int(r["row_hi"]), int(r["row_lo"])) for r in after.records] == [own, successor, successor]
    assert [int(r["flags"]) & SUPERSEDED for r in after.records] == [0, SUPERSEDED, 0]
    for name in ("line_hi", "line_lo", "id_hi", "id_lo", "party", "offset"):
        assert after.records[name].tolist() == before.records[name].tolist()
    (_, ordered), (_, substituted) = after.infrequent
    assert (ordered.event.sku, ordered.event.line, ordered.named) == ("B", "A", ("A", ""))
    assert (substituted.event.sku, substituted.event.substitute_sku, substituted.named) == ("B", "B", ("", "A"))
    assert found.apply(stream.cut(0, 0)).records.size == 0
    restored = Superseded(LATE)
    restored.load(found.dump())
    assert restored.apply(before).records.tobytes() == after.records.tobytes()
