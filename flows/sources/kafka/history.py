"""A Kafka partition read to an end that is fixed at the start, by event time alone: as `flows.sources.stream` a file.

Broker timestamps say when a history was loaded, not when it happened; so, as in files, a date is judged by the dates
that come after it.
"""

from collections import deque
from itertools import islice

import numpy as np

from flows.sources.judge import AHEAD_OF, NO_TIMES, WINDOW, Judge, Times
from flows.sources.kafka.feed import Chunk, Feed
from flows.sources.run import REJECT
from sensing.codec.block import Block, Message
from sensing.settings import Settings
from sinks.kafka_client import Log


class HistoryFeed(Feed):
    """A feed whose messages wait for the dates that they are judged by; behind ``log.end`` there is nothing."""

    def __init__(self, source: int, log: Log, offset: int, settings: Settings) -> None:
        super().__init__(source, log, offset, settings)
        self._unjudged: deque[Chunk] = deque()
        self._dates = Judge(settings.skew_ms)
        self.at_end = offset >= log.end

    @property
    def size_bytes(self) -> int:
        """Values of messages that wait for other partitions; those that wait for later dates need more to be read."""
        return super().size_bytes - sum(chunk.block.data.nbytes for chunk in self._unjudged)

    @property
    def handed(self) -> int:
        """Offset to go on from: that of the first message which waits or is not judged yet, else the next one."""
        if not len(self) and self._unjudged:
            return int(self._unjudged[0].block.offsets[0])
        return super().handed

    def take(self, block: Block, now: float) -> None:
        """Decode messages that follow on those before."""
        within = int(np.searchsorted(block.offsets, self.log.end))
        if within:
            self._unjudged.append(self._decode(_first(block, within), now))
        self.end(int(block.offsets[-1]) + 1, now)

    def end(self, offset: int, now: float) -> None:
        """The partition was read up to this offset, and there may be more."""
        self.position = max(self.position, min(offset, self.log.end))
        self.at_end = self.current = offset >= self.log.end
        self.heard = now
        while self._unjudged and (self.at_end or len(self._later()) >= WINDOW - 1):
            self._judge()

    def passed(self, offset: int, now: float) -> None:
        """Messages that are no events were passed over, the last one at this offset."""
        self.end(offset + 1, now)

    def lose(self) -> None:
        """What was read to its end stays so."""

    def _later(self) -> Times:
        """Dates that are there to judge the last message of the oldest chunk by."""
        chunks = islice(self._unjudged, 1, None)
        return np.concatenate([NO_TIMES, *(chunk.times[chunk.kinds != REJECT] for chunk in chunks)])

    def _judge(self) -> None:
        chunk, later = self._unjudged[0], self._later()
        self._unjudged.popleft()
        valid = chunk.kinds != REJECT
        future = np.zeros(len(valid), np.bool_)
        future[valid] = self._dates.future(chunk.times[valid], later)
        self._key(chunk, chunk.times, future)

    def _ahead_of(self, message: Message) -> str:
        return AHEAD_OF


def _first(block: Block, count: int) -> Block:
    """The first messages of a block, without the broker's timestamps."""
    headers = None if block.headers is None else block.headers[:count]
    keys = None if block.keys is None else block.keys[:count]
    return Block(block.data, block.starts[:count], block.ends[:count], block.offsets[:count], None, headers, keys)
