"""A shard: all SKU-locations of a set of SKUs, as one pure machine.

`flows.runtime.machines` makes one per shard. ``apply`` takes batches in order. Between two event-time timers a kernel
absorbs the records. Timers are day closes, reference records that take effect, the end of the backfill and daily
housekeeping. They run in the order of their instants. A timer runs before the first record whose watermark has reached
its instant, so results do not depend on how the stream was cut into batches.

Bounds limit the work of one call. A call may end in the middle of a large day close; ``proceed`` continues it. The
outputs of one SKU-location and their order do not depend on the bounds.
"""

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensing.codec.event_record import BEFORE_ALL, DERIVED, Batch, InfrequentEvent
from sensing.codec.text_table import TextTable
from sensing.machine_settings import Settings
from sensing.machines.absorb import EVENT_WORDS, absorb, rows_changed
from sensing.machines.call_budget import ROWS_PER_INFREQUENT_EVENT, UNBOUNDED, CallBounds, CallBudget
from sensing.machines.callbacks import run_callback
from sensing.machines.exception_outputs import run_problem_timers
from sensing.machines.forecast_and_plan import parameter_columns
from sensing.machines.infrequent_events import apply_infrequent
from sensing.machines.input_queue import BatchCursor
from sensing.machines.kernel_tables import CALLBACK, CALLBACKS_MAX, DEAD_LETTER, HELD_BACK, TO_JUDGE, UNJUDGED
from sensing.machines.machine_messages import HandOver, ParameterRows, ShardReport, Totals
from sensing.machines.old_lines import follow_old_lines
from sensing.machines.old_names import AloneRecord, next_piece
from sensing.machines.order_judgement import judge
from sensing.machines.plan_on_event import plan_changed_rows
from sensing.machines.reference_queue import is_reference
from sensing.machines.refusals import reject_record
from sensing.machines.resumable import DayClose, Resumable, dump_resumable, load_resumable
from sensing.machines.row_lookup import RefusedRecord, resolve_records
from sensing.machines.shard_state import ShardState, dump_state, load_state
from sensing.machines.timers import apply_reference, next_timer, run_timer
from sensing.machines.unknown_names import admit_record, counted_as_released
from sensing.machines.work import Work
from sensing.outputs import OutputRecord

LINES_PER_RECORD = 2
"""A shipment adds its own id and its order line; that of a kit's part adds as many again, for its reports."""

Outputs = list[OutputRecord | Totals | ParameterRows | ShardReport | HandOver]


