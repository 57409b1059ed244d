"""Topic-partition: the position of a message in the input. A file counts as the only partition of its topic."""

from typing import NamedTuple


class TopicPartition(NamedTuple):
    """A partition of a topic; topics have the names of the contracts, without prefix."""

    topic: str
    partition: int
