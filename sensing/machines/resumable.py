"""Work that may take several calls of a shard: the close of a local day, the first publication, and disruptions.

The shard runs a resumable timer in steps, one timer at a time. The remaining steps are part of its state. Order lines,
shipments and counts may pass a running timer: a row is planned before its own next record is absorbed. Everything that
may change the plan of another row waits for the end of the timer: purchase orders, reference records, decisions and
later timers.
"""

import contextlib
from collections.abc import Iterator
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.machines.call_budget import CallBudget
from sensing.machines.close_schedule import NEVER, DueCloses
from sensing.machines.day_close import aggregate_day, learn_day, plan_rows, publish_rows
from sensing.machines.day_inputs import ObservedDay, observe_day
from sensing.machines.disruption import SupplierDisruption
from sensing.machines.exception_outputs import put_exception
from sensing.machines.forecast_and_plan import PUBLISHED_OUTPUTS, ROWS_AT_ONCE
from sensing.machines.shard_state import ShardState
from sensing.state.snapshot import Encoded, pack, unpack

Integers = NDArray[np.int64]


class Resumable(Protocol):
    """An event-time timer that runs in steps."""

    KIND: str

    @property
    def done(self) -> bool:
        """Whether all steps have run."""

    @property
    def lets_records_pass(self) -> bool:
        """Whether records may be absorbed before the timer ends; call `bring_forward` for their rows first."""

    @property
    def next_instant(self) -> int:
        """Instant of the next row to process, if rows have instants of their own; else NEVER."""

    def step(self, s: ShardState, budget: CallBudget) -> None:
        """Run the next step, as large as the budget allows."""

    def bring_forward(self, s: ShardState, rows: NDArray[np.int32], budget: CallBudget) -> None:
        """Process some rows now; negative numbers and rows that are done or not part of the timer are skipped."""

    def failed_rows(self, s: ShardState) -> list[int]:
        """Rows that the last step, which raised, was working on."""

    def dump(self) -> bytes:
        """The remaining work as bytes."""


class RowsLeft:
    """Rows that wait for planning: ``rows`` (n,) distinct, in planning order."""

    def __init__(self, rows: Integers) -> None:
        self.rows = rows
        self._first = 0
        self._left: NDArray[np.bool_] | None = None  # None: all rows from ``_first`` on wait
        self._position: Integers | None = None

    def __bool__(self) -> bool:
        """Whether any row waits."""
        return self._first < len(self.rows)

    def pop_next(self, budget: CallBudget, outputs_per_row: float) -> Integers:
        """Remove the next rows, as many as the budget allows; returns their positions."""
        return self._mark_done(self.at()[: budget.rows_to_plan(ROWS_AT_ONCE, outputs_per_row)])

    def pop_rows(self, rows: NDArray[np.int32]) -> Integers:
        """Remove those of ``rows`` that wait; returns their positions in planning order."""
        if self._left is None:
            self._left = np.arange(len(self.rows)) >= self._first
        if self._position is None:
            self._position = np.full(int(self.rows.max(initial=-1)) + 1, -1)
            self._position[self.rows] = np.arange(len(self.rows))
        known = np.unique(rows[(rows >= 0) & (rows < len(self._position))])
        at = np.sort(self._position[known])
        at = at[at >= 0]
        return self._mark_done(at[self._left[at]])

    def at(self) -> Integers:
        """Positions of the rows that wait."""
        if self._left is None:
            return np.arange(self._first, len(self.rows))
        return self._first + np.flatnonzero(self._left[self._first :])

    def _mark_done(self, at: Integers) -> Integers:
        if self._left is None:
            self._first += len(at)
            return at
        self._left[at] = False
        rest = self._left[self._first :]
        self._first += int(rest.argmax()) if rest.any() else len(rest)
        return at


