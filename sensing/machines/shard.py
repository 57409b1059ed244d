"""A shard: all SKU-locations of a set of SKUs, as one pure machine.

``apply`` takes batches in order. Between two effects of time records go through one kernel; every effect (a close, a
reference record that takes effect, the end of the quiet time) runs at its instant, in the order of instants, before the
first record whose watermark has reached it. So results do not depend on how the stream was cut into batches.
"""

from typing import Any

import numpy as np

from sensing.codec.record import BEFORE_ALL, Batch, Rare
from sensing.codec.text_table import NO_TEXTS, TextLookup, TextTable
from sensing.machines.absorb import absorb
from sensing.machines.attend import attend
from sensing.machines.close import close_due
from sensing.machines.effects import effect_due, run_effect, take_reference
from sensing.machines.incoming import Refusal, incoming, refuse
from sensing.machines.messages import ParameterRows, Totals
from sensing.machines.outlook import parameter_columns
from sensing.machines.pending import is_reference
from sensing.machines.rare import take_rare
from sensing.machines.state import ShardState, dump_state, load_state
from sensing.machines.tables import ATTENTION, ATTENTION_MAX
from sensing.outputs import OutputRecord
from sensing.settings import Settings

Outputs = list[OutputRecord | Totals | ParameterRows]


class ShardMachine:
    """One shard. ``shard`` is its number and its machine number."""

    def __init__(self, shard: int, settings: Settings) -> None:
        self.state = ShardState(shard, settings)
        self._attention = np.zeros(ATTENTION_MAX, ATTENTION)
        self._texts = TextLookup(NO_TEXTS)

    def apply(self, batch: Batch) -> Outputs:
        """Absorb a batch and advance the clock to its watermark.

        Returns
        -------
        list
            Outputs with non-falling instants; where an account is asked for also the outcome counts, and after the
            final batch the parameters of all rows.
        """
        outputs: Outputs = []
        for ready in self.state.groups.admit(batch):
            outputs.extend(self._apply(ready))
        return outputs

    def _apply(self, batch: Batch) -> Outputs:
        """Apply a batch whose turn it is."""
        s = self.state
        self._texts = TextLookup(batch.texts)
        done = 0
        for before, item in batch.rare:
            self._absorb(batch, done, before)
            done = before
            self._take(item)
        self._absorb(batch, done, len(batch.records))
        self._advance(batch.watermark)
        if batch.final:
            self._close_ended_days(batch.watermark)
        outputs: Outputs = list(s.outbox.take())
        if batch.account:
            outputs.append(Totals(s.shard, s.totals(), batch.account, batch.group))
        if batch.final:
            outputs.append(ParameterRows(s.shard, parameter_columns(s)))
        return outputs

    def texts_used(self) -> tuple[TextTable, ...]:
        """The texts of the batch applied last that were looked up: they alone would have done.

        They are what a journal has to hold besides records.
        """
        return self._texts.used()

    def dump(self) -> bytes:
        """The whole state as bytes; the machine goes on from it exactly as it would have."""
        return dump_state(self.state)

    def load(self, block: bytes) -> None:
        """Take over the state of :meth:`dump`; the machine must be fresh and have the same settings."""
        load_state(self.state, block)

    def _take(self, item: Rare) -> None:
        """Take one rare event. A reference record is outside every watermark."""
        s = self.state
        if not is_reference(item):
            self._advance(item.watermark)
        with s.outbox.tracing(item.trace):
            if is_reference(item):
                take_reference(s, item)
            else:
                take_rare(s, item)

    def _absorb(self, batch: Batch, start: int, stop: int) -> None:
        """Absorb records ``start`` to ``stop``, and on the way every effect that falls due between them."""
        watermarks = batch.records["watermark"]
        while start < stop:
            self._advance(int(watermarks[start]))
            due = self._next_due()
            until = stop
            if watermarks[stop - 1] >= due:
                until = start + int(np.searchsorted(watermarks[start:stop], due, "left"))
            self._absorb_run(batch, start, until)
            start = until

    def _absorb_run(self, batch: Batch, start: int, stop: int) -> None:
        """Absorb records between which no effect is due, pausing behind those that need attention."""
        s = self.state
        events, rows, refusals = incoming(s, batch.records[start:stop], self._texts)
        s.lines.ensure(2 * len(events))
        tables = s.tables()
        attention = self._attention
        horizon_hours = s.settings.line_horizon_days * 24
        at = 0
        for refusal in [*refusals, None]:
            end = len(events) if refusal is None else refusal.record
            while at < end:
                at, noted = absorb(tables, events, rows, at, end, horizon_hours, attention)
                s.clock = max(s.clock, int(events["watermark"][at - 1]))
                with s.outbox.tracing(_trace(batch, events[at - 1])):
                    for entry in attention[:noted]:
                        attend(s, entry, events[at - 1], self._texts.one(events[at - 1]))
            if isinstance(refusal, Refusal):
                s.clock = max(s.clock, int(events["watermark"][end]))
                with s.outbox.tracing(_trace(batch, events[end])):
                    refuse(s, events[end], self._texts.one(events[end]), refusal)
                at = end + 1

    def _next_due(self) -> int:
        """Instant of the next effect of time."""
        return min(effect_due(self.state), self.state.schedule.next_instant)

    def _advance(self, watermark: int) -> None:
        """Run every effect due at or before ``watermark``, in the order of instants, and set the clock to it."""
        s = self.state
        if s.clock <= BEFORE_ALL < watermark:
            s.start_clock(watermark)
        while (instant := self._next_due()) <= watermark:
            if effect_due(s) == instant:
                s.clock = max(s.clock, instant)
                run_effect(s, instant)
                continue
            due = s.schedule.take(min(watermark, effect_due(s) - 1), final=False)
            if due is not None:
                close_due(s, due)
                s.clock = max(s.clock, instant)
        s.clock = max(s.clock, watermark)

    def _close_ended_days(self, watermark: int) -> None:
        """At the end of the input, close the days that have ended by ``watermark``.

        Their rows' minutes may be still to come.
        """
        s = self.state
        while (due := s.schedule.take(watermark, final=True)) is not None:
            close_due(s, due)


def _trace(batch: Batch, event: Any) -> str | None:
    """Trace of the message that a record was filled from."""
    if not batch.traces:
        return None
    return batch.traces.get((int(event["topic"]), int(event["partition"]), int(event["offset"])))
