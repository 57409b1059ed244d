"""Contracts evolve by rule: since the last release nothing has changed but by the rules in `evolution`."""

from collections.abc import Callable
from copy import deepcopy
from fnmatch import fnmatchcase
from typing import Any

import pytest

from flows.cli.schemas import PACKAGED
from sensing.contracts.topic_registry import SPECS
from tests.contracts.evolution import RELEASED, broken, schemas_in

WAIVED = {
    "orders *.currency: values are gone": "a currency must be a real one; other codes could never be converted",
    "reference item.updated.currency: values are gone": "as for orders",
    "reference policy.updated.base_currency: values are gone": "as for orders",
    "planning-parameters PlanningParameters.expires: the field is gone": "a proposal that still holds does not expire",
    "exceptions ExceptionState.details: the type has changed": "one struct per type; null only where a type has none",
}
"""What the next release breaks, as patterns of `fnmatch`, each with the reason. CHANGELOG.md says the same to users."""


def test_only_additions_since_the_last_release() -> None:
    """What else is broken is listed with a reason, and every entry of the list is needed."""
    found = list(broken(schemas_in(RELEASED), schemas_in(PACKAGED)))
    unexpected = [change for change in found if not any(fnmatchcase(change, pattern) for pattern in WAIVED)]
    assert not unexpected, "add fields with defaults or event types instead, or waive it with a reason in WAIVED"
    unused = [pattern for pattern in WAIVED if not any(fnmatchcase(change, pattern) for change in found)]
    assert not unused


def test_all_topics_were_released() -> None:
    """Each topic with a schema has one in the release, and nothing breaks a release compared with itself."""
    released = schemas_in(RELEASED)
    assert released.keys() <= {name for name, spec in SPECS.items() if spec.structs}
    assert {"orders", "suppliers", "reference", "exceptions", "planning-parameters", "audit"} <= released.keys()
    assert list(broken(released, deepcopy(released))) == []


Schemas = dict[str, dict[str, Any]]


def schemas(topic: str, **definitions: dict[str, Any]) -> Schemas:
    """Schemas of one topic: fields by type. A name with "!" is required."""
    defs = {
        name: {
            "properties": {field.rstrip("!"): schema for field, schema in fields.items()},
            "required": [field[:-1] for field in fields if field.endswith("!")],
        }
        for name, fields in definitions.items()
    }
    return {topic: {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in definitions], "$defs": defs}}


TEXT = {"type": "string", "maxLength": 10}
NUMBER, NULL = {"type": "number", "minimum": 0}, {"type": "null"}


@pytest.mark.parametrize(
    ("old", "new", "of_input", "of_output"),
    [
        ({"a!": TEXT}, {"a!": TEXT, "b": TEXT}, None, None),
        ({"a!": TEXT}, {"a!": TEXT, "b!": TEXT}, ".b: the field is required now", None),
        ({"a": TEXT}, {"a!": TEXT}, ".a: the field is required now", None),
        ({"a!": TEXT}, {"a": TEXT}, None, ".a: the field may be absent now"),
        ({"a": TEXT}, {}, ".a: the field is gone", ".a: the field is gone"),
        ({"a": TEXT}, {"a": TEXT | {"maxLength": 20}}, None, ".a: maxLength has changed"),
        ({"a": TEXT}, {"a": TEXT | {"maxLength": 5}}, ".a: maxLength has changed", None),
        ({"a": NUMBER}, {"a": NUMBER | {"minimum": -1}}, None, ".a: minimum has changed"),
        ({"a": NUMBER}, {"a": {"type": "integer", "minimum": 0}}, ".a: the type has changed", None),
        ({"a": NUMBER}, {"a": {"anyOf": [NUMBER, NULL]}}, None, ".a: the type has changed"),
        ({"a": TEXT}, {"a": NUMBER}, ".a: the type has changed", ".a: the type has changed"),
        ({"a": TEXT}, {"a": TEXT | {"pattern": "x"}}, ".a: pattern has changed", None),
        ({"a": {"enum": ["x"]}}, {"a": {"enum": ["x", "y"]}}, None, None),
        ({"a": {"enum": ["x", "y"]}}, {"a": {"enum": ["x"]}}, ".a: values are gone", None),
        ({"a": {"enum": ["x"]}}, {"a": {"enum": ["y"]}}, ".a: values are gone", ".a: values are gone"),
        ({"a": {"type": "string"}}, {"a": {"enum": ["x"]}}, ".a: values are gone", None),
        ({"a": TEXT}, {"a": TEXT | {"format": "date"}}, ".a: format has changed", None),
        ({"a": TEXT | {"default": "x"}}, {"a": TEXT | {"default": "y"}}, ".a: the default has changed", None),
        (
            {"a": {"type": "object", "properties": {"b": TEXT}}},
            {"a": {"type": "object", "properties": {"b": NUMBER}}},
            ".a.b: the type has changed",
            ".a.b: the type has changed",
        ),
        (
            {"a": {"type": "array", "items": TEXT}},
            {"a": {"type": "array", "items": NUMBER}},
            ".a[]: the type has changed",
            ".a[]: the type has changed",
        ),
        ({"a": TEXT}, {"a": TEXT | {"description": "other words"}}, None, None),
    ],
)
def test_what_the_rules_allow(
    old: dict[str, Any], new: dict[str, Any], of_input: str | None, of_output: str | None
) -> None:
    """Of input what was valid stays valid; of output what was read stays readable."""
    for topic, expected in (("orders", of_input), ("audit", of_output)):
        found = list(broken(schemas(topic, T=old), schemas(topic, T=new)))
        assert found == ([] if expected is None else [f"{topic} T{expected}"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda new: new.pop("orders"), ["orders: the topic is gone"]),
        (lambda new: new["orders"]["anyOf"].pop(), ["orders B: the type is gone"]),
        (lambda new: new.update(schemas("later", C={"a!": TEXT})), []),
    ],
)
def test_topics_and_types_stay(change: Callable[[Schemas], Any], expected: list[str]) -> None:
    """New ones may come."""
    old = schemas("orders", A={"a": TEXT}, B={"a": TEXT})
    new = deepcopy(old)
    change(new)
    assert list(broken(old, new)) == expected
