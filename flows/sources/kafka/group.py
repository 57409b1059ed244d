"""The clock of a source group: what may be handed on, and the watermark in force at every message of it.

Messages of all partitions are handed on in one merge by (largest event time so far in the partition, topic and
partition), as replays do. A partition of which more is known to be there, and which has nothing to give at the moment,
holds the others at the event time that it has reached. So the topics of a long history stay side by side. One that has
said nothing for ``PATIENCE_SECONDS`` (its broker is away) lets the others run ahead of it by ``DRIFT_MS``, and so does
another group of partitions.

A partition that is read to its end holds nothing: what comes after that is not earlier than the wall clock. One that is
current, but too busy to be ever seen at its end, does not hold the messages of others either; its event times may be
hours old because it is fed that way. The clock it does hold, as one does that cannot be reached; unless it never had
an event, so that nothing is ever handed on before there is a watermark.

The clock never goes on by more than ``LEAP_MS`` at once: days that close are work, and epochs must be able to end
between them. So it comes in steps from the end of an old history to the present.
"""

from collections.abc import Callable, Sequence

import numpy as np

from flows.sources.judge import Times
from flows.sources.kafka.feed import FAR, Feed
from flows.sources.run import RARE, RECORD, Run, empty_run, interleave
from sensing.codec.record import BEFORE_ALL
from sensing.settings import DAY_MS, HOUR_MS, Settings

PATIENCE_SECONDS = 1.0
DRIFT_MS = 6 * HOUR_MS
LEAP_MS = DAY_MS
HAND_MESSAGES = 10_000
"""About so many messages of a partition are handed on at once, so that an epoch can end between them.

No more are polled at once.
"""


class Peers:
    """What the groups of a source know of each other; they run in one thread.

    ``fronts`` says how far each could hand on (UTC ms), ``behind`` which have not caught up yet, ``going`` which have
    not ended.
    """

    def __init__(self, groups: int) -> None:
        self.fronts = [BEFORE_ALL] * groups
        self.behind = set(range(groups))
        self.going = set(range(groups))

    def others(self, group: int) -> int:
        """The least front of all groups but one."""
        return min((front for number, front in enumerate(self.fronts) if number != group), default=FAR)


class GroupClock:
    """The watermark of a group of partitions, UTC ms. It never goes back, nor ahead of the wall clock.

    Parameters
    ----------
    feeds
        The partitions in the order in which they stand in the merge.
    is_away
        Whether a partition cannot be reached at present; such a one is not at its end, whatever it said before.
    event_time
        Whether events alone move the clock, as in a replay; the end of a partition does not.

    Attributes
    ----------
    front
        How far the group could hand on the last time, UTC ms; FAR where nothing held it.
    leaping
        Whether the clock went on by a step without any message, since the next event, or the present, is far ahead.
    """

    def __init__(
        self, feeds: Sequence[Feed], settings: Settings, is_away: Callable[[Feed], bool], *, event_time: bool = False
    ) -> None:
        self.watermark = BEFORE_ALL
        self._feeds = feeds
        self._settings = settings
        self.front = BEFORE_ALL
        self.leaping = False
        self._is_away = is_away
        self._event_time = event_time

    def hand(self, wall_ms: int, now: float, others: int = FAR) -> Run:
        """What may be handed on, with watermarks; too late messages have become rejects.

        Parameters
        ----------
        wall_ms
            Wall clock, UTC ms.
        now
            Monotonic clock, seconds.
        others
            The least ``front`` of the other groups, UTC ms.
        """
        if self._event_time:
            wall_ms = FAR
        for feed in self._feeds:
            if self._ended(feed):
                feed.reached = max(feed.reached, wall_ms)
        waiting = [feed for feed in self._feeds if not self._ended(feed)]
        # Of messages with equal keys those of the partition that stands first go first.
        ends = [(self._limit(feed, now), feed.source) for feed in waiting if self._event_time or not feed.current]
        self.front = min((end for end, _ in ends), default=FAR)
        ahead, step = self._ahead(wall_ms), self._step()
        self.leaping = self.watermark != BEFORE_ALL and step < ahead < FAR
        if self.leaping:
            self._advance(step)
            return empty_run()
        ends += [(feed.key_of(HAND_MESSAGES), feed.source) for feed in self._feeds if len(feed) > HAND_MESSAGES]
        limit, last = min([*ends, (others + DRIFT_MS, len(self._feeds)), (step, len(self._feeds))])
        cap = min([wall_ms, *(feed.reached for feed in waiting if not self._eventless(feed))])
        run = interleave([run for feed in self._feeds for run in feed.hand(limit, inclusive=feed.source <= last)])
        run = self._stamped(run, cap)
        if not self._event_time:
            self._advance(min(self._ahead(wall_ms), step))
        for feed in self._feeds:
            feed.settled()
        return run

    @property
    def over(self) -> bool:
        """Whether every partition was read to its end and handed on."""
        return all(self._ended(feed) and not len(feed) for feed in self._feeds)

    def _ended(self, feed: Feed) -> bool:
        return feed.at_end and not self._is_away(feed)

    def _eventless(self, feed: Feed) -> bool:
        """Whether all is read that a partition has, and no event was among it."""
        return feed.current and feed.reached == BEFORE_ALL and not self._event_time

    def _ahead(self, wall_ms: int) -> int:
        """Event time (UTC ms) before which nothing is to come, late events aside."""
        return min([wall_ms, *(feed.bound() for feed in self._feeds if not self._eventless(feed))])

    def _step(self) -> int:
        """Event time (UTC ms) up to which the clock may go on at once; it begins wherever the first message is."""
        if self.watermark != BEFORE_ALL:
            return self.watermark + self._settings.lateness_ms + LEAP_MS
        first = min((feed.bound() for feed in self._feeds if len(feed)), default=FAR)
        # What comes before the first event of a partition has no time: it goes by itself.
        return first + LEAP_MS if first != BEFORE_ALL else BEFORE_ALL

    def _limit(self, feed: Feed, now: float) -> int:
        stalled = not self._event_time and now - feed.heard > PATIENCE_SECONDS
        return feed.reached + (DRIFT_MS if stalled else 0)

    def _advance(self, reached: int) -> None:
        self.watermark = max(self.watermark, reached - self._settings.lateness_ms)

    def _stamped(self, run: Run, cap: int) -> Run:
        """Give every message the watermark in force when it is handed on, and refuse what is too late for it."""
        if not len(run):
            return run
        watermarks: Times = np.maximum(np.minimum(run.keys, cap) - self._settings.lateness_ms, self.watermark)
        self.watermark = int(watermarks[-1])
        run.records["watermark"] = watermarks[run.kinds == RECORD]
        marks = watermarks[run.kinds == RARE].tolist()
        rare = [event._replace(watermark=mark) for event, mark in zip(run.rare, marks, strict=True)]
        run = Run(run.keys, run.kinds, run.sources, run.numbers, run.records, rare, run.rejects, run.texts)
        times = np.full(len(run), FAR, np.int64)
        times[run.kinds == RECORD] = run.records["time"]
        times[run.kinds == RARE] = [event.time for event in rare]
        late = times < watermarks - self._settings.horizon_ms
        if not late.any():
            return run
        by_source = {feed.source: feed for feed in self._feeds}
        return run.refused(
            late,
            lambda at: by_source[int(run.sources[at])].refuse(
                int(run.numbers[at]), "too_late", int(times[at]), int(watermarks[at])
            ),
        )