class DayClose:
    """The close of a local day: all rows learn it in order, then they are planned, then the pools are aggregated.

    Records may pass only during planning, and only if no aggregation follows. Learning adds to the sums of the pools,
    and their last bit depends on the order of rows.
    """

    KIND = "day_close"

    def __init__(self, due: DueCloses, learned: int = 0) -> None:
        self._due = due
        self._learned = learned
        self._left = RowsLeft(due.rows)
        self._at_work = due.rows[:0]
        self._aggregate_due = due.aggregate
        self._observed: ObservedDay | None = None

    @classmethod
    def begin(cls, s: ShardState, due: DueCloses) -> "DayClose":
        """Start the close of the due rows that have not closed this day yet."""
        hot = s.rows.hot
        closing = (hot["active"][due.rows] == 1) & (hot["closed_day"][due.rows] < due.day)
        return cls(due._replace(rows=due.rows[closing], instants=due.instants[closing]))

    @property
    def done(self) -> bool:
        """Whether all rows have learned and are planned, and the pools are aggregated."""
        return not self._aggregate_due and not self._left

    @property
    def lets_records_pass(self) -> bool:
        """Whether all rows have learned and no aggregation follows."""
        return not self._aggregate_due and self._learned == len(self._due.rows)

    @property
    def next_instant(self) -> int:
        """Instant of the first row that waits to be planned."""
        return int(self._due.instants[self._left.at()].min(initial=NEVER))

    def step(self, s: ShardState, budget: CallBudget) -> None:
        """Let some rows learn; after that plan some; at last aggregate the pools."""
        rows = self._due.rows
        if self._learned < len(rows):
            count = budget.rows_to_learn(min(ROWS_AT_ONCE, len(rows) - self._learned))
            self._at_work = rows[self._learned : self._learned + count]
            learn_day(s, self._at_work, self._observed_day(s))
            self._learned += count
            budget.spend(learned=count)
        elif self._left:
            self._plan(s, self._left.pop_next(budget, s.outputs_per_row), budget)
        else:
            self._at_work = rows[:0]
            aggregate_day(s, self._due, self._observed_day(s))
            self._aggregate_due = False

    def bring_forward(self, s: ShardState, rows: NDArray[np.int32], budget: CallBudget) -> None:
        """Plan some rows now."""
        self._plan(s, self._left.pop_rows(rows), budget)

    def dump(self) -> bytes:
        """The remaining work as bytes."""
        left = self._left.at()
        due = self._due
        learned = self._learned if self._learned < len(due.rows) else len(left)
        head = _CloseHead(due.zones, due.day, due.end, self._aggregate_due, learned)
        return pack({"head": Encoded(head, _CloseHead), "rows": due.rows[left], "instants": due.instants[left]})

    @classmethod
    def load(cls, block: bytes) -> "DayClose":
        """Restore the close that :meth:`dump` wrote."""
        found = unpack(block, {"head": _CloseHead})
        head = found["head"]
        due = DueCloses(head.zones, head.day, head.end, found["rows"], found["instants"], head.aggregate)
        return cls(due, head.learned)

    def failed_rows(self, s: ShardState) -> list[int]:
        """Rows whose work has failed: of those in the last step, the ones that fail alone, or all if none does."""
        rows = self._at_work.tolist()
        failing = [row for row in rows if self._learned == len(self._due.rows) and self._fails(s, row)]
        return failing or rows

    def _fails(self, s: ShardState, row: int) -> bool:
        at = np.flatnonzero(self._due.rows == row)
        try:
            plan_rows(s, self._due.rows[at], self._due.instants[at], self._due)
        except Exception:
            return True
        return False

    def _observed_day(self, s: ShardState) -> ObservedDay:
        """Observed hours of the day, computed once: no record passes before learning and aggregation are over."""
        if self._observed is None:
            self._observed = observe_day(s, self._due.day)
        return self._observed

    def _plan(self, s: ShardState, at: Integers, budget: CallBudget) -> None:
        if len(at):
            self._at_work = self._due.rows[at]
            with _spending(s, budget, len(at)):
                plan_rows(s, self._due.rows[at], self._due.instants[at], self._due)


