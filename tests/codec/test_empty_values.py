"""Nulls and empty texts mean what absence means, with and without the scanner."""

from typing import Any

import numpy as np
import orjson
import pytest
from msgspec import inspect

from sensing.codec.contract_fields import fields_of
from sensing.codec.message_block import Block
from sensing.codec.scan_table import SCANNED
from sensing.contracts.topic_registry import INPUTS
from sensing.contracts.topic_spec import event_type
from tests.codec.blocks import decode_lines, texts_of
from tests.codec.careful import carefully, plain_count
from tests.contracts.examples import EXAMPLES, example

TOPICS = {event["event_type"]: topic for topic, event in EXAMPLES}
OPTIONAL = [
    (event_type(struct), field)
    for structs in INPUTS.values()
    for struct in structs
    for field in fields_of(struct)
    if not field.required
]


def decoded(topic: str, event: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What an event becomes, in both ways."""
    line = orjson.dumps(event)
    both = (decode_lines(topic, [line]), carefully(topic, Block.of([line], np.arange(1))))
    return [(each.records.tobytes(), texts_of(each), each.infrequent, len(each.rejects)) for each in both]


@pytest.mark.parametrize(("kind", "field"), OPTIONAL, ids=[f"{kind}.{field.name}" for kind, field in OPTIONAL])
def test_null_and_empty_are_absent(kind: str, field: Any) -> None:
    """An optional field that is null, or an empty text where it allows none, is the same as one that is left out."""
    event = example(kind)
    absent = decoded(TOPICS[kind], {name: value for name, value in event.items() if name != field.name})
    assert absent[0] == absent[1]
    assert absent[0][3] == 0
    assert decoded(TOPICS[kind], event | {field.name: None}) == absent
    if not (isinstance(field.type, inspect.StrType) and not field.type.min_length):
        assert decoded(TOPICS[kind], event | {field.name: ""}) == absent


@pytest.mark.parametrize("empty", [None, ""])
def test_lines_full_of_empty_columns_stay_fast(empty: str | None) -> None:
    """The scanner takes a line in which every optional column is empty, as Kafka Connect writes them."""
    for topic, structs in INPUTS.items():
        for struct in structs:
            kind = event_type(struct)
            event = {field.name: empty for field in fields_of(struct) if not field.required}
            event = example(kind) | {name: value for name, value in event.items() if name != "reason"}
            block = Block.of([orjson.dumps(event)], np.arange(1))
            assert plain_count(topic, block) == (struct in SCANNED), kind
            assert struct not in SCANNED or len(carefully(topic, block).records) == 1, kind


@pytest.mark.parametrize(
    ("kind", "name", "given", "same"),
    [
        ("item.updated", "units", {"CASE": 12, "BOX": None}, {"CASE": 12}),
        ("item.updated", "parts", {"A": None}, {}),
        (
            "calendar.updated",
            "holidays",
            [{"date": "2026-12-25", "name": None, "closed": ""}],
            [{"date": "2026-12-25"}],
        ),
    ],
)
def test_entries_of_objects_may_be_null(kind: str, name: str, given: Any, same: Any) -> None:
    """A null in an object is an absent entry."""
    found = decoded("reference", example(kind) | {name: given})
    assert found == decoded("reference", example(kind) | {name: same})
    assert found[0][3] == 0


@pytest.mark.parametrize("given", [[None], [{"date": None}]])
def test_nulls_where_something_is_required_are_refused(given: Any) -> None:
    """An element of a list, and a required field of an object in it."""
    assert decoded("reference", example("calendar.updated") | {"holidays": given})[0][3] == 1


def test_required_fields_must_not_be_empty() -> None:
    """Every required field that is null is refused."""
    for kind, topic in TOPICS.items():
        struct = next(each for each in INPUTS[topic] if event_type(each) == kind)
        for field in fields_of(struct):
            if field.required:
                assert [each[3] for each in decoded(topic, example(kind) | {field.name: None})] == [1, 1]