class ShardMachine:
    """One shard. ``shard`` is the number of the shard and of its machine; ``bounds`` limit one call."""

    def __init__(self, shard: int, settings: Settings, bounds: CallBounds = UNBOUNDED) -> None:
        self.state = ShardState(shard, settings)
        self._bounds = bounds
        self._under_way: Resumable | None = None
        self._callbacks = np.zeros(CALLBACKS_MAX, CALLBACK)
        self._applied: list[BatchCursor] = []
        self._current = Work()

    @property
    def busy(self) -> bool:
        """Whether :meth:`proceed` has work: a timer is under way, or a batch is queued that waits for no hand-over."""
        waiting = self.state.hand_overs.waiting
        due = self.state.changed.next_instant <= self.state.clock
        return self._under_way is not None or due or (len(self.state.queue) > 0 and not waiting)

    def apply(self, load: Batch | HandOver) -> Outputs:
        """Accept a batch or a hand-over, then proceed."""
        self.accept(load)
        return self.proceed()

    def accept(self, load: Batch | HandOver) -> None:
        """Queue a batch; the watermark tracker may hold it back until other source groups have caught up.

        A hand-over is kept until its instant.
        """
        if isinstance(load, HandOver):
            self.state.hand_overs.arrive(load)
            return
        for ready in self.state.groups.admit(load):
            self.state.queue.add(ready)

    def proceed(self) -> Outputs:
        """Apply queued batches as far as the bounds allow; a final batch is applied whole.

        Returns
        -------
        list
            Outputs; their instants never fall if the bounds are ``in_order``. A batch that asks for a reconciliation
            adds the outcome counts, the final batch adds the parameters of all rows. The last one may be a report to
            the roll-up.

        Raises
        ------
        MachineFailure
            An event or a timer failed. The machine must not be used any more.
        """
        try:
            return self._proceed()
        except Exception as error:
            raise self._current.failure(self.state, error, self._absorb_one) from error

    def _proceed(self) -> Outputs:
        s = self.state
        budget = CallBudget(UNBOUNDED if s.queue.ends else self._bounds, len(s.queue))
        outputs: Outputs = []
        self._applied = []
        s.hand_overs.waiting = False
        while self.busy or s.queue.head is not None:
            if self._under_way is not None and self._under_way.done:
                self._under_way = None
            elif self._plans_are_due():
                if budget.spent:
                    break
                self._current = Work()
                plan_changed_rows(s, budget)
            elif self._records_pass(budget):
                continue
            elif budget.spent:
                break
            elif self._under_way is not None:
                self._current = Work(timer=self._under_way)
                self._under_way.step(s, budget)
            elif s.hand_overs.waiting:
                break
            else:
                before = s.outbox.number
                self._apply_head(outputs, budget)
                budget.spend(outputs=s.outbox.number - before)
        outputs += s.outbox.take()
        outputs += s.hand_overs.take_sent()
        # Rows that wait for their close report at its instant, which records may have passed.
        clock = s.clock if self._under_way is None else min(s.clock, self._under_way.next_instant)
        report = s.reports.take(clock, final=any(cursor.batch.final for cursor in self._applied))
        return outputs if report is None else [*outputs, report]

    def texts_used(self) -> tuple[TextTable, ...]:
        """Texts that the last call looked up in its batches.

        A journal must store only these texts besides the records.
        """
        inputs = [cursor for cursor in self._applied if not cursor.released]
        return tuple(table for cursor in inputs for table in cursor.texts.used())

    def dump(self) -> bytes:
        """The whole state as bytes; a machine that loads it continues exactly as this one would."""
        return dump_state(self.state, dump_resumable(self._under_way))

    def load(self, block: bytes) -> None:
        """Restore the state of :meth:`dump`; this machine must be new and have the same settings."""
        self._under_way = load_resumable(load_state(self.state, block))

    def _apply_head(self, outputs: Outputs, budget: CallBudget) -> None:
        """Apply the batch at the head of the queue until a timer is under way or the batch ends."""
        s = self.state
        cursor = self._head()
        batch, stop = cursor.batch, cursor.stop()
        message = cursor.infrequent()
        if cursor.records < stop:
            if self._advance(int(batch.records["watermark"][cursor.records])):
                with _counting(s, cursor):
                    self._absorb(cursor, stop, budget)
        elif message is not None:
            # Before the clock runs, master data take effect without one.
            if (is_reference(message) and s.clock <= BEFORE_ALL) or self._advance(message.watermark):
                cursor.mark_infrequent_applied()
                budget.spend(planned=ROWS_PER_INFREQUENT_EVENT)
                with _counting(s, cursor):
                    self._take(message)
        elif self._advance(batch.watermark) and not (batch.final and self._finish(batch.watermark)):
            s.queue.remove_head()
            if batch.final:
                run_problem_timers(s, s.clock, final=True)
            outputs += s.outbox.take()
            if batch.reconciliation:
                outputs.append(Totals(s.shard, s.totals(), batch.reconciliation, batch.group))
            if batch.final:
                self._current = Work()
                outputs.append(ParameterRows(s.shard, parameter_columns(s)))

    def _plans_are_due(self) -> bool:
        """Whether rows that events have changed are due, and nothing under way changes what they plan with."""
        if self._under_way is not None and not self._under_way.lets_records_pass:
            return False
        return self.state.changed.next_instant <= self.state.clock

    def _records_pass(self, budget: CallBudget) -> bool:
        """Absorb records at the head of the queue while a timer is under way; False if none may pass.

        Records pass only up to the next timer, the next infrequent event or the end of the batch.
        """
        s = self.state
        if self._under_way is None or not self._under_way.lets_records_pass or s.queue.head is None:
            return False
        cursor = self._head()
        stop = min(cursor.stop(), cursor.records + budget.records_to_pass)
        # An open line that is evicted from a full table changes the plan of any row.
        if not s.lines.has_room(_lines_added(cursor.batch.records[cursor.records : stop])):
            return False
        if cursor.records >= stop or int(cursor.batch.records["watermark"][cursor.records]) >= self._next_due():
            return False
        with _counting(s, cursor):
            self._absorb(cursor, stop, budget)
        return True

    def _head(self) -> BatchCursor:
        cursor = self.state.queue.head
        assert cursor is not None, "called with a batch to apply"
        if cursor not in self._applied:
            self._applied.append(cursor)
            self.state.supply.heard.wait(cursor.take_purchases())
        return cursor

    def _take(self, message: InfrequentEvent) -> None:
        """Apply one infrequent event."""
        s = self.state
        self._current = Work(message=message)
        with s.outbox.tracing(message.trace):
            if is_reference(message):
                apply_reference(s, message)
            else:
                self._under_way = apply_infrequent(s, message)

    def _absorb(self, cursor: BatchCursor, stop: int, budget: CallBudget) -> None:
        """Absorb records up to ``stop``, or up to the first one that has reached the next timer."""
        s = self.state
        start, batch = cursor.records, cursor.batch
        self._current = Work(cursor, start, stop)
        watermarks = batch.records["watermark"]
        due = self._next_due()
        if watermarks[stop - 1] >= due:
            stop = start + int(np.searchsorted(watermarks[start:stop], due, "left"))
        stop, applied_alone = next_piece(s.hand_overs, batch.records, start, stop)
        cursor.records = stop
        events, rows, refusals = resolve_records(s, batch.records[start:stop], cursor.texts)
        events = follow_old_lines(s, events, cursor.texts)
        alone = AloneRecord.of(s, events, rows, cursor.texts) if applied_alone else None
        events = events if alone is None else alone.events
        if self._under_way is not None:
            self._under_way.bring_forward(s, rows_changed(s.tables(), events, rows), budget)
        s.lines.ensure(_lines_added(events))
        words = events.view(np.uint64).reshape(len(events), EVENT_WORDS)
        tables = s.tables()
        callbacks = self._callbacks
        at, last, verdict = 0, len(events), UNJUDGED
        for refusal in [*refusals, None]:
            end = last if refusal is None else min(refusal.record, last)
            while at < end:
                at, added = absorb(
                    tables, events, words, rows, at, end, s.settings.line_horizon_days, callbacks, verdict
                )
                if added == TO_JUDGE:
                    verdict = judge(s, int(rows[at]), events[at])
                    continue
                verdict = UNJUDGED
                s.clock = max(s.clock, int(events["watermark"][at - 1]))
                if not added:
                    continue
                self._current = Work(cursor, start + at - 1, start + at)
                with s.outbox.tracing(_trace(batch, events[at - 1])):
                    for entry in callbacks[:added]:
                        run_callback(s, entry, events[at - 1], cursor.texts.one(events[at - 1]))
                # Rows that these have changed may be due before the next record.
                last = at + int(np.searchsorted(events["watermark"][at:last], s.changed.next_instant, "left"))
                end = min(end, last)
            if isinstance(refusal, RefusedRecord) and refusal.record < last:
                s.clock = max(s.clock, int(events["watermark"][end]))
                self._refuse(cursor, events[end], refusal)
                at = end + 1
        cursor.records = start + last
        if alone is not None:
            alone.book(s)

    def _absorb_one(self, cursor: BatchCursor, at: int) -> None:
        """Absorb one record again, to find out whether it fails alone."""
        cursor.records = at
        self._absorb(cursor, at + 1, CallBudget(UNBOUNDED, 1))

    def _refuse(self, cursor: BatchCursor, event: Any, refused: RefusedRecord) -> None:
        """Hold a refused record in quarantine or put it out as a dead letter, and count it."""
        s, trace, texts = self.state, _trace(cursor.batch, event), cursor.texts.one(event)
        derived = bool(event["flags"] & DERIVED)
        with s.outbox.tracing(trace):
            refusal = admit_record(s, event, texts, trace, refused.refusal)
            # A kit's own record names the same location and is refused as well.
            if refusal is not None and not (derived and refusal.reason == "unknown_location"):
                reject_record(s, event, texts, refusal)
        if derived:
            return  # its kit's event is counted
        s.count(int(event["topic"]), int(event["partition"]), HELD_BACK if refusal is None else DEAD_LETTER)

    def _next_due(self) -> int:
        """Instant of the next event-time timer."""
        return min(next_timer(self.state), self.state.schedule.next_instant)

    def _advance(self, watermark: int) -> bool:
        """Run timers due at or before ``watermark``, in the order of instants.

        Returns True when all have run and the clock is at the watermark. Returns False when a resumable timer was
        started or events left the quarantine, which come first, or when the shard waits for a hand-over.
        """
        s = self.state
        head = s.queue.head
        if s.clock <= BEFORE_ALL < watermark:
            s.start_clock(watermark)
        while (instant := self._next_due()) <= watermark:
            self._current = Work()
            if next_timer(s) == instant:
                s.clock = max(s.clock, instant)
                self._under_way = run_timer(s, instant)
                if s.hand_overs.waiting:
                    return False
            else:
                due = s.schedule.take(min(watermark, next_timer(s) - 1), final=False)
                assert due is not None, "a close is due"
                s.clock = max(s.clock, instant)
                self._under_way = DayClose.begin(s, due)
            if self._under_way is not None or s.queue.head is not head or self._plans_are_due():
                return False
        s.clock = max(s.clock, watermark)
        return True

    def _finish(self, watermark: int) -> bool:
        """At the end of the input, start the next close of days that have ended by ``watermark``; False if none.

        Before that, rows that events have changed are planned without waiting. Rows close even if their minute after
        the day's end lies behind the watermark.
        """
        s = self.state
        if s.changed.end_waiting(s.clock):
            return True
        due = s.schedule.take(watermark, final=True)
        if due is not None:
            self._current = Work()
            self._under_way = DayClose.begin(s, due)
        return due is not None


def _lines_added(records: NDArray[Any]) -> int:
    """Lines that records add to the table at most."""
    return LINES_PER_RECORD * (len(records) + int(np.count_nonzero(records["flags"] & DERIVED)))


def _counting(s: ShardState, cursor: BatchCursor) -> contextlib.AbstractContextManager[None]:
    """Context in which events of a batch are applied: those that left the quarantine were counted before."""
    return counted_as_released(s) if cursor.released else contextlib.nullcontext()


def _trace(batch: Batch, event: Any) -> str | None:
    """Trace context of the message that a record was decoded from."""
    if not batch.traces:
        return None
    return batch.traces.get((int(event["topic"]), int(event["partition"]), int(event["offset"])))
