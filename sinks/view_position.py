"""How far the view in Redis is in its topics, and whether it can go on from there."""

from collections.abc import Mapping, Sequence

import msgspec

from sinks.tail import TopicState

FORMAT = 1
"""Of the view: keys, fields and this position. Another one: the view is built again."""
AGE_MAX_S = 12 * 3600
"""Brokers keep deletions for a day at least (``delete.retention.ms``): an older view may miss some."""


class Place(msgspec.Struct, frozen=True):
    """Id of a topic, and the offset to read next per partition."""

    id: str
    next: list[int]


class Position(msgspec.Struct, frozen=True):
    """Everything before these offsets is in the view.

    ``build`` marks what one pass over the topics from their beginning has brought, and what came after it; a build is
    ``complete`` when all that has another mark is gone.
    """

    format: int
    build: str
    complete: bool
    topics: dict[str, Place]

    def encode(self) -> bytes:
        """The position as it is kept."""
        return msgspec.json.encode(self)

    @property
    def offsets(self) -> dict[str, list[int]]:
        """Offset to read next, per topic and partition."""
        return {topic: list(place.next) for topic, place in self.topics.items()}

    def moved(self, offsets: Mapping[str, Sequence[int]]) -> "Position":
        """The same build, further on."""
        topics = {topic: Place(place.id, list(offsets[topic])) for topic, place in self.topics.items()}
        return msgspec.structs.replace(self, topics=topics)

    def completed(self) -> "Position":
        """The same place, with nothing of earlier builds left."""
        return msgspec.structs.replace(self, complete=True)


def beginning(build: str, found: Mapping[str, TopicState]) -> Position:
    """Where a new build starts."""
    topics = {topic: Place(state.id, list(state.low)) for topic, state in found.items()}
    return Position(FORMAT, build, complete=False, topics=topics)


def going_on(kept: bytes, age_s: float, found: Mapping[str, TopicState]) -> Position | str:
    """The position to go on from, or why the view must be built again.

    Parameters
    ----------
    kept
        What is kept in Redis; empty where there is nothing.
    age_s
        Seconds since it was kept.
    found
        The topics as they are now.
    """
    if not kept:
        return "there is none"
    try:
        position = msgspec.json.decode(kept, type=Position)
    except msgspec.DecodeError:
        return "its position cannot be read"
    if position.format != FORMAT:
        return f"its format is {position.format}, not {FORMAT}"
    if age_s > AGE_MAX_S:
        return f"it is {age_s / 3600:.0f} hours old and may have missed deletions"
    if position.topics.keys() != found.keys():
        return f"it was made of the topics {', '.join(position.topics)}"
    for topic, state in found.items():
        if reason := _unfit(topic, position.topics[topic], state):
            return reason
    return position.moved({topic: _extended(position.topics[topic], state) for topic, state in found.items()})


def _unfit(topic: str, place: Place, state: TopicState) -> str:
    if place.id != state.id:
        return f"it was made of another topic {topic} ({place.id}, now {state.id})"
    for partition, (at, low, high) in enumerate(zip(place.next, state.low, state.high, strict=False)):
        if not low <= at <= high:
            return f"it is at offset {at} of topic {topic}, partition {partition}, which has {low} to {high}"
    return ""


def _extended(place: Place, state: TopicState) -> list[int]:
    """Offsets of all partitions: those that came to be since are read from their beginning."""
    return [*place.next, *state.low[len(place.next) :]]
