"""Topic ``inventory``: counts and adjustments of on-hand stock. Events are keyed by their ``event_id``."""

from typing import get_args

from sensing.contracts.common import DEFAULT_UNIT, ItemEvent, QuantityOrZero, SignedQuantity, Text, Unit
from sensing.contracts.topic_spec import TopicSpec


class Counted(ItemEvent, tag="inventory.counted", kw_only=True, gc=False):
    """On-hand was ``quantity`` at ``event_time``. Movements after that time are added to it."""

    quantity: QuantityOrZero
    unit_of_measure: Unit = DEFAULT_UNIT


class Adjusted(ItemEvent, tag="inventory.adjusted", kw_only=True, gc=False):
    """On-hand changed by ``quantity`` (signed) for a reason other than shipping or receiving."""

    quantity: SignedQuantity
    unit_of_measure: Unit = DEFAULT_UNIT
    reason: Text | None = None


InventoryEvent = Counted | Adjusted

SPEC = TopicSpec(name="inventory", about=__doc__, structs=get_args(InventoryEvent))
