"""The scanner's tables agree with the contracts."""

from typing import Annotated, Any

import msgspec
import numpy as np
import pytest
from msgspec import Meta

from sensing.codec import scan_table
from sensing.codec.columns import KINDS
from sensing.codec.contract_fields import fields_of
from sensing.codec.event_record import TOPICS
from sensing.codec.scan import name, slot
from sensing.codec.scan_table import BITS, MULTIPLIERS_MAX, SCANNED, Rule, name_words, slot_of, table_of
from sensing.contracts.common import VERSION_MAX
from sensing.contracts.orders import OrderLost, OrderPlaced
from sensing.contracts.topic_registry import INPUTS
from tests.codec.test_swar import memory


def test_topics_without_frequent_kinds_have_no_table() -> None:
    """The others have one, with all their kinds that the scanner takes."""
    for topic in TOPICS:
        table, frequent = table_of(topic), [KINDS[struct] for struct in INPUTS[topic] if struct in SCANNED]
        assert (table is None) == (not frequent)
        assert table is None or table.kinds["kind"].tolist() == frequent


@pytest.mark.parametrize("topic", ["orders", "shipments", "inventory"])
def test_every_field_has_a_slot_and_a_bit(topic: str) -> None:
    """All names of all kinds are at their slots, by the kernel as by plain integers, each with a bit of its own.

    Only of a rare field of returns is the scanner unsure.
    """
    table = table_of(topic)
    assert table is not None
    names = {"event_type"} | {
        field.name for struct in INPUTS[topic] if struct in SCANNED for field in fields_of(struct)
    }
    bits = set()
    for each in names:
        low, high = name_words(each)
        at = slot(low, high, table.multiplier)
        assert at == slot_of(low, high, table.multiplier)
        assert (table.fields[at]["low"], table.fields[at]["high"]) == (low, high)
        assert (table.fields[at]["rule"] == Rule.UNSURE) == (each == "restocked")
        bits.add(int(table.fields[at]["bit"]))
    assert len(bits) == len(names) == np.count_nonzero(table.fields["bit"])


def test_names_are_read_whole() -> None:
    """A name is its bytes up to 15, and no field's beyond; the value begins behind the colon."""
    for text in (b"", b"sku", b"location", b"event_id", b"unit_of_measure", b"x" * 15, b"x" * 16, b"x" * 17):
        for blanks in (b"", b" ", b" \n "):
            line = b'"' + text + b'"' + blanks + b":" + blanks + b'"value"}'
            at, low, high = name(memory(line), 0, len(line))
            assert at == line.index(b'"value')
            assert (low, high) == name_words(text.decode()) if len(text) <= 15 else low == 2**64 - 1
    for line in (b"sku:1       ", b'"sku"1      ', b'"sku\\u0041":1', b'"sku', b'"a name that never ends'):
        assert name(memory(line.ljust(8)), 0, len(line.ljust(8)))[0] == -1


def of_line(name: str, annotation: Any, default: Any = None) -> type[msgspec.Struct]:
    """A struct as ``OrderPlaced``, with a field changed or added."""
    fields = [(name, annotation, default)] if default is not ... else [(name, annotation)]
    return msgspec.defstruct("Changed", fields, bases=(OrderPlaced,), kw_only=True, tag="order.placed")


def patched(monkeypatch: pytest.MonkeyPatch, *structs: type[msgspec.Struct]) -> None:
    """Let the topic orders have these types, all of them frequent."""
    monkeypatch.setattr(scan_table, "INPUTS", {"orders": structs})
    monkeypatch.setattr(scan_table, "SCANNED", structs)
    monkeypatch.setattr(scan_table, "KINDS", dict.fromkeys(structs, KINDS[OrderPlaced]))


@pytest.mark.parametrize(
    ("annotation", "rule"),
    [
        (str | None, Rule.CHECKED),
        (Annotated[str, Meta(pattern="^[A-Z]+$")] | None, Rule.UNSURE),
        (int | None, Rule.UNSURE),
        (list[str] | None, Rule.UNSURE),
    ],
)
def test_a_contract_may_grow(monkeypatch: pytest.MonkeyPatch, annotation: Any, rule: Rule) -> None:
    """New texts are checked by their limits; of any other new field the scanner is unsure."""
    patched(monkeypatch, of_line("new_field", annotation))
    table = table_of("orders")
    assert table is not None
    entry = table.fields[slot_of(*name_words("new_field"), table.multiplier)]
    assert entry["rule"] == rule


def test_a_limit_that_the_scanner_does_not_know_makes_it_unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Multiples and lower-than are left to the careful way, of quantities as well."""
    patched(monkeypatch, of_line("unit_price", Annotated[float, Meta(multiple_of=0.01)] | None))
    table = table_of("orders")
    assert table is not None
    assert table.fields[slot_of(*name_words("unit_price"), table.multiplier)]["rule"] == Rule.UNSURE


def test_what_no_table_can_say_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A type, a name or a disagreement that the scanner cannot follow stops the start, naming it and the remedy."""
    patched(monkeypatch, of_line("unit_price", str | None))
    with pytest.raises(
        TypeError, match=r"scanner: required unit_price of type FloatType, got StrType.*change its rule"
    ):
        table_of("orders")
    patched(monkeypatch, of_line("unit_price", Annotated[float, Meta(ge=0.5, le=9)] | None))
    with pytest.raises(TypeError, match=r"scanner: required whole limits >= and <= of a number, got Float.*its own"):
        table_of("orders")
    patched(monkeypatch, of_line("customer", Annotated[str, Meta(max_length=20)] | None), OrderLost)
    with pytest.raises(
        TypeError, match="required one type of customer for all frequent kinds of a topic, got 2; split"
    ):
        table_of("orders")
    patched(monkeypatch, of_line("a_name_of_16_byt", str | None))
    with pytest.raises(TypeError, match="required names of at most 15 bytes, got 'a_name_of_16_byt'; give its table"):
        table_of("orders")
    patched(monkeypatch, OrderPlaced)
    monkeypatch.setattr(scan_table, "slot_of", lambda low, high, multiplier: 0)
    with pytest.raises(
        TypeError, match=f"required slots for .* names, got none in {MULTIPLIERS_MAX} tries; raise SLOTS"
    ):
        table_of("orders")


def test_limits_are_those_of_the_types() -> None:
    """Some by hand: the version, the price, a text of a column and one that is only checked."""
    table = table_of("orders")
    assert table is not None
    limits = {
        each: tuple(table.fields[slot_of(*name_words(each), table.multiplier)][["least", "most"]])
        for each in ("line_version", "unit_price", "quantity_open", "location", "reason", "currency")
    }
    assert limits == {
        "line_version": (1, VERSION_MAX), "unit_price": (0, 10**12), "quantity_open": (0, 10**9),
        "location": (1, 40), "reason": (0, 256), "currency": (3, 3),
    }  # fmt: skip
    placed, changed, cancelled, closed, returned = table.kinds[:5]
    assert (placed["above"], placed["least"], placed["most"]) == (0.0005, -np.inf, 1e9)
    assert (changed["above"], changed["least"], changed["most"]) == (-np.inf, 0.0, 1e9)
    versions = [kind["version"] for kind in (placed, cancelled, closed, returned)]
    assert versions == [1, 2**31 - 1, 2**31 - 1, 0]
    foreign = [{each for each in BITS if int(kind["foreign"]) & int(BITS[each])} for kind in table.kinds]
    assert foreign[:2] == [set(), set()]
    assert foreign[2:] == [{"quantity_open"}] * 2 + [{"quantity_open", "line_version"}] * 2
