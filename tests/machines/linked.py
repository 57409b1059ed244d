"""Streams as a source group sends them: aliases resolved, superseded items renamed, records of kit parts added."""

from collections.abc import Sequence

from sensing.codec.aliases import resolve_aliases
from sensing.codec.event_record import BEFORE_ALL, Batch, InfrequentEvent, Topic
from sensing.codec.item_links import ItemLinks
from sensing.codec.kit_parts import add_kit_parts
from sensing.codec.supersede import Superseded
from sensing.machine_settings import Settings
from tests.machines.streams import Line, Stream


class Linked(Stream):
    """A stream whose reference records were all read before; what follows from them is told at its beginning."""

    def __init__(self, lines: Sequence[Line], end: int | None = None) -> None:
        super().__init__(lines, end)
        self.links = ItemLinks()
        self.superseded = Superseded(Settings().lateness_ms)
        notices = self.learn([message for _, message in self.infrequent], BEFORE_ALL)
        self.infrequent = [*((0, notice) for notice in notices), *self.infrequent]

    def learn(self, messages: Sequence[InfrequentEvent], watermark: int) -> list[InfrequentEvent]:
        """Learn reference records at a watermark; returns the notices that follow."""
        notices = []
        for message in messages:
            if message.topic == Topic.REFERENCE:
                self.links.learn(message)
                notices += self.superseded.learn(message, self.links, watermark)
        return [notice._replace(watermark=BEFORE_ALL) for notice in notices]

    def cut(self, start: int, stop: int) -> Batch:
        """Messages ``start`` to ``stop`` (exclusive), linked."""
        batch = self.superseded.apply(resolve_aliases(super().cut(start, stop), self.links))
        return add_kit_parts(batch, self.links, self.superseded.successions)


class Arriving(Linked):
    """A stream whose source learns a reference record when the batch after it begins. Batches are cut in order."""

    learned = 0

    def learn(self, messages: Sequence[InfrequentEvent], watermark: int) -> list[InfrequentEvent]:
        """Learn nothing at the beginning."""
        return super().learn(messages, watermark) if watermark > BEFORE_ALL else []

    def cut(self, start: int, stop: int) -> Batch:
        """Messages ``start`` to ``stop`` (exclusive), linked with what came before."""
        heard = [message for place, message in self.infrequent if self.learned <= place < start]
        notices = self.learn(heard, max(int(self.watermarks[start - 1]), 1)) if start else []
        self.learned = start
        batch = super().cut(start, stop)
        return batch._replace(infrequent=[*((0, notice) for notice in notices), *batch.infrequent])
