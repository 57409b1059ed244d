"""The contract walk: every field of every input type changes some output, or the table of input types lists it as
unused.
"""

import pytest

from sensing.codec.contract_fields import fields_of
from sensing.codec.shard_split import shards_of
from sensing.contracts.input_types import INPUT_TYPES
from sensing.contracts.topic_registry import INPUTS
from sensing.contracts.topic_spec import event_type
from tests.contracts.examples import EXAMPLES, REQUIRED
from tests.machines.contract_walk import SCENARIOS, other_value, outputs

STRUCTS = {event_type(struct): struct for structs in INPUTS.values() for struct in structs}
ROUTING = {"event_time", "sku"}
"""Read by routers alone where the type does nothing."""
NOTHING: set[str] = set()
"""Types that are accepted and change nothing."""


@pytest.mark.compiled
@pytest.mark.slow
@pytest.mark.parametrize("name", list(STRUCTS))
def test_every_field_changes_an_output_or_is_listed(name: str) -> None:
    """Another value of a field changes the outputs of a scenario exactly if the field is not listed as unused.

    Whoever adds a field adds it to a scenario in which it matters, or lists it as unused.
    """
    unused = set(INPUT_TYPES[name].unused)
    read: set[str] = set()
    for scenario in SCENARIOS[name]:
        before = outputs(scenario, {})
        for field in fields_of(STRUCTS[name]):
            if field.name not in read:
                value = other_value(field, scenario.event, scenario.others)
                if outputs(scenario, {field.name: value}) != before:
                    read.add(field.name)
    fields = {field.name for field in fields_of(STRUCTS[name])}
    assert read & unused == set(), "fields that are read; take them from the unused ones"
    assert fields - read - unused - (ROUTING if name in NOTHING else set()) == set(), "fields that change no output"


def test_every_type_has_its_row_and_its_taker() -> None:
    """All types, none twice; those that name a SKU go to its shard."""
    assert INPUT_TYPES.keys() == STRUCTS.keys() == SCENARIOS.keys()
    for _, event in EXAMPLES:
        row, name = INPUT_TYPES[event["event_type"]], event["event_type"]
        without = {"every shard": len(event), "shard of the SKU": 0}[row.routed_to]
        assert ("sku" in REQUIRED[name] or name in ("decision.made", "execution.confirmed")) == (without == 0)
        assert set(row.unused) <= set(STRUCTS[name].__struct_fields__)
        assert (row.effect == "nothing") == (name in NOTHING)
    assert shards_of(STRUCTS["supplier.disrupted"](event_id="a", event_time=1, supplier="S"), 4) == [0, 1, 2, 3]


def test_the_walk_would_find_a_field_that_nothing_reads() -> None:
    """A listed field that is taken from the list fails the walk, and so does a field that is read and listed."""
    (scenario,) = SCENARIOS["parameters.in_force"]
    assert outputs(scenario, {"proposed_version": 9}) == outputs(scenario, {})
    (scenario,) = SCENARIOS["customer.updated"]
    assert outputs(scenario, {"segment": "schools"}) != outputs(scenario, {})
