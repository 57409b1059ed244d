"""Dead letters of machines: reason, field, required, got, and the event in a form that can be read again."""

import base64
from typing import Any

import numpy as np
import orjson
import pytest

from sensing.codec.decode import Block, decode
from sensing.machine_settings import DAY_MS, HOUR_MS, Settings
from sensing.supply.stock_ledger import on_hand
from tests.machines.streams import MONDAY, Line, Stream, line, run

pytestmark = pytest.mark.compiled

NOON = MONDAY + 12 * HOUR_MS
KEYS = {"sku": "A", "location": "L"}
REFUSED = {f"unknown_{kind}": "dead_letter" for kind in ("location", "supplier", "unit")}
MASTER = [
    line("policy.updated", "p", None, **REFUSED),
    line("item.updated", "i", None, sku="A", base_unit="EA", units={"CASE": 12, "BOX": 6, "µg": 1e-9}),
    line("location.updated", "l", None, location="L"),
    line("supplier.updated", "s", None, supplier="ACME"),
]
KNOWN_LOCATION = "a location that a location.updated record names"
KNOWN_SUPPLIER = "a supplier that a supplier.updated record names"
UNITS = "one of EA, BOX, CASE, µg"
PO = {**KEYS, "po_id": "P", "quantity": 5}

CASES: dict[str, tuple[Line, tuple[str, str, str, str]]] = {
    "order in an unknown unit": (
        line("order.placed", "x", NOON, quantity=2, unit_of_measure="PALLET", order_id="o", **KEYS),
        ("unknown_unit", "unit_of_measure", UNITS, "'PALLET'"),
    ),
    "count in an unknown unit": (
        line("inventory.counted", "x", NOON, quantity=0, unit_of_measure="PALLET", **KEYS),
        ("unknown_unit", "unit_of_measure", UNITS, "'PALLET'"),
    ),
    "purchase in an unknown unit": (
        line("po.placed", "x", NOON, unit_of_measure="PALLET", supplier="ACME", **PO),
        ("unknown_unit", "unit_of_measure", UNITS, "'PALLET'"),
    ),
    "transfer in an unknown unit": (
        line("shipment.transferred", "x", NOON, to_location="L", quantity=1, unit_of_measure="PALLET", **KEYS),
        ("unknown_unit", "unit_of_measure", UNITS, "'PALLET'"),
    ),
    "order of more than a billion base units": (
        line("order.placed", "x", NOON, quantity=1e9, unit_of_measure="CASE", order_id="o", **KEYS),
        ("out_of_range", "quantity", "at most 1000000000 in the base unit", "'1000000000 CASE'"),
    ),
    "purchase of more than a billion base units": (
        line("po.placed", "x", NOON, unit_of_measure="BOX", supplier="ACME", **(PO | {"quantity": 2e8})),
        ("out_of_range", "quantity", "at most 1000000000 in the base unit", "'200000000 BOX'"),
    ),
    "price beyond the limit per base unit": (
        line("order.placed", "x", NOON, quantity=2, unit_of_measure="µg", unit_price=5000, currency="EUR", **KEYS),
        ("out_of_range", "unit_price", "at most 1000000000000 per base unit", "'5000 per µg'"),
    ),
    "transfer to an unknown location": (
        line("shipment.transferred", "x", NOON, to_location="M", quantity=1, **KEYS),
        ("unknown_location", "to_location", KNOWN_LOCATION, "'M'"),
    ),
    "purchase at an unknown location": (
        line("po.placed", "x", NOON, **(PO | {"location": "M"})),
        ("unknown_location", "location", KNOWN_LOCATION, "'M'"),
    ),
    "purchase from an unknown supplier": (
        line("po.placed", "x", NOON, supplier="EVIL", **PO),
        ("unknown_supplier", "supplier", KNOWN_SUPPLIER, "'EVIL'"),
    ),
    "disruption of an unknown supplier": (
        line("supplier.disrupted", "x", NOON, supplier="EVIL", delay_days=3),
        ("unknown_supplier", "supplier", KNOWN_SUPPLIER, "'EVIL'"),
    ),
}
FREQUENT = {
    "order.placed": {"order_id": "o", "line": "7", "quantity": 1.25, "unit_price": 3.5, "currency": "EUR",
                     "requested_date": "2026-03-01"},
    "order.changed": {"order_id": "o", "line_version": 4, "quantity": 0},
    "order.cancelled": {"order_id": "o"},
    "order.returned": {"order_id": "o", "quantity": 3},
    "order.lost": {"quantity": 0.001},
    "shipment.shipped": {"order_id": "o", "line": "7", "quantity": 123456.789},
    "inventory.counted": {"quantity": 0},
    "inventory.adjusted": {"quantity": -2.5},
}  # fmt: skip
for kind, fields in FREQUENT.items():
    CASES[f"{kind} at an unknown location"] = (
        line(kind, "x", NOON + 123, sku="A", location="M", **fields),  # type: ignore[arg-type]  # fields differ by kind
        ("unknown_location", "location", KNOWN_LOCATION, "'M'"),
    )


