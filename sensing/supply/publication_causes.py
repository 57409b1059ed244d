"""Causes of a publication: why a row was planned, and the events behind it. Documents name them in ``change``."""

from typing import Self

import msgspec

from sensing.contracts.output_fields import CAUSES_MAX
from sensing.contracts.parameters import Trigger


class Causes(msgspec.Struct):
    """Triggers, each once, in order of time; ids of the newest events; number of all events."""

    triggers: list[Trigger]
    event_ids: list[str] = []
    events: int = 0

    @classmethod
    def of(cls, trigger: Trigger, event_id: str | None = None) -> Self:
        """One trigger and the event behind it, if any."""
        found = cls([])
        found.add(trigger, event_id)
        return found

    def add(self, trigger: Trigger, event_id: str | None) -> None:
        """Add a trigger and its event, each once."""
        if trigger not in self.triggers:
            self.triggers.append(trigger)
        if event_id is not None and event_id not in self.event_ids:
            self.events += 1
            self.event_ids = [*self.event_ids, event_id][-CAUSES_MAX:]

    def then(self, later: "Causes") -> "Causes":
        """These causes, and later ones."""
        both = Causes(list(self.triggers), list(self.event_ids), self.events)
        for trigger in later.triggers:
            both.add(trigger, None)
        new = [event_id for event_id in later.event_ids if event_id not in self.event_ids]
        both.event_ids = [*self.event_ids, *new][-CAUSES_MAX:]
        both.events += later.events - (len(later.event_ids) - len(new))
        return both
