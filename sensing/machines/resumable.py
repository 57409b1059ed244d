"""Event-time timers that may take more than one call of a shard: the close of a local day, and the first publication.

Each is done in steps; what is left of it is state. The shard does the steps, one effect at a time. Meanwhile other
rows' order lines, shipments and counts need not wait: a row is planned before its own next record. Whatever may change
the plan of another row waits for the end of the effect: purchase orders, reference records, decisions, later effects.
"""

import contextlib
from collections.abc import Iterator
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensing.machines.call_budget import CallBudget
from sensing.machines.close_schedule import DueCloses
from sensing.machines.day_close import aggregate_day, learn_day, plan_rows, publish_rows
from sensing.machines.day_inputs import ObservedDay, observe_day
from sensing.machines.forecast_and_plan import ROWS_AT_ONCE
from sensing.machines.shard_outputs import put_exception
from sensing.machines.shard_state import ShardState
from sensing.state.snapshot import Encoded, pack, unpack

Integers = NDArray[np.int64]

PUBLISHED_OUTPUTS = 2.0
"""Outputs of a row whose parameters are published: the document, and the decision to publish it."""


class Resumable(Protocol):
    """An effect that is done in steps."""

    KIND: str

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""

    @property
    def lets_records_pass(self) -> bool:
        """Whether records may be applied before the effect is at its end; `bring_forward` their rows first."""

    def step(self, s: ShardState, budget: CallBudget) -> None:
        """Go on, by what the budget allows."""

    def bring_forward(self, s: ShardState, rows: NDArray[np.int32], budget: CallBudget) -> None:
        """Do now what is left to do for some rows; negative numbers and rows not concerned may be among them."""

    def dump(self) -> bytes:
        """What is left, as bytes."""


class RowsLeft:
    """Rows that are still to be planned: ``rows`` (n,) distinct, in the order in which they are planned."""

    def __init__(self, rows: Integers) -> None:
        self.rows = rows
        self._first = 0
        self._left: NDArray[np.bool_] | None = None  # all from the first on
        self._position: Integers | None = None

    def __bool__(self) -> bool:
        """Whether there are any."""
        return self._first < len(self.rows)

    def pop_next(self, budget: CallBudget, outputs_per_row: float) -> Integers:
        """Positions of the next rows."""
        return self._mark_done(self.at()[: budget.rows_to_plan(ROWS_AT_ONCE, outputs_per_row)])

    def pop_rows(self, rows: NDArray[np.int32]) -> Integers:
        """Positions of those of some rows that are left, in the order in which they are planned."""
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
        """Positions of the rows that are left."""
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
    """The close of a local day: all rows learn it in order, then they are planned, then the pools are folded.

    Only learning adds to the sums of pools, to the last bit in the order of rows; so only planning lets records pass,
    and only where no fold ends it.
    """

    KIND = "day_close"

    def __init__(self, due: DueCloses, learned: int = 0) -> None:
        self._due = due
        self._learned = learned
        self._left = RowsLeft(due.rows)
        self._aggregate_due = due.aggregate
        self._observed: ObservedDay | None = None

    @classmethod
    def begin(cls, s: ShardState, due: DueCloses) -> "DayClose":
        """The close of the rows that are due, as far as they have not closed the day before."""
        hot = s.rows.hot
        closing = (hot["active"][due.rows] == 1) & (hot["closed_day"][due.rows] < due.day)
        return cls(due._replace(rows=due.rows[closing], instants=due.instants[closing]))

    @property
    def done(self) -> bool:
        """Whether all is learned, planned and folded."""
        return not self._aggregate_due and not self._left

    @property
    def lets_records_pass(self) -> bool:
        """Whether all is learned and nothing is to be folded."""
        return not self._aggregate_due and self._learned == len(self._due.rows)

    def step(self, s: ShardState, budget: CallBudget) -> None:
        """Let some rows learn, else plan some, else fold."""
        rows = self._due.rows
        if self._learned < len(rows):
            count = budget.rows_to_learn(min(ROWS_AT_ONCE, len(rows) - self._learned))
            learn_day(s, rows[self._learned : self._learned + count], self._observed_day(s))
            self._learned += count
            budget.spend(learned=count)
        elif self._left:
            self._plan(s, self._left.pop_next(budget, s.outputs_per_row), budget)
        else:
            aggregate_day(s, self._due, self._observed_day(s))
            self._aggregate_due = False

    def bring_forward(self, s: ShardState, rows: NDArray[np.int32], budget: CallBudget) -> None:
        """Plan some rows now."""
        self._plan(s, self._left.pop_rows(rows), budget)

    def dump(self) -> bytes:
        """What is left, as bytes."""
        left = self._left.at()
        due = self._due
        learned = self._learned if self._learned < len(due.rows) else len(left)
        head = _CloseHead(due.zones, due.day, due.end, self._aggregate_due, learned)
        return pack({"head": Encoded(head, _CloseHead), "rows": due.rows[left], "instants": due.instants[left]})

    @classmethod
    def load(cls, block: bytes) -> "DayClose":
        """Go on with what :meth:`dump` wrote."""
        found = unpack(block, {"head": _CloseHead})
        head = found["head"]
        due = DueCloses(head.zones, head.day, head.end, found["rows"], found["instants"], head.aggregate)
        return cls(due, head.learned)

    def _observed_day(self, s: ShardState) -> ObservedDay:
        """What was observed of the day; it stays the same, since no record passes before all is learned and folded."""
        if self._observed is None:
            self._observed = observe_day(s, self._due.day)
        return self._observed

    def _plan(self, s: ShardState, at: Integers, budget: CallBudget) -> None:
        if len(at):
            with _spending(s, budget, len(at)):
                plan_rows(s, self._due.rows[at], self._due.instants[at], self._due)


