"""Fault: why a message is refused. Decoders return it, `sensing.codec.decode` makes a reject of it."""

from typing import NamedTuple

from sensing.contracts.dead_letters import Reason


class Fault(NamedTuple):
    """First fault of a message."""

    reason: Reason
    field: str | None
    required: str
    got: str
