"""View updater: reads the output topics from the view's position on and upserts records into Redis.

`sinks.redis_view` runs it in a thread. After a rebuild from the beginning it deletes entries of earlier builds.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from sinks.redis_store import Store
from sinks.status import KAFKA_VIEW, REDIS, SECOND_ENGINE, VIEW, VIEW_KEY_REPLACED, VIEW_QUEUE_LOST, Status
from sinks.topic_tail import Record, Tail, TopicState
from sinks.view_entries import Entry, Layout, UnreadableError, entry
from sinks.view_position import Owner, Position, beginning, going_on, refuse_foreign

BATCH = 128
READ_SECONDS = 0.1
BEAT_SECONDS = 1.0
"""The position is written at least this often, which also shows whether Redis answers and still has the view."""
LOOK_SECONDS = 60.0
"""How often topic ids and sizes of queues are compared with those of the view: a topic may have been created anew, a
queue may have been deleted."""
ANSWER_SECONDS = 1.0
SHOWN_MAX = 5
REBUILT = msgspec.json.encode({"type": "view.rebuilt"})


class ViewCounts:
    """Counters: outcomes of records, builds of the view, keys that builds deleted, keys of another type replaced."""

    def __init__(self) -> None:
        self.applied = 0
        self.deleted = 0
        self.refused = 0
        self.unreadable = 0
        self.builds = 0
        self.swept = 0
        self.replaced = 0

    @property
    def taken(self) -> int:
        """Records read, whatever their outcome."""
        return self.applied + self.deleted + self.refused + self.unreadable


class Hooks(NamedTuple):
    """Callbacks: ``note`` gets sentences for the log, ``on_written`` the number of records that Redis acknowledged."""

    note: Callable[[str], None]
    on_written: Callable[[int], None]


class ViewUpdater:
    """Updates one view, in one thread. After any error of a client the caller calls `resume`."""

    def __init__(self, tail: Tail, store: Store, layout: Layout, status: Status, hooks: Hooks, ended_days: int) -> None:
        self.counts = ViewCounts()
        self._tail = tail
        self._store = store
        self._layout = layout
        self._status = status
        self._note = hooks.note
        self._on_written = hooks.on_written
        self._ended_days = ended_days
        self._position = Position(0, "", complete=False, topics={})
        self._writer = uuid.uuid4().hex
        self._key = layout.position
        self._token = b""
        self._goal: dict[str, list[int]] = {}
        self._written: dict[str, list[int]] = {}
        self._beat_at = self._look_at = self._confirmed_at = 0.0

    def resume(self) -> None:
        """Read the view's position and continue from there, or start a rebuild.

        Raises
        ------
        OwnedError
            The view belongs to another engine.
        """
        self._written = {}
        kept, age_s = self._store.position()
        found = self._tail.look()
        owner = self._owner(kept, age_s)
        self._status.ok(VIEW)
        self._look_at = time.monotonic() + LOOK_SECONDS
        judged = going_on(kept, age_s, found, owner)
        if isinstance(judged, Position):
            self._note_second(judged.writer)
            self._position, self._token = msgspec.structs.replace(judged, writer=self._writer), kept
        else:
            self._begin(kept, judged, found, owner)
        self._goal = {topic: state.high for topic, state in found.items()}
        self._tail.start(self._position.offsets)

    def step(self) -> None:
        """Read a batch, waiting briefly if there is none, and write it.

        Raises
        ------
        MovedError, TailLostError
            The view, or the topics, were changed by somebody else.
        RedisError, KafkaException, TidegaugeError
            Redis or Kafka failed.
        """
        records = self._tail.read(BATCH, READ_SECONDS)
        now = time.monotonic()
        if records or now >= self._beat_at:
            self._write(self._position.moved(self._tail.next), self._entries(records))
            self._beat_at = now + BEAT_SECONDS
            self._look_after_kafka(now)
        self._written = {topic: list(offsets) for topic, offsets in self._tail.next.items()}
        if not self._position.complete and _reached(self._written, self._goal):
            self._complete()

    def has(self, ends: Mapping[str, Sequence[int]], since: float) -> bool:
        """Whether every record before these offsets is in the view. May be called from any thread.

        Redis must have confirmed it after ``since`` (monotonic seconds): an earlier confirmation does not count, since
        Redis may have lost data after it.
        """
        if self._confirmed_at < since:
            self._beat_at = 0.0
            return False
        return self._position.complete and _reached(self._written, ends)

    def check_owner(self) -> None:
        """Check that no other engine owns the view; raises as `resume` does."""
        self._owner(*self._store.position())

    def _owner(self, kept: bytes, age_s: float) -> Owner:
        owner = Owner(self._tail.cluster_id(), self._tail.prefix)
        refuse_foreign(kept, age_s, owner, self._key)
        return owner

    def _note_second(self, writer: str) -> None:
        """Warn if somebody else has written the view since this updater did."""
        if self._token and writer != self._writer:
            sentence = f"another engine writes the view {self._key} of the same topics; stop one of the two"
            self._status.warn(SECOND_ENGINE, sentence)

    def _begin(self, kept: bytes, reason: str, found: Mapping[str, TopicState], owner: Owner) -> None:
        self._note(f"the view in Redis is built from the beginning of the topics, since {reason}")
        self.counts.builds += 1
        self._token = kept
        self._write(beginning(uuid.uuid4().hex, found, owner, self._writer), [])

    def _write(self, position: Position, entries: Sequence[Entry]) -> None:
        token, asked_at = position.encode(), time.monotonic()
        done = self._store.apply(self._token, token, position.build, entries, tell=position.complete)
        self._position, self._token, self._confirmed_at = position, token, asked_at
        self.counts.applied += done.applied
        self.counts.deleted += done.deleted
        self.counts.refused += done.refused
        if done.replaced:
            self.counts.replaced += done.replaced
            sentence = f"keys of the view {self._key} had another type and were replaced; somebody else writes them"
            self._status.warn(VIEW_KEY_REPLACED, sentence, done.replaced)
        self._status.ok(REDIS)
        if entries:
            self._on_written(len(entries))

    def _entries(self, records: Sequence[Record]) -> list[Entry]:
        entries = []
        for record in records:
            try:
                entries.append(entry(record, self._layout, self._ended_days))
            except UnreadableError as error:
                self.counts.unreadable += 1
                # Log the 1st, 2nd, 4th, 8th ... only: nobody reads a million lines.
                if self.counts.unreadable.bit_count() == 1:
                    self._note(str(error))
        return entries

    def _complete(self) -> None:
        swept = self._store.sweep(self._token, self._position.build)
        self.counts.swept += swept
        self._write(self._position.completed(), [])
        self._store.tell(REBUILT)
        self._note(f"the view in Redis is built; {swept} keys were left over from an earlier one and are gone")

    def _look_after_kafka(self, now: float) -> None:
        """Report the status of Kafka, and from time to time compare topics and queues with those of the view."""
        if self._tail.trouble and not self._tail.answers(ANSWER_SECONDS):
            self._status.failing(KAFKA_VIEW, self._tail.trouble)
            return
        self._status.ok(KAFKA_VIEW)
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            found = self._tail.look()
            if {topic: state.id for topic, state in found.items()} != self._position.ids:
                self.resume()
            elif self._position.complete and (lost := self._store.lost_queues()):
                names = f"{', '.join(sorted(lost)[:SHOWN_MAX])}{', ...' if len(lost) > SHOWN_MAX else ''}"
                self._status.warn(VIEW_QUEUE_LOST, f"queues of the view {self._key} were changed: {names}", len(lost))
                self._begin(self._token, f"somebody deleted or changed its queues {names}", found, self._position.owner)
                self._goal = {topic: state.high for topic, state in found.items()}
                self._tail.start(self._position.offsets)


def _reached(at: Mapping[str, Sequence[int]], ends: Mapping[str, Sequence[int]]) -> bool:
    """Whether every partition is read up to its end. ``at`` may have more partitions than ``ends``."""
    return all(
        topic in at and len(at[topic]) >= len(offsets) and all(a >= b for a, b in zip(at[topic], offsets, strict=False))
        for topic, offsets in ends.items()
    )
