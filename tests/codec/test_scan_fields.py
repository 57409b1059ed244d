"""Rules of the scanner for the values of fields, one by one."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensing.codec.event_record import EVENT, NO_DAY, PROMOTED
from sensing.codec.keys import SPANS
from sensing.codec.scan_fields import code_of, date_of, finish, integer_of, kind_of, null_end, quantity_of, value
from sensing.codec.scan_table import BITS, name_words, slot_of, table_of
from sensing.codec.text_table import HEAD, EventTexts
from tests.codec.test_numbers import hash_by_hand
from tests.codec.test_plain_json import padded

TABLE = table_of("orders")
assert TABLE is not None


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 14))
def test_quantities_are_rounded_as_decimals(digits: int, places: int) -> None:
    """Thousandths of any decimal of up to 15 digits, half to even; and the double that a reader makes of it."""
    text = str(Decimal(digits).scaleb(-places))
    if "E" in text or len(text.strip("-").replace(".", "")) > 15:
        return
    stop, found, real = quantity_of(*padded(text.encode()))
    thousandths = (Decimal(text) * 1000).to_integral_value(ROUND_HALF_EVEN)
    assert (stop, found, real) == (len(text), int(thousandths), float(text))


@pytest.mark.parametrize(("text", "expected"), [("0.0005", 0), ("0.0015", 2), ("-0.0025", -2), ("2.00050", 2000)])
def test_halves(text: str, expected: int) -> None:
    """Halves go to the even neighbour."""
    assert quantity_of(*padded(text.encode()))[1] == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("7", 7), ("10", 10), ("11", None), ("1.0", None), ("-1", None), ("007", None), ("x", None)]
)
def test_whole_numbers_are_written_as_such(text: str, expected: int | None) -> None:
    """A whole number has no decimal point and lies within its limits."""
    found = integer_of(*padded(text.encode()), 0, 10)
    assert found == ((-1, 0) if expected is None else (len(text), expected))


def test_null_and_dates() -> None:
    """Null is null and nothing else; a date stands in quotes."""
    assert [null_end(*padded(text)) for text in (b"null", b"nul1", b'"null')] == [4, -1, -1]
    assert date_of(*padded(b'"1970-01-02"')) == (12, 1)
    assert [date_of(*padded(text))[0] for text in (b"1970-01-02", b'"1970-1-02"')] == [-1, -1]


@pytest.mark.parametrize(
    "tag", [*(b"order.placed order.lost order.cancelled".split()), b"order.plac", b"order.placed2"]
)
def test_kinds(tag: bytes) -> None:
    """An event type is one of the kinds by all of its bytes."""
    assert TABLE is not None
    names = [b"".join(int(word).to_bytes(8, "little") for word in kind["tag"]).rstrip(b"\0") for kind in TABLE.kinds]
    text = b'"' + tag + b'"'
    expected = (len(text), names.index(tag)) if tag in names else (-1, -1)
    assert kind_of(*padded(text), TABLE.kinds) == expected
    assert kind_of(*padded(tag), TABLE.kinds) == (-1, -1)
    assert kind_of(*padded(b'"' + tag + b"x" * 60 + b'"'), TABLE.kinds) == (-1, -1)


def put(name: str, text: bytes) -> tuple[int, Any, list[int]]:
    """End of a value of a field, and the record and the spans it was put into."""
    assert TABLE is not None
    record = np.zeros(1, EVENT)
    row = record.view(np.uint64)
    field = TABLE.fields[slot_of(*name_words(name), TABLE.multiplier)]
    spans = np.zeros(SPANS, np.int64)
    stop = value(*padded(text), field, row, row.view(np.int64), row.view(np.float64), spans)
    return stop, record[0], spans.tolist()


@pytest.mark.parametrize(
    ("name", "text", "column", "expected"),
    [
        ("event_time", b'"1991-01-01T00:00:00.5Z"', "time", 662_688_000_500),
        ("event_time", b"253402300799999", "time", 253402300799999),
        ("unit_of_measure", b'"CASE"', "unit", b"CASE"),
        ("unit_of_measure", b'"EIGHTBYT"', "unit", b"EIGHTBYT"),
        ("currency", b'"EUR"', "currency", b"EUR"),
        ("promotion", b'"P"', "flags", PROMOTED),
        ("quantity_open", b"12.3456", "quantity_open", 12_346),
        ("quantity_open", b"0", "quantity_open", 0),
        ("unit_price", b"12.34", "price", 12.34),
        ("unit_price", b"-0.0", "price", 0.0),
        ("channel", b'"web"', "unit", b""),
        ("event_time", b"253402300800000", None, None),
        ("event_time", b"0", None, None),
        ("event_time", b"1.0", None, None),
        ("event_time", b'"yesterday"', None, None),
        ("unit_of_measure", b'"NINEBYTES"', None, None),
        ("sku", b'"' + b"x" * 65 + b'"', None, None),
        ("sku", b'""', None, None),
        ("sku", b"17", None, None),
        ("currency", b'"EU"', None, None),
        ("currency", b'"EURO"', None, None),
        ("customer", b'"' + b"x" * 129 + b'"', None, None),
        ("promotion", b'""', None, None),
        ("unit_price", b"-0.01", None, None),
        ("quantity_open", b"-0.001", None, None),
        ("quantity_open", b"1000000001", None, None),
        ("quantity_open", b'"1"', None, None),
        ("unit_price", b"1000000000001", None, None),
        ("unit_price", b'"1"', None, None),
    ],
)
def test_values(name: str, text: bytes, column: str | None, expected: Any) -> None:
    """What a field may hold is put where it belongs; of what it may not hold, the scanner is not sure."""
    stop, record, spans = put(name, text)
    assert not any(spans)
    if column is None:
        assert stop == -1
        return
    assert (stop, record[column].item()) == (len(text), expected)
    assert not np.signbit(record["price"])


@pytest.mark.parametrize("text", [b"", b"a", b"EUR", b"EIGHTBYT"])
def test_short_texts_are_codes(text: bytes) -> None:
    """A text of up to eight bytes is a word, whatever follows it."""
    data, at, end = padded(text)
    assert int(code_of(data, at, end, len(text))) == int.from_bytes(text, "little")


@pytest.mark.parametrize("at", range(HEAD))
def test_texts_are_found_again(at: int) -> None:
    """Of a text of the record's entry it is kept where it is, at the place of its field."""
    name, size = EventTexts._fields[at], 1 + 9 * at
    stop, record, spans = put(name, b'"' + b"x" * size + b'"')
    expected = [0] * SPANS
    expected[2 * at : 2 * at + 2] = 1, size
    assert (stop, spans) == (size + 2, expected)
    if name == "customer":  # it is hashed as well
        assert record["party"] == hash_by_hand("x" * size)
        record["party"] = 0
    assert record.tobytes() == bytes(len(record.tobytes()))


