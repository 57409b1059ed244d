"""Topic-partitions: where a message is. A file is the only partition of its topic."""

from typing import NamedTuple


class TopicPartition(NamedTuple):
    """A partition of a topic of the contracts."""

    topic: str
    partition: int
