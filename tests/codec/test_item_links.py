"""Item links: editions by event time, against a list of all records; dumps; and the kernels that find records."""

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.aliases import mark_entries_at, mark_items
from sensing.codec.event_record import InfrequentEvent, Kind, Topic
from sensing.codec.hash_set import HashSet, hash_position, put_hash
from sensing.codec.identifiers import text_hashes
from sensing.codec.item_links import DEPTH_MAX, EDITIONS_MAX, PARTS_OF_KIT_MAX, ItemLinks, Part, item_hash
from sensing.codec.kit_parts import find_kits
from sensing.codec.rekey import rekey
from sensing.codec.swar import WORD
from sensing.codec.text_table import EventTexts
from sensing.contracts.reference import ItemUpdated, LocationUpdated
from tests.machines.made_tables import events

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
TIMES = st.one_of(st.none(), st.integers(0, 9))
RECORDS = st.lists(st.tuples(TIMES, st.sampled_from(("X", "Y")), st.sets(st.sampled_from(("p", "q")))), max_size=8)


def message(event: ItemUpdated | LocationUpdated, time: int | None) -> InfrequentEvent:
    """A reference record that takes effect at a time, ms."""
    return InfrequentEvent(event, time or 0, 0, Topic.REFERENCE, 0, 0)


def item(
    sku: str, time: int | None = None, parts: dict[str, float] | None = None, aliases: tuple[str, ...] = ()
) -> InfrequentEvent:
    """A record of an item."""
    when = None if time is None else EPOCH + dt.timedelta(milliseconds=time)
    return message(ItemUpdated(event_id="i", event_time=when, sku=sku, parts=parts or {}, aliases=list(aliases)), time)


def learned(*messages: InfrequentEvent) -> ItemLinks:
    """Links of some records."""
    links = ItemLinks()
    for each in messages:
        links.learn(each)
    return links


@given(RECORDS)
def test_the_newest_record_in_effect_says_the_parts(records: list[tuple[int | None, str, set[str]]]) -> None:
    """Of equal times the one that came last; before the first one an item is no kit. A dump says the same."""
    ordered = sorted(records, key=lambda record: -1 if record[0] is None else record[0])
    links = learned(*(item(sku, time, dict.fromkeys(sorted(parts), 2.0)) for time, sku, parts in ordered))
    again = ItemLinks()
    again.load(links.dump())
    for sku in ("X", "Y"):
        for now in range(10):
            known = [parts for time, name, parts in ordered if name == sku and (time is None or time <= now)]
            expected = dict.fromkeys(known[-1], 2.0) if known else {}
            for each in (links, again):
                assert {part.sku: part.quantity for part in each.parts(sku, now)} == expected
                assert each.is_kit(sku, now) == bool(expected)
    assert again.dump() == links.dump()


def test_a_record_that_arrives_late_takes_its_place() -> None:
    """The order of arrival does not matter for different times."""
    links = learned(item("X", 5, {"a": 1}), item("X", 2, {"b": 1}))
    assert [[part.sku for part in links.parts("X", now)] for now in (1, 2, 4, 5)] == [[], ["b"], ["b"], ["a"]]


def test_former_parts_are_those_that_a_kit_had_before() -> None:
    """Of all records in effect, without those that the kit still has."""
    links = learned(item("K", 10, {"A": 1, "B": 2}), item("K", 20, {"C": 1}), item("K", 30, {"A": 3}))
    for time, former in ((10, set()), (20, {"A", "B"}), (30, {"B", "C"})):
        assert {part.sku for part in links.former_parts("K", time)} == former
        assert all(part.quantity == 0 for part in links.former_parts("K", time))
    assert links.former_parts("A", 30) == ()


def test_the_oldest_record_kept_holds_from_the_beginning() -> None:
    """The bound on records of an item."""
    links = learned(*(item("X", number, {f"p{number}": 1}) for number in range(EDITIONS_MAX + 3)))
    assert [part.sku for part in links.parts("X", 0)] == ["p3"]
    assert [part.sku for part in links.parts("X", EDITIONS_MAX + 2)] == [f"p{EDITIONS_MAX + 2}"]