def letters(lines: list[Line], **options: Any) -> list[dict[str, Any]]:
    """Dead letters of one shard."""
    return run(Stream(lines, end=MONDAY + DAY_MS), Settings(shards=1, **options)).data("dead-letters")


def same_event(value: bytes, original: Line) -> None:
    """Both decode to the same struct or record."""
    decoded = [decode(original.topic, 0, Block.of([value], np.zeros(1, np.int64))) for value in (value, original.value)]
    assert not decoded[0].rejects
    if decoded[1].infrequent:
        assert decoded[0].infrequent == decoded[1].infrequent
    else:
        assert np.array_equal(decoded[0].records.view(np.uint8), decoded[1].records.view(np.uint8))


@pytest.mark.parametrize("name", CASES)
def test_a_refused_event_is_told_and_can_be_read_again(name: str) -> None:
    """One dead letter with exact words; not original, but the value decodes to the same event; it counts once."""
    event, (reason, field, required, got) = CASES[name]
    (letter,) = letters([*MASTER, event])
    value = letter.pop("value_base64")
    assert letter == {
        "topic": event.topic, "partition": 0, "offset": 0, "reason": reason, "field": field, "required": required,
        "got": got, "headers": {}, "original": False, "key_base64": None,
    }  # fmt: skip
    same_event(base64.b64decode(value), event)


def test_master_data_make_a_refused_event_welcome() -> None:
    """A dead letter that is sent again once master data have arrived is taken: refusing it left no trace."""
    event = CASES["order in an unknown unit"][0]
    unit = line("item.updated", "i2", NOON + HOUR_MS, sku="A", base_unit="EA", units={"PALLET": 480})
    (letter,) = letters([*MASTER, unit, event])
    later = line("order.placed", "y", NOON + 2 * HOUR_MS, quantity=1, **KEYS)
    again = Line("orders", base64.b64decode(letter["value_base64"]))
    found = run(Stream([*MASTER, unit, event, later, again], end=MONDAY + DAY_MS), Settings(shards=1))
    assert len(found.data("dead-letters")) == 1
    assert int(found.shards[0].state.rows.hot["day_quantity"][0].sum()) == 961_000


def test_a_full_table_refuses_new_rows_and_serves_the_old_ones() -> None:
    """Beyond ``rows_max`` events of new SKU-locations are dead letters, whatever their kind, and nothing else is."""
    new = [
        line("order.placed", "o2", NOON + 1, sku="B", location="L", quantity=1),
        line("po.placed", "p2", NOON + 2, sku="B", location="L", po_id="P", quantity=1),
        line("inventory.counted", "c2", NOON + 3, sku="C", location="L", quantity=1),
    ]
    old = [line("order.placed", f"o{number}", NOON + number, quantity=1, **KEYS) for number in (0, 4)]
    found = letters([old[0], *new, old[1]], rows_max=1)
    assert [(letter["reason"], letter["field"], letter["required"], letter["got"]) for letter in found] == [
        ("table_full", "sku", "at most 1 SKU-locations in a shard", repr(sku)) for sku in ("B", "B", "C")
    ]
    assert {letter["original"] for letter in found} == {False}
    for letter, event in zip(found, new, strict=True):
        same_event(base64.b64decode(letter["value_base64"]), event)


