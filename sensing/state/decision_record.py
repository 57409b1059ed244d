"""Decision record: a decision of a person that took effect. Problems and overrides of parameters keep it."""

import msgspec

from sensing.contracts.decisions import Verdict


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that took effect; ``time`` is its event time, UTC ms."""

    decision: Verdict
    decider: str
    role: str
    time: int
    reason: str | None = None

    def as_text(self) -> str:
        """Decider and reason as the end of a sentence: "by ann (planner): a campaign."."""
        return f"by {self.decider} ({self.role}){f': {self.reason}' if self.reason else ''}".removesuffix(".") + "."
