"""The table of input types is correct: its unused fields are exactly those that no machine reads."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from sensing.codec.columns import KINDS
from sensing.codec.shard_split import shards_of
from sensing.contracts.input_types import INPUT_TYPES
from sensing.contracts.topic_registry import INPUTS
from sensing.contracts.topic_spec import event_type
from sensing.machine_settings import Settings
from sensing.supply import purchase_line
from tests.codec.blocks import decode_events
from tests.contracts.examples import EXAMPLES, REQUIRED, Event
from tests.machines.business import usual_stream
from tests.machines.streams import MONDAY, Line, Run, Stream, line

pytestmark = pytest.mark.compiled

STRUCTS = {event_type(struct): struct for structs in INPUTS.values() for struct in structs}
FREQUENT = {event_type(struct) for struct in KINDS}
ROW_EVENTS = [(topic, event) for topic, event in EXAMPLES if event["event_type"] in FREQUENT]

COMMON = {"event_time"}
"""Read by the codec, which hands it on beside the event."""
READ_RARELY = {
    "item.updated": {"currency"},  # where no order has a price
    "po.shipped": {"promised_date"},  # where the line is open and knows no later promise
    "decision.made": {"exception_version", "until", "value"},  # of an override, or of a later version
}
"""Fields that the machines of this test had no reason to read; tests of decisions and prices do."""
COPIED = {"location.updated": {"steward"}}
"""Fields that are copied into a record of which nothing reads them."""


def spies(read: dict[str, set[str]]) -> dict[type[msgspec.Struct], Any]:
    """A subclass of every type that notes which of its fields are read."""

    def spy(struct: type[msgspec.Struct]) -> Any:
        name, fields = event_type(struct), frozenset(struct.__struct_fields__)

        def added(self: Any, attribute: str) -> Any:
            if attribute in fields:
                read[name].add(attribute)
            return object.__getattribute__(self, attribute)

        namespace = {"__getattribute__": added, "__annotations__": {}}
        metaclass: Any = type(struct)
        return metaclass(f"Spy{struct.__name__}", (struct,), namespace, tag=name, kw_only=True)

    return {struct: spy(struct) for struct in STRUCTS.values()}


def examples() -> list[Line]:
    """The whole example of every type, after a day."""
    return [
        line(event["event_type"], f"x{number}", MONDAY + number, **{k: v for k, v in event.items() if k[:5] != "event"})
        for number, (_, event) in enumerate(EXAMPLES)
    ]


def test_unused_fields_are_those_that_nothing_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """For types that are decoded to structs: the listed unused fields are exactly those that no machine reads."""
    read: dict[str, set[str]] = defaultdict(set)
    spied = spies(read)
    kinds = {spied[struct]: kind for struct, kind in purchase_line._KINDS.items()}
    monkeypatch.setattr(purchase_line, "_KINDS", purchase_line._KINDS | kinds)
    for lines in (usual_stream().lines, examples()):
        stream, engine = Stream(lines), Run(Settings(shards=2))
        batch = stream.cut(0, len(stream))
        infrequent = []
        for at, item in batch.infrequent:
            values = {name: getattr(item.event, name) for name in item.event.__struct_fields__}
            infrequent.append((at, item._replace(event=spied[type(item.event)](**values))))
        engine.apply(batch._replace(infrequent=infrequent))

    for name in STRUCTS.keys() - FREQUENT:
        unread = set(STRUCTS[name].__struct_fields__) - read[name] - COMMON - READ_RARELY.get(name, set())
        assert unread | COPIED.get(name, set()) == set(INPUT_TYPES[name].unused), name


@pytest.mark.parametrize(("topic", "event"), ROW_EVENTS, ids=[event["event_type"] for _, event in ROW_EVENTS])
def test_unused_fields_do_not_reach_the_record(topic: str, event: Event) -> None:
    """For types that become records: the record is the same without an unused field."""
    event = event | ({"line_version": 9} if "line_version" in event else {})  # no default
    whole = decode_events(topic, event).records
    unread = set()
    for name in event.keys() - {"event_type"} - set(REQUIRED[event["event_type"]]):
        records = decode_events(topic, {key: value for key, value in event.items() if key != name}).records
        if np.array_equal(whole.view(np.uint8), records.view(np.uint8)):
            unread.add(name)

    # The hash of the customer is kept for counts of customers to come.
    unread |= {"customer"} & event.keys()
    assert unread == set(INPUT_TYPES[event["event_type"]].unused)


def test_nobody_reads_customers(root: Path) -> None:
    """When a machine does, the table changes."""
    files = [
        path
        for room in ("machines", "demand", "supply", "detection")
        for path in (root / "sensing" / room).rglob("*.py")
    ]
    assert len(files) > 40
    assert not [path for path in files if re.search(r"\bcustomer\b[^s ]", path.read_text())]


def test_every_type_has_its_row_and_its_taker() -> None:
    """All types, none twice; those that name a SKU go to its shard."""
    assert INPUT_TYPES.keys() == STRUCTS.keys()
    for _, event in EXAMPLES:
        row, name = INPUT_TYPES[event["event_type"]], event["event_type"]
        without = {"every shard": len(event), "shard of the SKU": 0}[row.routed_to]
        assert ("sku" in REQUIRED[name] or name in ("decision.made", "execution.confirmed")) == (without == 0)
        assert set(row.unused) <= set(STRUCTS[name].__struct_fields__)
        assert (row.effect == "nothing") == (name in NOTHING)
    assert shards_of(STRUCTS["supplier.disrupted"](event_id="a", event_time=1, supplier="S"), 4) == [0, 1, 2, 3]


NOTHING = {
    "order.allocated", "shipment.delayed", "shipment.backordered", "shipment.delivered", "customer.updated",
    "plan.published", "signal.observed",
}  # fmt: skip
"""Types that are accepted and change nothing; the list is to become empty."""