class FirstPublication:
    """The end of the backfill: publishes every open problem, then the planning parameters of all rows, once."""

    KIND = "first_publication"

    def __init__(self, instant: int, problems: list[str], rows: Integers) -> None:
        self._instant = instant
        self._problems = problems
        self._left = RowsLeft(rows)
        self._at_work = rows[:0]

    @classmethod
    def begin(cls, s: ShardState, instant: int) -> "FirstPublication":
        """End the backfill; rows that have closed a day are published in order of their last closed day."""
        s.backfilling = False
        hot = s.rows.hot[: s.rows.count]
        rows = np.flatnonzero((hot["active"] == 1) & (hot["closed_day"] >= hot["first_hour"] // 24))
        return cls(instant, s.problems.end_backfill(), rows[np.argsort(hot["closed_day"][rows], kind="stable")])

    @property
    def done(self) -> bool:
        """Whether all problems and parameters are published."""
        return not self._problems and not self._left

    @property
    def lets_records_pass(self) -> bool:
        """Whether all problems are published."""
        return not self._problems

    @property
    def next_instant(self) -> int:
        """NEVER: all rows have one instant."""
        return NEVER

    def step(self, s: ShardState, budget: CallBudget) -> None:
        """Publish some problems; after that the parameters of some rows."""
        if self._problems:
            count = budget.rows_to_plan(len(self._problems), 1.0)
            for found in s.problems.publish(self._problems[:count], self._instant):
                put_exception(s, self._instant, self._instant, found)
            del self._problems[:count]
            budget.spend(outputs=count)
        else:
            self._publish(s, self._left.pop_next(budget, PUBLISHED_OUTPUTS), budget)

    def bring_forward(self, s: ShardState, rows: NDArray[np.int32], budget: CallBudget) -> None:
        """Publish the parameters of some rows now."""
        self._publish(s, self._left.pop_rows(rows), budget)

    def dump(self) -> bytes:
        """The remaining work as bytes."""
        head = _PublicationHead(self._instant, self._problems)
        return pack({"head": Encoded(head, _PublicationHead), "rows": self._left.rows[self._left.at()]})

    @classmethod
    def load(cls, block: bytes) -> "FirstPublication":
        """Restore the publication that :meth:`dump` wrote."""
        found = unpack(block, {"head": _PublicationHead})
        return cls(found["head"].instant, found["head"].problems, found["rows"])

    def failed_rows(self, s: ShardState) -> list[int]:
        """Rows of the last step."""
        rows: list[int] = self._at_work.tolist()
        return rows

    def _publish(self, s: ShardState, at: Integers, budget: CallBudget) -> None:
        rows = self._at_work = self._left.rows[at]
        days = s.rows.hot["closed_day"][rows]
        with _spending(s, budget, len(rows)):
            for day in np.unique(days).tolist():
                publish_rows(s, rows[days == day], day, self._instant)


class _CloseHead(msgspec.Struct):
    zones: tuple[int, ...]
    day: int
    end: int
    aggregate: bool
    learned: int


class _PublicationHead(msgspec.Struct):
    instant: int
    problems: list[str]


def dump_resumable(resumable: Resumable | None) -> bytes:
    """The timer under way as bytes; empty if there is none."""
    return b"" if resumable is None else pack({resumable.KIND: resumable.dump()})


def load_resumable(block: bytes) -> Resumable | None:
    """Restore the timer of `dump_resumable`; None if there was none."""
    if not block:
        return None
    ((kind, found),) = unpack(block, {}).items()
    kinds = {each.KIND: each.load for each in (DayClose, FirstPublication, SupplierDisruption)}
    return kinds[kind](found)


@contextlib.contextmanager
def _spending(s: ShardState, budget: CallBudget, planned: int) -> Iterator[None]:
    """Charge the planning inside this context to the budget, and update the expected outputs per row."""
    before = s.outbox.number
    yield
    outputs = s.outbox.number - before
    if planned and budget.bounded:
        s.outputs_per_row = outputs / planned
    budget.spend(planned=planned, outputs=outputs)
