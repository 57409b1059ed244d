"""Takes a view on from where it is: reads, upserts, and after a pass from the beginning removes what is left over."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from sinks.entries import Entry, Layout, UnreadableError, entry
from sinks.redis_store import Store
from sinks.status import KAFKA_VIEW, REDIS, Status
from sinks.tail import Record, Tail, TopicState
from sinks.view_position import Position, beginning, going_on

BATCH = 128
READ_SECONDS = 0.1
BEAT_SECONDS = 1.0
"""At least so often the position is written, which shows whether Redis is still there and still the same."""
LOOK_SECONDS = 60.0
"""At least so often the topics are looked at: whether they are still the same."""
ANSWER_SECONDS = 1.0
REBUILT = msgspec.json.encode({"type": "view.rebuilt"})


class ViewCounts:
    """What became of records so far, how often the view was built anew, and what was swept out then."""

    def __init__(self) -> None:
        self.applied = 0
        self.deleted = 0
        self.refused = 0
        self.unreadable = 0
        self.builds = 0
        self.swept = 0

    @property
    def taken(self) -> int:
        """Records read and done with."""
        return self.applied + self.deleted + self.refused + self.unreadable


class Hooks(NamedTuple):
    """Who is told sentences for the log, and how many records Redis has acknowledged."""

    note: Callable[[str], None]
    on_written: Callable[[int], None]


class Follower:
    """One view, in one thread. After any error of a client, `resume` is how to go on."""

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
        self._token = b""
        self._goal: dict[str, list[int]] = {}
        self._written: dict[str, list[int]] = {}
        self._beat_at = self._look_at = self._confirmed_at = 0.0

    def resume(self) -> None:
        """Find out where the view is and go on from there, or begin to build it again."""
        self._written = {}
        kept, age_s = self._store.position()
        found = self._tail.look()
        self._look_at = time.monotonic() + LOOK_SECONDS
        judged = going_on(kept, age_s, found)
        if isinstance(judged, Position):
            self._position, self._token = judged, kept
        else:
            self._begin(kept, judged, found)
        self._goal = {topic: state.high for topic, state in found.items()}
        self._tail.start(self._position.offsets)

    def step(self) -> None:
        """Read what is there, or wait for it a little, and write it.

        Raises
        ------
        MovedError, TailLostError
            The view, or the topics, are not what they were.
        RedisError, KafkaException, TidegaugeError
            Redis or Kafka does not do its part.
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
        """Whether everything before these offsets is in the view.

        May be asked from any thread. Redis itself must have said so since the instant ``since`` (monotonic, s): before,
        it may have lost again what it had.
        """
        if self._confirmed_at < since:
            self._beat_at = 0.0
            return False
        return self._position.complete and _reached(self._written, ends)

    def _begin(self, kept: bytes, reason: str, found: Mapping[str, TopicState]) -> None:
        self._note(f"the view in Redis is built from the beginning of the topics, since {reason}")
        self.counts.builds += 1
        self._token = kept
        self._write(beginning(uuid.uuid4().hex, found), [])

    def _write(self, position: Position, entries: Sequence[Entry]) -> None:
        token, asked_at = position.encode(), time.monotonic()
        done = self._store.apply(self._token, token, position.build, entries, tell=position.complete)
        self._position, self._token, self._confirmed_at = position, token, asked_at
        self.counts.applied += done.applied
        self.counts.deleted += done.deleted
        self.counts.refused += done.refused
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
                # The first, the second, the fourth ... is told: nobody reads a line for each of a million.
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
        """Say how Kafka is, and now and then look whether the topics are still the same."""
        if self._tail.trouble and not self._tail.answers(ANSWER_SECONDS):
            self._status.failing(KAFKA_VIEW, self._tail.trouble)
            return
        self._status.ok(KAFKA_VIEW)
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            ids = {topic: state.id for topic, state in self._tail.look().items()}
            if ids != {topic: place.id for topic, place in self._position.topics.items()}:
                self.resume()


def _reached(at: Mapping[str, Sequence[int]], ends: Mapping[str, Sequence[int]]) -> bool:
    """Whether every partition is read up to its end; more partitions than ends may be there."""
    return all(
        topic in at and len(at[topic]) >= len(offsets) and all(a >= b for a, b in zip(at[topic], offsets, strict=False))
        for topic, offsets in ends.items()
    )
