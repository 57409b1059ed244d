"""Exceptions of an earlier run, as the compacted topic has them when this run begins. `Problems` keeps them.

A run without saved state makes its problems anew, under the same ids. What the earlier run has left in the topic and
this run does not find again must end. What is found is compared with what subscribers know.
"""

import datetime as dt

import msgspec

from sensing.codec.instants import instant, rfc3339
from sensing.contracts.exception_details import Details
from sensing.contracts.exceptions import ENDED, SEVERITIES, Change, ExceptionState
from sensing.detection.problem import Problem, exception_state, moved
from sensing.detection.severity import rank
from sensing.state.decision_record import DecisionRecord
from sensing.state.snapshot import Encoded, pack, unpack

NEVER = 2**62


class _Dump(msgspec.Struct):
    states: list[ExceptionState]
    newest: int
    refused: int
    quiet: bool


class EarlierExceptions:
    """Exceptions of an earlier run by id, until they are settled; at most ``states_max``, others are counted.

    They are settled once the clock has passed the newest of them by ``lateness_ms``: until then this run has seen all
    that the earlier one had seen, but for late events.

    A run that begins with a backfill is ``quiet``: it does not repeat what the earlier run has told of a problem.
    Others publish the past again.
    """

    def __init__(self, states_max: int, *, quiet: bool) -> None:
        self._states_max = states_max
        self.quiet = quiet
        self._states: dict[str, ExceptionState] = {}
        self._newest = 0
        self.refused = 0

    def __len__(self) -> int:
        """Number of exceptions that are not settled."""
        return len(self._states)

    def add(self, state: ExceptionState) -> None:
        """Add an exception that is in the topic."""
        if len(self._states) >= self._states_max:
            self.refused += 1
            return
        self._states[state.exception_id] = state
        self._newest = max(self._newest, milliseconds(state.updated_at))

    def get(self, exception_id: str) -> ExceptionState | None:
        """The state of an exception in the topic, None if it is not there or settled."""
        return self._states.get(exception_id)

    def due(self, lateness_ms: int) -> int:
        """Instant (UTC ms) at which the exceptions are settled; NEVER if there are none."""
        return self._newest + lateness_ms if self._states else NEVER

    def take(self) -> list[ExceptionState]:
        """All exceptions, in the order in which they were read; none is left."""
        taken, self._states = list(self._states.values()), {}
        return taken

    def has_judged(self, exception_id: str, time: int) -> bool:
        """Whether the earlier run has published a decision that is as new as one at ``time``: then it has judged it."""
        known = self._states.get(exception_id)
        return known is not None and known.decided_at is not None and time <= milliseconds(known.decided_at)

    def told(self, exception_id: str, time: int) -> bool:
        """Whether a quiet run does not publish a change at ``time`` (UTC ms), since the earlier run has told of it."""
        known = self._states.get(exception_id) if self.quiet else None
        return known is not None and time <= milliseconds(known.updated_at)

    def version(self, exception_id: str) -> int:
        """Version of an exception in the topic, 0 if it is not there."""
        known = self._states.get(exception_id)
        return 0 if known is None else known.version

    def dump(self) -> bytes:
        """All exceptions as bytes."""
        return pack(
            {"earlier": Encoded(_Dump(list(self._states.values()), self._newest, self.refused, self.quiet), _Dump)}
        )

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`."""
        found: _Dump = unpack(block, {"earlier": _Dump})["earlier"]
        self._states = {state.exception_id: state for state in found.states}
        self._newest, self.refused, self.quiet = found.newest, found.refused, found.quiet


def milliseconds(time: str) -> int:
    """UTC ms of a time in a record."""
    return instant(dt.datetime.fromisoformat(time))


def has_ended(state: ExceptionState) -> bool:
    """Whether a state is that of a problem that has ended."""
    return state.status in ENDED


def not_found_again(state: ExceptionState, now: int) -> ExceptionState:
    """The state that ends an exception of an earlier run."""
    time = rfc3339(max(now, milliseconds(state.updated_at)))
    reason = f"It was not found again after a restart, with all that is known by now. It last said: {state.reason}"
    return msgspec.structs.replace(
        state, version=state.version + 1, status="resolved", resolution="not_found_again", updated_at=time,
        resolved_at=time, reason=reason, caused_by=[],
    )  # fmt: skip


def go_on_from(problem: Problem, known: ExceptionState) -> Change | None:
    """Let a problem that this run has not published go on from what an earlier run has published about it.

    Returns what has changed since then; None: nothing that is worth a record.
    """
    ended = has_ended(known)
    problem.version = known.version
    problem.published_time = milliseconds(known.updated_at)
    problem.published_observed, problem.published_money = known.observed, _money(known)
    problem.published_marker = problem.finding.marker
    problem.last_transition_version = known.version + 1 if ended else 1
    if ended:
        return "reopened"
    if known.overdue and not problem.overdue:
        problem.overdue = True
        problem.severity = SEVERITIES[min(rank(problem.severity) + 1, len(SEVERITIES) - 1)]
    keep_decision(problem, known)
    step = rank(problem.severity) - rank(known.severity)
    if step == 0:
        problem.deadline = problem.deadline if known.deadline is None else milliseconds(known.deadline)
        if problem.status == "opened":
            problem.status = known.status
        return None if _says_the_same(problem, known) else "changed"
    if step > 0:
        problem.status = "escalated"
        problem.last_transition_version = known.version + 1
    return "escalated" if step > 0 else "de_escalated"


def keep_decision(problem: Problem, known: ExceptionState) -> bool:
    """Keep the decision of a person that an earlier run has published, unless this run knows as new a one.

    An acknowledgement holds if the problem is not graver than it was. Returns whether anything has changed.
    """
    kept = decision_of(known)
    if kept is None or (problem.decision_record is not None and problem.decision_record.time >= kept.time):
        return False
    problem.decision_record = kept
    problem.label = known.label or problem.label
    if known.status == "acknowledged" and rank(problem.severity) <= rank(known.severity):
        problem.status = "acknowledged"
    return True


def decision_of(known: ExceptionState) -> DecisionRecord | None:
    """The decision of a person that a record states, if it states one."""
    if known.decision is None or known.decided_at is None:
        return None
    return DecisionRecord(
        decision=known.decision, decider=known.decided_by or "", role=known.decided_role or "",
        time=milliseconds(known.decided_at), reason=known.decision_reason,
    )  # fmt: skip


def _says_the_same(problem: Problem, known: ExceptionState) -> bool:
    """Whether a problem of the same severity is no news to subscribers who know the state of an earlier run."""
    now = exception_state(problem)
    facts = [(s.status, s.label, s.decision, s.decided_at, s.overdue, s.caused_by) for s in (now, known)]
    if facts[0] != facts[1] or moved(known.observed, now.observed) or moved(_money(known), _money(now)):
        return False
    # What a marker marks is among the details.
    return not problem.finding.marker or _agree(known.details, now.details)


def _agree(known: Details | None, now: Details | None) -> bool:
    """Whether published details say what those of this run say. Numbers are compared as `moved` does, since published
    ones are rounded; what this run does not state is not compared.
    """
    if known is None or now is None or type(known) is not type(now):
        return known is now
    for name in now.__struct_fields__:
        before, value = getattr(known, name), getattr(now, name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            if moved(before, value):
                return False
        elif value is not None and before != value:
            return False
    return True


def _money(state: ExceptionState) -> float | None:
    return state.money if state.money_base is None else state.money_base
