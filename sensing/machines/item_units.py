"""Units of items: base units in one unit of an event. Row lookup, refusals and infrequent events use it.

An event that names a superseded item means that item's units, which its successor's record need not have.
"""

from sensing.machines.shard_state import ShardState


def unit_factor(s: ShardState, sku: str, unit: str, old: str = "") -> float | None:
    """Base units in one ``unit`` of an item; ``old`` is the superseded item that the event names, if any.

    1 if no master data name the item; None if they name the item but not the unit.
    """
    stated = s.hand_overs.units.get(old, {}).get(unit)
    return s.supply.master.unit_factor(sku, unit) if stated is None else stated