def test_kits_of_kits_are_bounded() -> None:
    """In depth and in the number of parts; a kit that contains itself ends; aliases of parts are resolved."""
    chain = learned(*(item(f"k{level}", None, {f"k{level + 1}": 2}) for level in range(DEPTH_MAX + 4)))
    found = chain.parts("k0", 0)
    assert [part.sku for part in found] == [f"k{level}" for level in range(1, DEPTH_MAX + 1)]
    assert found[2] == Part("k3", 8.0, is_kit=True)
    wide = learned(item("top", None, {f"t{n}": 1.0 for n in range(20)}),
                   *(item(f"t{n}", None, {f"t{n}-{m}": 1.0 for m in range(60)}) for n in range(20)))  # fmt: skip
    assert len(wide.parts("top", 0)) == PARTS_OF_KIT_MAX
    loop = learned(
        item("X", None, {"Y": 2, "P-1": 1}), item("Y", None, {"X": 3, "p": 1}), item("p", None, aliases=("P-1",))
    )
    assert {part.sku: part.quantity for part in loop.parts("X", 0)} == {"Y": 2.0, "p": 3.0}


def test_aliases_of_items_and_locations() -> None:
    """From their event time on, until a record of the same item no longer names them; own ids are no aliases."""
    place = LocationUpdated(event_id="l", location="LON", aliases=["LON", "WH7"])
    links = learned(
        item("PUMP", 3, aliases=("47", "PUMP")), item("PUMP", 6, aliases=("48",)), message(place, None),
        item("HOSE", 5, aliases=("47",)),
    )  # fmt: skip
    again = ItemLinks()
    again.load(links.dump())
    for each in (links, again):
        assert [each.item("47", now) for now in (2, 3, 5, 6, 9)] == ["47", "PUMP", "HOSE", "HOSE", "HOSE"]
        assert [each.item("48", now) for now in (5, 6)] == ["48", "PUMP"]
        assert (each.location("WH7", 0), each.location("LON", 0), each.item("WH7", 0)) == ("LON", "LON", "WH7")
        each.learn(item("PUMP", 8))
        assert [each.item("48", now) for now in (7, 8)] == ["PUMP", "48"]


def test_records_are_found_by_their_hashes() -> None:
    """Kits by all but counts and adjustments; items by all kinds; locations by text entries."""
    given = [
        {"sku": sku, "location": location, "kind": kind, "event_id": f"{sku}{location}{kind}"}
        for sku in ("A", "B") for location in ("L", "MM") for kind in Kind
    ]  # fmt: skip
    records = events(*given)
    items, places = HashSet(), HashSet()
    items.add(item_hash("B"))
    places.add(int(text_hashes(["MM"])[0]))
    wanted = set(Kind) - {Kind.COUNTED, Kind.ADJUSTED}
    at = np.empty(len(records), np.int64)
    assert at[: find_kits(records, items.table, at)].tolist() == [
        k for k, fields in enumerate(given) if fields["sku"] == "B" and fields["kind"] in wanted
    ]
    flags = np.zeros(len(records), np.bool_)
    mark_items(records, items.table, flags)
    assert flags.tolist() == [fields["sku"] == "B" for fields in given]
    texts = [EventTexts(str(fields["sku"]), str(fields["location"]), "", "", f"e{k}") for k, fields in enumerate(given)]
    records["offset"] = np.arange(len(records))
    records["topic"] = Topic.ORDERS
    (table,) = rekey(records, texts)
    found = np.zeros(len(records), np.bool_)
    data = np.concatenate((table.data, np.zeros(WORD, np.uint8)))
    mark_entries_at(data, table.starts.astype(np.int64), places.table, found)
    assert found.tolist() == [fields["location"] == "MM" for fields in given]
    assert [table.entry(k) for k in range(len(texts))] == texts


@given(st.lists(st.integers(1, 2**64 - 1), max_size=300), st.integers(0, 300))
def test_a_hash_set_is_a_set(values: list[int], limit: int) -> None:
    """Adding says whether a value is new; at the limit nothing is added."""
    found, expected = HashSet(limit), set[int]()
    for value in values:
        assert found.add(value) == (value not in expected)
        if len(expected) < limit:
            expected.add(value)
    assert found.count == len(expected)
    for value in values:
        there = found.table[hash_position(found.table, np.uint64(value))] == value
        assert there == (value in expected)
        if there:
            assert not put_hash(found.table, np.uint64(value))


def test_without_records_names_stay() -> None:
    """Nothing is an alias or a kit."""
    empty = ItemLinks()
    assert (empty.item("A", 0), empty.location("L", 0), empty.parts("A", 0)) == ("A", "L", ())