class FirstPublication:
    """The end of the backfill: every open problem, then the planning parameters of all rows, once."""

    KIND = "first_publication"

    def __init__(self, instant: int, problems: list[str], rows: Integers) -> None:
        self._instant = instant
        self._problems = problems
        self._left = RowsLeft(rows)

    @classmethod
    def begin(cls, s: ShardState, instant: int) -> "FirstPublication":
        """End the backfill."""
        s.backfilling = False
        hot = s.rows.hot[: s.rows.count]
        rows = np.flatnonzero((hot["active"] == 1) & (hot["closed_day"] >= hot["first_hour"] // 24))
        return cls(instant, s.problems.end_backfill(), rows[np.argsort(hot["closed_day"][rows], kind="stable")])

    @property
    def done(self) -> bool:
        """Whether all is published."""
        return not self._problems and not self._left

    @property
    def lets_records_pass(self) -> bool:
        """Whether the problems are published."""
        return not self._problems

    def step(self, s: ShardState, budget: CallBudget) -> None:
        """Publish some problems, else the parameters of some rows."""
        if self._problems:
            count = budget.rows_to_plan(len(self._problems), 1.0)
            for state in s.problems.publish(self._problems[:count], self._instant):
                put_exception(s, self._instant, self._instant, state)
            del self._problems[:count]
            budget.spend(outputs=count)
        else:
            self._publish(s, self._left.pop_next(budget, PUBLISHED_OUTPUTS), budget)

    def bring_forward(self, s: ShardState, rows: NDArray[np.int32], budget: CallBudget) -> None:
        """Publish the parameters of some rows now."""
        self._publish(s, self._left.pop_rows(rows), budget)

    def dump(self) -> bytes:
        """What is left, as bytes."""
        head = _PublicationHead(self._instant, self._problems)
        return pack({"head": Encoded(head, _PublicationHead), "rows": self._left.rows[self._left.at()]})

    @classmethod
    def load(cls, block: bytes) -> "FirstPublication":
        """Go on with what :meth:`dump` wrote."""
        found = unpack(block, {"head": _PublicationHead})
        return cls(found["head"].instant, found["head"].problems, found["rows"])

    def _publish(self, s: ShardState, at: Integers, budget: CallBudget) -> None:
        rows = self._left.rows[at]
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
    """An effect that is under way, or none, as bytes."""
    return b"" if resumable is None else pack({resumable.KIND: resumable.dump()})


def load_resumable(block: bytes) -> Resumable | None:
    """The effect of `dump_resumable`."""
    if not block:
        return None
    ((kind, found),) = unpack(block, {}).items()
    return DayClose.load(found) if kind == DayClose.KIND else FirstPublication.load(found)


@contextlib.contextmanager
def _spending(s: ShardState, budget: CallBudget, planned: int) -> Iterator[None]:
    """Note what rows cost that are planned meanwhile, and how many outputs the next ones can be expected to have."""
    before = s.outbox.number
    yield
    outputs = s.outbox.number - before
    if planned and budget.bounded:
        s.outputs_per_row = outputs / planned
    budget.spend(planned=planned, outputs=outputs)
