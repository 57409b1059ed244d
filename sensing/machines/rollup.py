"""The roll-up machine: problems that are one over all shards, such as an unknown location.

`flows.runtime.machines` makes the only one. Shards report messages with their instants, and how far their clocks have
come. The roll-up buffers messages until every shard has passed their instant, and folds all messages of one instant
together. Sums over them do not depend on their order. So outputs do not depend on how the stream was cut, nor on the
number of shards or processes.

Timers are the end of the backfill, deadlines of problems, the daily digests of late lines, and daily housekeeping. A
timer runs before the messages of its instant.
"""

import heapq

import msgspec

from sensing.codec.event_record import BEFORE_ALL, InfrequentEvent
from sensing.contracts.audit import AutomaticDecision
from sensing.contracts.subjects import problem_key
from sensing.detection.finding import Finding
from sensing.detection.lifecycle import Problems
from sensing.machine_settings import DAY_MS, Settings
from sensing.machines.close_schedule import NEVER
from sensing.machines.decisions.decision_answer import put_answer
from sensing.machines.decisions.exception_decisions import decide_exception
from sensing.machines.exception_outputs import (
    expire_problems,
    next_problem_timer,
    observe,
    put_exception,
    run_problem_timers,
)
from sensing.machines.late_line_table import LateLineTable
from sensing.machines.machine_messages import (
    EarlierException,
    ForwardedDecision,
    HistoryReport,
    NameReport,
    RollUpMessage,
    ShardReport,
)
from sensing.machines.names_seen import NamesSeen
from sensing.machines.outbox import Outbox
from sensing.machines.unknown_name_table import UnknownNameTable
from sensing.outputs import AUDIT, OutputRecord
from sensing.state.decision_record import DecisionRecord
from sensing.state.snapshot import Encoded, Part, pack_snapshot, unpack_snapshot

OWNER = "the roll-up"


class _Waiting(msgspec.Struct, frozen=True, order=True):
    """A buffered message, ordered by instant, shard and arrival."""

    instant: int
    shard: int
    number: int
    message: RollUpMessage


class _Head(msgspec.Struct):
    clock: int
    number: int
    arrived: int
    backfilling: bool
    quiet_until: int | None
    next_housekeeping: int
    progress: list[int]
    ended: list[bool]
    waiting: list[_Waiting]