ALL = sum(int(bit) for bit in BITS.values())


@pytest.mark.parametrize(
    ("kind", "missing", "quantity", "version", "expected"),
    [
        (0, (), 1.0, 7, (1000, 7)),
        (0, ("line", "line_version"), 1.0, 0, (1000, 1)),
        (0, ("order_id",), 1.0, 7, (1000, 1)),
        (0, (), 0.0005, 7, None),
        (0, ("quantity",), 0.0, 7, None),
        (0, ("sku",), 1.0, 7, None),
        (1, (), 0.0, 7, (0, 7)),
        (1, ("line_version",), 1.0, 0, None),
        (2, ("line_version", "quantity"), 0.0, 0, (0, 2**31 - 1)),
        (2, (), 1e9 + 1, 7, None),
        (3, ("line_version", "quantity"), 0.0, 0, (0, 2**31 - 1)),
        (3, (), 1.0, 7, (1000, 7)),
        (4, (), 1.0, 0, (1000, 1)),
    ],
)
def test_what_depends_on_the_kind(
    kind: int, missing: tuple[str, ...], quantity: float, version: int, expected: tuple[int, int] | None
) -> None:
    """Required and foreign fields, limits of the quantity and versions are those of the kind."""
    assert TABLE is not None
    record = np.zeros(1, EVENT)
    of_kind = TABLE.kinds[kind]
    given = np.uint64(ALL - int(of_kind["foreign"]) - sum(int(BITS[name]) for name in missing))
    sure = finish(of_kind, given, round(quantity * 1000), quantity, version, NO_DAY, record.view(np.int64))
    for name in (name for name in BITS if BITS[name] & of_kind["foreign"]):
        assert not finish(of_kind, given | BITS[name], 1000, 1.0, 1, NO_DAY, np.zeros(1, EVENT).view(np.int64))
    assert sure == (expected is not None)
    if expected is not None:
        assert (record["quantity"][0], record["version"][0]) == expected
        assert (record["kind"][0], record["requested_day"][0]) == (of_kind["kind"], NO_DAY)
