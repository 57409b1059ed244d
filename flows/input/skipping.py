"""Positions of events that are passed over: setting ``engine.skip`` and option ``--skip``.

An event that makes the engine fail would do so at every start. Its position, topic:partition:offset, is named in the
error. If it is skipped, its partition buffer turns it into a dead letter of reason ``skipped`` before it is decoded.
"""

import re
from collections.abc import Iterable, Mapping

from flows.input.topic_partition import TopicPartition
from sensing.codec.event_record import PARTITION_MAX, TOPICS

POSITION_TEXT = f"topic:partition:offset, such as orders:0:1234, with a topic of {', '.join(TOPICS)}"
_POSITION = re.compile(rf"({'|'.join(TOPICS)}):(\d{{1,9}}):(\d{{1,18}})")

Skips = Mapping[TopicPartition, frozenset[int]]
"""Offsets to pass over, by partition."""
NO_SKIPS: Skips = {}


def is_position(text: str) -> bool:
    """Whether a text names a position."""
    found = _POSITION.fullmatch(text)
    return found is not None and int(found[2]) <= PARTITION_MAX


def read_skips(texts: Iterable[str]) -> Skips:
    """Positions of texts, each of which `is_position`."""
    offsets: dict[TopicPartition, set[int]] = {}
    for text in texts:
        topic, partition, offset = text.split(":")
        offsets.setdefault(TopicPartition(topic, int(partition)), set()).add(int(offset))
    return {partition: frozenset(found) for partition, found in offsets.items()}
