"""Which types travel on which topic; everything that must know all of them (decoder, schemas) reads it here."""

from typing import get_args

import msgspec

from sensing.contracts.audit import AutomaticDecision, ControlTotals, DecisionAnswer
from sensing.contracts.dead_letters import DeadLetter
from sensing.contracts.decisions import DecisionEvent
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.inventory import InventoryEvent
from sensing.contracts.orders import OrderEvent
from sensing.contracts.parameters import PlanningParameters
from sensing.contracts.reference import ReferenceRecord
from sensing.contracts.shipments import ShipmentEvent
from sensing.contracts.suppliers import SupplierEvent

StructTypes = tuple[type[msgspec.Struct], ...]

INPUTS: dict[str, StructTypes] = {
    "decisions": get_args(DecisionEvent),
    "inventory": get_args(InventoryEvent),
    "orders": get_args(OrderEvent),
    "reference": get_args(ReferenceRecord),
    "shipments": get_args(ShipmentEvent),
    "suppliers": get_args(SupplierEvent),
}
"""Event types of every input topic; each has its ``event_type`` as tag."""

OUTPUTS: dict[str, StructTypes] = {
    "audit": (AutomaticDecision, DecisionAnswer, ControlTotals),
    "dead-letters": (DeadLetter,),
    "exceptions": (ExceptionState,),
    "planning-parameters": (PlanningParameters,),
}
"""Data of every output topic; the CloudEvents type says which struct it is."""


def event_type(struct: type[msgspec.Struct]) -> str:
    """The ``event_type`` that stands for ``struct`` in messages."""
    return str(struct.__struct_config__.tag)
