"""Streams as a source group sends them: aliases resolved and records of kit parts added."""

from sensing.codec.aliases import resolve_aliases
from sensing.codec.event_record import Batch, Topic
from sensing.codec.item_links import ItemLinks
from sensing.codec.kit_parts import add_kit_parts
from tests.machines.streams import Stream


class Linked(Stream):
    """A stream whose reference records were all read before."""

    def links(self) -> ItemLinks:
        """Item links of all reference records."""
        found = ItemLinks()
        for _, message in self.infrequent:
            if message.topic == Topic.REFERENCE:
                found.learn(message)
        return found

    def cut(self, start: int, stop: int) -> Batch:
        """Messages ``start`` to ``stop`` (exclusive), linked."""
        links = self.links()
        return add_kit_parts(resolve_aliases(super().cut(start, stop), links), links)