def test_a_full_table_refuses_transfers_whole() -> None:
    """A transfer to a row for which there is no place moves nothing at either end."""
    lines = [
        line("inventory.counted", "c", NOON, quantity=10, **KEYS),
        line("shipment.transferred", "t", NOON + 1, to_location="M", quantity=4, **KEYS),
    ]
    found = run(Stream(lines, end=MONDAY + DAY_MS), Settings(shards=1, rows_max=1))
    (letter,) = found.data("dead-letters")
    assert (letter["reason"], letter["got"]) == ("table_full", "'A'")
    assert on_hand(found.shards[0].state.supply.supply, 0) == 10_000


def test_what_was_refused_may_be_refused_again() -> None:
    """A repeat of a refused event is a dead letter again, no duplicate of anything that was taken."""
    wrong = [
        line("po.placed", "p1", NOON, **PO),
        line("po.confirmed", "p2", NOON + 1, sku="A", location="M", po_id="P", promised_date="2026-02-09"),
        CASES["purchase in an unknown unit"][0],
    ]
    found = run(Stream([*MASTER[:2], *wrong, *wrong], end=MONDAY + DAY_MS), Settings(shards=1))
    assert [letter["reason"] for letter in found.data("dead-letters")] == ["line_changed_item", "unknown_unit"] * 2
    books = next(data for data in found.data("audit") if data.get("topic") == "suppliers")
    assert (books["absorbed"] + books["absorbed_late"], books["duplicate"], books["dead_letter"]) == (1, 1, 4)


def test_a_purchase_line_never_changes_its_item() -> None:
    """An event that names another location for a known line is refused; the line stays as it was."""
    first = line("po.placed", "p1", NOON, **PO)
    other = line("po.confirmed", "p2", NOON + 1, sku="A", location="M", po_id="P", promised_date="2026-02-09")
    (letter,) = letters([first, other])
    assert (letter["reason"], letter["field"], letter["required"], letter["got"]) == (
        "line_changed_item", "location", "the line's sku and location", "'M'",
    )  # fmt: skip
    same_event(base64.b64decode(letter["value_base64"]), other)


def test_a_location_in_no_time_zone_is_refused() -> None:
    """A location record with an unknown time zone is a dead letter; the location keeps what it had."""
    bad = line("location.updated", "l2", None, location="L", time_zone="Mars/Phobos")
    (letter,) = letters([bad, line("order.placed", "o", NOON, quantity=1, **KEYS)])
    assert (letter["reason"], letter["field"], letter["required"], letter["got"]) == (
        "out_of_range", "time_zone", "an IANA time zone", "'Mars/Phobos'",
    )  # fmt: skip
    same_event(base64.b64decode(letter["value_base64"]), bad)


def test_what_concerns_every_shard_is_refused_once() -> None:
    """A disruption or a location goes to all shards; one of them says what is wrong with it."""
    lines = [*MASTER, CASES["disruption of an unknown supplier"][0]]
    lines.append(line("location.updated", "l2", None, location="X", time_zone="Mars/Phobos"))
    found = run(Stream(lines, end=MONDAY + DAY_MS), Settings(shards=5))
    assert sorted(letter["reason"] for letter in found.data("dead-letters")) == ["out_of_range", "unknown_supplier"]


def test_dead_letters_carry_their_reason() -> None:
    """Subscribers can filter by the reason without parsing; the subject is the topic."""
    found = run(Stream([*MASTER, CASES["order in an unknown unit"][0]], end=MONDAY + DAY_MS), Settings(shards=1))
    (record,) = [record for record in found.outputs[0] if record.topic == "dead-letters"]
    assert (record.type, record.id, record.subject, record.attributes) == (
        "dead.letter", "orders/0/0", "orders", {"reason": "unknown_unit"},
    )  # fmt: skip
    assert record.time == NOON
    assert orjson.loads(record.data)["value_base64"]
