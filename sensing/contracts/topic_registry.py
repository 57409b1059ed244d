"""Registry of all topics. A new topic is a file with its spec and an entry here. Users of all topics read ``SPECS``."""

from sensing.contracts import (
    actions,
    audit,
    dead_letters,
    decisions,
    exceptions,
    inventory,
    orders,
    parameters,
    reference,
    shipments,
    suppliers,
)
from sensing.contracts.topic_spec import StructTypes, TopicSpec

SPECS: dict[str, TopicSpec] = {
    spec.name: spec
    for spec in (
        decisions.SPEC,
        inventory.SPEC,
        orders.SPEC,
        reference.SPEC,
        shipments.SPEC,
        suppliers.SPEC,
        exceptions.SPEC,
        parameters.SPEC,
        actions.SPEC,
        audit.SPEC,
        dead_letters.SPEC,
    )
}
"""Specs by name: inputs in merge order, then outputs in the order in which sinks write them."""

INPUTS: dict[str, StructTypes] = {name: spec.structs for name, spec in SPECS.items() if spec.is_input}
"""Event types of every input topic; each has its ``event_type`` as tag."""


def published() -> list[TopicSpec]:
    """Output topics with event types, in the order in which sinks write them."""
    return [spec for spec in SPECS.values() if not spec.is_input and spec.structs]


def compacted() -> list[TopicSpec]:
    """Output topics that hold the whole state of every key, in the order in which sinks write them."""
    return [spec for spec in published() if spec.compacted]


def viewed() -> list[TopicSpec]:
    """Topics of the view in Redis."""
    return [spec for spec in SPECS.values() if spec.view is not None]
