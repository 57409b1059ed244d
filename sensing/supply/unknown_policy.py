"""Policy for unknown names: what becomes of events whose item, location, supplier or unit has no record.

`MasterData` gives the policy for all; the checks of a shard read what it resolves to.
"""

from typing import NamedTuple

from sensing.contracts.reference import PolicyUpdated, UnknownAction


class UnknownPolicy(NamedTuple):
    """What becomes of an event with an unknown name, by kind of name. The defaults hold without a policy."""

    item: UnknownAction = "accept"
    location: UnknownAction = "quarantine"
    supplier: UnknownAction = "quarantine"
    unit: UnknownAction = "quarantine"

    def action(self, kind: str) -> UnknownAction:
        """What becomes of an event with an unknown name of a kind."""
        return self[self._fields.index(kind)]


def resolve_unknown_policy(policy: PolicyUpdated | None) -> UnknownPolicy:
    """What a policy for all says about unknown names, defaults included."""
    stated = {kind: getattr(policy, f"unknown_{kind}", None) for kind in UnknownPolicy._fields}
    return UnknownPolicy(**{kind: action for kind, action in stated.items() if action is not None})
