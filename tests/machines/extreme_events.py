"""Generator of valid events with extreme values, for every input type; `test_extreme_events.py` calls it.

Types and limits of fields are read from the contracts, so a new type or field takes part without a change here. A
number is often at its limits, a date often at the ends of the calendar, a text often as long as it may be. Ids and
names come from small pools, so that events meet on the same rows, lines and records.
"""

from functools import cache
from random import Random
from typing import Any

import msgspec.inspect as mi

from sensing.contracts.common import ID_BYTES_MAX, LOCATION_BYTES_MAX, SKU_BYTES_MAX
from sensing.contracts.input_types import INPUT_TYPES
from sensing.contracts.topic_registry import INPUTS
from sensing.contracts.topic_spec import event_type
from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS
from tests.machines.streams import MONDAY, Line, line

DATES = (
    "0001-01-01", "0001-01-02", "1899-12-31", "1969-12-31", "1970-01-01", "2000-02-29", "2026-02-01", "2026-02-03",
    "2026-02-20", "2026-05-01", "2036-03-01", "2100-12-31", "9999-12-30", "9999-12-31",
)  # fmt: skip
NUMBERS = (-1e9, -1.0, -0.001, 0.0, 1e-12, 0.001, 0.0015, 0.5, 1.0, 2.0, 12.345, 1e3, 1e6, 1e9, 1e12)
WHOLE = (1, 2, 3, 10, 365, 2**31 - 2)
INSTANTS = (0, MONDAY, 253402300799999, "0001-01-01T00:00:00Z", "2026-03-01T00:00:00+14:00", "9999-12-31T23:59:59Z")
STEPS = (0, 1, MINUTE_MS, HOUR_MS, 12 * HOUR_MS, 12 * HOUR_MS, DAY_MS, DAY_MS, 2 * DAY_MS)
SILENCE_DAYS = (40, 40, 40, 40, 400, 1_000)
LONG_SKU = ("é☃" * SKU_BYTES_MAX)[: SKU_BYTES_MAX * 2 // 5]
"""A text near the limit in bytes, of characters of two and three bytes."""
TEXTS: dict[str, tuple[str, ...]] = {
    "sku": ("A", "A", "B", LONG_SKU),
    "location": ("L", "L", "M/:|#", "ß" * (LOCATION_BYTES_MAX // 2)),
    "order_id": ("1", "2", "3", "o" * ID_BYTES_MAX),
    "line": ("1", "2", "A"),
    "unit_of_measure": ("EA", "EA", "EA", "BOX", "µg"),
    "base_unit": ("EA", "EA", "EA", "µg"),
    "role": ("planner", "buyer", "finance", "data_steward", "king"),
    "field": ("safety_stock", "reorder_point", "order_up_to", "order_quantity", "lead_time_days", "colour"),
    "time_zone": ("UTC", "Pacific/Kiritimati", "America/St_Johns", "Mars/Phobos"),
    "currency": ("EUR", "JPY", "☃☃☃"),
    "calendar": ("c", "d"),
    "event_id": ("e",),
}
SAME = {"substitute_sku": "sku", "to_location": "location", "po_id": "order_id"}
OTHERS = ("x", "y", "\u202e\u0000'\";--", "漢字")
STRUCTS = {event_type(struct): struct for structs in INPUTS.values() for struct in structs}
OFTEN = ("order.placed", "order.placed", "order.changed", "shipment.shipped", "inventory.counted", "po.placed")
"""Types that keep rows alive between the others."""

assert STRUCTS.keys() == INPUT_TYPES.keys()


@cache
def _struct_fields(struct: Any) -> tuple[mi.Field, ...]:
    info = mi.type_info(struct)
    assert isinstance(info, mi.StructType)
    return info.fields


class Extremes:
    """Events from a seed, in order of time."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = MONDAY
        self.count = 0
        self.subjects: list[dict[str, Any]] = []
        """Subjects, ids and versions that were published, for decisions about them."""

    def lines(self, count: int) -> list[Line]:
        """The next events. Time steps are short; sometimes there is a long silence."""
        found = []
        for _ in range(count):
            self.now += self.random.choice(STEPS)
            if self.random.random() < 0.002:
                self.now += self.random.choice(SILENCE_DAYS) * DAY_MS
            kind = self.random.choice(OFTEN) if self.random.random() < 0.4 else self.random.choice(tuple(STRUCTS))
            found.append(self.event(kind))
        return found

    def event(self, kind: str) -> Line:
        """An event of a type; each optional field is left out half of the time."""
        self.count += 1
        fields = self._fields(STRUCTS[kind])
        reference = "decision" not in kind and STRUCTS[kind] in INPUTS["reference"]
        fields |= {"event_id": f"e{self.count if self.random.random() < 0.95 else self.count - 1}"}
        time: Any = self.random.choice((None, self.now, *INSTANTS)) if reference else self.now
        if kind in ("decision.made", "execution.confirmed") and self.subjects:
            fields |= self.random.choice(self.subjects)
        return line(kind, fields.pop("event_id"), time, **fields)

    def _fields(self, struct: Any) -> dict[str, Any]:
        names = ("event_id", "event_time")
        return {
            field.encode_name: self._value(field.type, field.encode_name)
            for field in _struct_fields(struct)
            if field.encode_name not in names and (field.required or self.random.random() < 0.5)
        }

    def _value(self, kind: mi.Type, name: str) -> Any:
        choice = self.random.choice
        match kind:
            case mi.Metadata(type=inner):
                return self._value(inner, name)
            case mi.UnionType(types=types):
                return self._value(choice([inner for inner in types if not isinstance(inner, mi.NoneType)]), name)
            case mi.FloatType() | mi.IntType():
                return self._number(kind)
            case mi.StrType(max_length=longest):
                return self._text(name, longest or ID_BYTES_MAX)
            case mi.BoolType():
                return choice((False, True))
            case mi.DateType():
                return choice(DATES)
            case mi.DateTimeType():
                return choice([instant for instant in INSTANTS if isinstance(instant, str)])
            case mi.LiteralType(values=values):
                return choice(values)
            case mi.ListType(item_type=inner):
                return [self._value(inner, name) for _ in range(choice((0, 1, 2, 40)))]
            case mi.DictType(value_type=inner):
                return {unit: self._value(inner, name) for unit in ("BOX", "µg") if self.random.random() < 0.7}
            case mi.StructType(cls=struct):
                return self._fields(struct)
            case _:
                raise NotImplementedError(kind)

    def _number(self, kind: mi.FloatType | mi.IntType) -> float:
        low = kind.ge if kind.ge is not None else kind.gt
        high = kind.le if kind.le is not None else kind.lt
        legal: list[float] = [
            value
            for value in (*(NUMBERS if isinstance(kind, mi.FloatType) else WHOLE), low, high)
            if value is not None and (low is None or value >= low) and (high is None or value <= high)
            and value not in (kind.gt, kind.lt)
        ]  # fmt: skip
        return self.random.choice(legal) if legal else 1

    def _text(self, name: str, longest: int) -> str:
        pool = TEXTS.get(SAME.get(name, name), OTHERS)
        return self.random.choice(pool)[:longest]