class RollUpMachine:
    """Folds the reports of all shards. It keeps problems, as a shard does.

    Attributes
    ----------
    clock
        Instant of the latest fold or timer, UTC ms.
    names
        Unknown names, from which problems of type ``master_data`` are made.
    late_lines
        Late purchase-order lines, from which problems of type ``delay_digest`` are made.
    seen
        All names, in which suspicious pairs are found.
    """

    def __init__(self, machine: int, settings: Settings) -> None:
        self.settings = settings
        self.clock = BEFORE_ALL
        self.quiet_until = settings.quiet_until
        self.backfilling = settings.quiet_until is not None
        self.outbox = Outbox(machine)
        self.problems = Problems(settings.open_problems_max, backfilling=self.backfilling)
        self.names = UnknownNameTable(settings.open_problems_max)
        self.late_lines = LateLineTable()
        self.seen = NamesSeen()
        self._next_housekeeping = NEVER
        self._progress = [BEFORE_ALL] * settings.shards
        self._ended = [False] * settings.shards
        self._waiting: list[_Waiting] = []
        self._arrived = 0

    def apply(self, report: ShardReport) -> list[OutputRecord]:
        """Take the report of one shard; returns the outputs of all instants that every shard has passed."""
        for instant, message in report.messages:
            heapq.heappush(self._waiting, _Waiting(instant, report.machine, self._arrived, message))
            self._arrived += 1
        self._progress[report.machine] = max(self._progress[report.machine], report.clock)
        self._ended[report.machine] |= report.final
        front = min(self._progress)
        # A shard may send more messages of its clock's instant, unless its input has ended.
        last = front if all(self._ended) else front - 1
        while (due := min(self._next_timer(), self._next_message())) <= front:
            if due == self._next_timer():
                self.clock = max(self.clock, due)
                self._run_timer(due)
            elif due <= last:
                self.clock = max(self.clock, due)
                self._fold(due)
            else:
                break
        if all(self._ended):
            run_problem_timers(self, self.clock, final=True)
        return self.outbox.take()

    def dump(self) -> bytes:
        """The whole state as bytes."""
        head = _Head(
            self.clock, self.outbox.number, self._arrived, self.backfilling, self.quiet_until, self._next_housekeeping,
            self._progress, self._ended, sorted(self._waiting),
        )  # fmt: skip
        parts: dict[str, Part] = {
            "head": Encoded(head, _Head),
            "names": self.names.dump(),
            "late_lines": self.late_lines.dump(),
            "seen": self.seen.dump(),
            "problems": self.problems.dump(),
        }
        return pack_snapshot(parts, OWNER, msgspec.structs.asdict(self.settings))

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`; this machine must be new and have the same settings."""
        found = unpack_snapshot(block, OWNER, msgspec.structs.asdict(self.settings), {"head": _Head})
        head: _Head = found["head"]
        self.clock, self.outbox.number, self._arrived = head.clock, head.number, head.arrived
        self.backfilling, self._next_housekeeping = head.backfilling, head.next_housekeeping
        self.quiet_until = head.quiet_until
        self._progress, self._ended, self._waiting = head.progress, head.ended, head.waiting
        self.names.load(found["names"])
        self.late_lines.load(found["late_lines"])
        self.seen.load(found["seen"])
        self.problems.load(found["problems"])

    def _next_message(self) -> int:
        return self._waiting[0].instant if self._waiting else NEVER

    def _next_timer(self) -> int:
        quiet_end = self.quiet_until if self.backfilling and self.quiet_until is not None else NEVER
        return min(self._next_housekeeping, quiet_end, self.late_lines.next_due, next_problem_timer(self))

    def _run_timer(self, instant: int) -> None:
        if self.backfilling and self.quiet_until is not None and self.quiet_until <= instant:
            self.backfilling = False
            for found in self.problems.publish(self.problems.end_backfill(), instant):
                put_exception(self, instant, instant, found)
            self._put_pairs(self.seen.end_backfill(), instant)
        run_problem_timers(self, instant)
        for finding in self.late_lines.take_due(instant):
            observe(self, finding)
        if self._next_housekeeping <= instant:
            for finding in self.names.waiting(instant):
                observe(self, finding)
            expire_problems(self, instant)
            self.names.forget(self.problems)
            # Without problems there is nothing to do until the next message.
            self._next_housekeeping = NEVER if self.problems.is_empty else instant + DAY_MS

    def _fold(self, instant: int) -> None:
        """Fold the messages of one instant: exceptions of an earlier run, history, names, late lines, then decisions by
        time and id.
        """
        messages: list[tuple[int, RollUpMessage]] = []
        while self._next_message() == instant:
            waiting = heapq.heappop(self._waiting)
            messages.append((waiting.shard, waiting.message))
        for _, message in messages:
            if isinstance(message, EarlierException):
                self.problems.earlier.add(message.state)
            if isinstance(message, HistoryReport) and (self.backfilling or instant <= BEFORE_ALL):
                self.backfilling = self.problems.backfilling = True
                self.quiet_until = max(self.quiet_until or message.until, message.until)
        self._see_names(messages, instant)
        for finding, trace in self.names.fold(messages, instant):
            with self.outbox.tracing(trace):
                observe(self, finding)
        self.late_lines.fold([message for _, message in messages], instant)
        decisions = [message for _, message in messages if isinstance(message, ForwardedDecision)]
        for decision in sorted(decisions, key=lambda decision: (decision.time, decision.event.event_id)):
            self._decide(decision)
        self._next_housekeeping = min(self._next_housekeeping, (instant // DAY_MS + 1) * DAY_MS)

    def _see_names(self, messages: list[tuple[int, RollUpMessage]], instant: int) -> None:
        reports = [message for _, message in messages if isinstance(message, NameReport)]
        skus, locations = {report.sku for report in reports} - {""}, {report.location for report in reports} - {""}
        pairs = self.seen.see("sku", skus, backfilling=self.backfilling)
        self._put_pairs(pairs + self.seen.see("location", locations, backfilling=self.backfilling), instant)

    def _put_pairs(self, pairs: list[AutomaticDecision], instant: int) -> None:
        for pair in pairs:
            identity = f"audit/{pair.rule}/{pair.inputs['kind']}/{problem_key(str(pair.inputs['other']), pair.subject)}"
            attributes = {"correlationid": pair.subject}
            self.outbox.put(
                instant, AUDIT, "decision.automatic", identity, pair.subject, instant, pair, attributes
            )  # fmt: skip

    def _decide(self, decision: ForwardedDecision) -> None:
        message = InfrequentEvent(decision.event, decision.time, self.clock, 0, 0, 0, decision.trace)
        exception_id = decision.event.exception_id or decision.event.subject
        with self.outbox.tracing(decision.trace):
            put_answer(self, message, decide_exception(self, message, exception_id, _no_line))


def _no_line(_finding: Finding, _decided: DecisionRecord) -> None:
    """No problem of the roll-up holds an order line."""
