"""Finds records of others in the output topics: offsets between an engine's own records that are not its own.

The Kafka sink notes the offset of every acknowledged record. Once everything sent is acknowledged, the records of a
partition have consecutive offsets, unless somebody else has written there: a second engine on the same topics, or a
tool. Nothing is read for that.
"""

from sinks.status import SECOND_ENGINE, Status


class OwnOffsets:
    """Offsets of the records of one run, in all output partitions; used by one thread."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._next: dict[tuple[str, int], int] = {}
        """The offset that the next own record has if nobody else writes."""
        self._new: dict[tuple[str, int], list[int]] = {}
        """Number of records since the last check, with the first and the last offset."""

    def take(self, topic: str, partition: int, offset: int) -> None:
        """Note an acknowledged record; those of several producers come in any order."""
        found = self._new.get((topic, partition))
        if found is None:
            self._new[topic, partition] = [1, offset, offset]
            return
        found[0] += 1
        found[1] = min(found[1], offset)
        found[2] = max(found[2], offset)

    def check(self) -> None:
        """Warn of records of others. Call it when everything sent is acknowledged."""
        for (topic, partition), (count, first, last) in self._new.items():
            start = self._next.get((topic, partition), first)
            self._next[topic, partition] = last + 1
            others = last + 1 - start - count
            if start <= first and others > 0:
                sentence = (
                    f"topic {topic}, partition {partition}: {others} of the records at offsets {start} to {last} are "
                    "of somebody else; a second engine writes to the same topics, or a tool; stop one of the two"
                )
                self._status.warn(SECOND_ENGINE, sentence, others)
        self._new.clear()
