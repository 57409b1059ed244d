"""What a person decided, as machines remember it."""

import msgspec

from sensing.contracts.decisions import Verdict


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that took effect; ``time`` is its event time, UTC ms."""

    decision: Verdict
    decider: str
    role: str
    time: int
    reason: str | None = None

    def said(self) -> str:
        """Who decided and why, as the end of a sentence: "by ann (planner): a campaign."."""
        return f"by {self.decider} ({self.role}){f': {self.reason}' if self.reason else ''}".removesuffix(".") + "."
