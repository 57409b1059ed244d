"""Topic ``audit``: every automatic decision, and the control totals."""

import msgspec


class ControlTotals(msgspec.Struct, kw_only=True):
    """Account of one topic partition: ``read`` is the sum of the six outcomes.

    ``released`` counts lines that left ``held`` (which never falls).
    """

    topic: str
    partition: int
    read: int
    absorbed: int
    absorbed_late: int
    duplicate: int
    superseded: int
    held: int
    dead_letter: int
    released: int = 0


class AutomaticDecision(msgspec.Struct, kw_only=True):
    """One automatic decision: which rule, on what, from which value to which, and which events caused it."""

    rule: str
    subject: str
    sku: str | None = None
    location: str | None = None
    inputs: dict[str, float | int | str | None] = {}
    prior: float | str | None = None
    value: float | str | None = None
    reason: str = ""
    cause_event_ids: list[str] = []
