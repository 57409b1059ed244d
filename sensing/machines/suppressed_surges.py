"""Surges that a promotion explains: counted, and put out as decisions on `audit`. The surge callback calls it."""

from sensing.contracts.audit import AutomaticDecision
from sensing.contracts.subjects import parameters_subject
from sensing.detection.sentences import number
from sensing.detection.surge import WINDOWS_HOURS, SurgeEvidence
from sensing.machines.shard_outputs import put_decision
from sensing.machines.shard_state import ShardState


def report_suppressed(s: ShardState, row: int, evidence: SurgeEvidence, event_time: int, cause: str) -> None:
    """Count a surge that promotions explain, and decide so, once per row and local day."""
    day = int(s.rows.hot["hour"][row]) // 24
    if not s.uplifts.suppress(row, day):
        return
    at = max(range(len(WINDOWS_HOURS)), key=lambda k: evidence.observed[k] / max(evidence.usual[k], 1e-9))
    observed, usual, expected = (float(each[at]) for each in (evidence.observed, evidence.usual, evidence.expected))
    sku, location = s.names_of(row)
    subject = parameters_subject(sku, location)
    decision = AutomaticDecision(
        rule="suppress_surge", subject=subject, sku=sku, location=location, prior=usual, value=expected,
        inputs={"observed": observed, "window_hours": WINDOWS_HOURS[at], "promotions": evidence.promotions},
        reason=f"No surge: {number(observed)} order lines in the last {WINDOWS_HOURS[at]} hours where {number(usual)}"
        f" are usual and {number(expected)} with promotion {evidence.promotions}.",
        cause_event_ids=[cause],
    )  # fmt: skip
    put_decision(s, s.clock, event_time, f"suppress_surge/{subject}/{day}", decision)
