"""Position of the view in its topics and its owner, and the decision whether the view can continue, must be rebuilt, or
belongs to another engine.
"""

from collections.abc import Mapping, Sequence

import msgspec

from sinks.topic_tail import TopicState

FORMAT = 2
"""Version of the view's keys, fields and position. A view of another version is rebuilt."""
AGE_MAX_S = 12 * 3600
"""Brokers keep tombstones for a day by default (``delete.retention.ms``). An older view may have missed some. So
another owner may take it over: its own engine would rebuild it as well."""


class TopicPartitionPosition(msgspec.Struct, frozen=True):
    """Id of a topic, and the next offset of each partition."""

    id: str
    next: list[int]


class Owner(msgspec.Struct, frozen=True):
    """Whose topics the view shows: id of the Kafka cluster, and prefix of the topics."""

    cluster: str
    prefix: str

    def __str__(self) -> str:
        return f"{self.prefix}* of Kafka cluster {self.cluster}"


class OwnedError(Exception):
    """The view belongs to another engine. Nothing was changed."""


class Position(msgspec.Struct, frozen=True):
    """Position of the view: it has every record before these offsets.

    ``build`` is the id of a pass over the topics from their beginning and of all later updates. A build is ``complete``
    when the entries of other builds are deleted. ``writer`` is the id of the engine's run that wrote it.
    """

    format: int
    build: str
    complete: bool
    topics: dict[str, TopicPartitionPosition]
    owner: Owner = Owner("", "")
    writer: str = ""

    def encode(self) -> bytes:
        """The position as stored in Redis."""
        return msgspec.json.encode(self)

    @property
    def offsets(self) -> dict[str, list[int]]:
        """Offset to read next, per topic and partition."""
        return {topic: list(place.next) for topic, place in self.topics.items()}

    @property
    def ids(self) -> dict[str, str]:
        """Ids of the topics."""
        return {topic: place.id for topic, place in self.topics.items()}

    def moved(self, offsets: Mapping[str, Sequence[int]]) -> "Position":
        """The same build with other offsets."""
        topics = {topic: TopicPartitionPosition(place.id, list(offsets[topic])) for topic, place in self.topics.items()}
        return msgspec.structs.replace(self, topics=topics)

    def completed(self) -> "Position":
        """The same position, marked as complete."""
        return msgspec.structs.replace(self, complete=True)


def beginning(build: str, found: Mapping[str, TopicState], owner: Owner, writer: str) -> Position:
    """Start position of a new build."""
    topics = {topic: TopicPartitionPosition(state.id, list(state.low)) for topic, state in found.items()}
    return Position(FORMAT, build, complete=False, topics=topics, owner=owner, writer=writer)


def read(kept: bytes) -> Position | None:
    """A stored position; None if there is none that can be read."""
    try:
        return msgspec.json.decode(kept, type=Position)
    except msgspec.DecodeError:
        return None


def refuse_foreign(kept: bytes, age_s: float, owner: Owner, key: str) -> None:
    """Refuse a view that another engine has kept up to date within ``AGE_MAX_S``.

    Parameters
    ----------
    key
        Key of the position in Redis, for the way out.

    Raises
    ------
    OwnedError
        Names both owners and the ways out.
    """
    position = read(kept)
    if position is None or position.format != FORMAT or position.owner == owner or age_s > AGE_MAX_S:
        return
    msg = (
        f"redis {key}: required a view of topics {owner}, got one of topics {position.owner}, written {age_s:.0f} s "
        f"ago; set another redis.key_prefix, or stop the engine of the other one and take the view over: redis-cli DEL "
        f"{key} (after {AGE_MAX_S // 3600} hours without its engine it is taken over by itself)"
    )
    raise OwnedError(msg)


def going_on(kept: bytes, age_s: float, found: Mapping[str, TopicState], owner: Owner) -> Position | str:
    """The position to continue from, or the reason for a rebuild.

    Parameters
    ----------
    kept
        Position stored in Redis; empty if there is none.
    age_s
        Seconds since it was stored.
    found
        Current state of the topics.
    owner
        Whose topics they are.
    """
    if not kept:
        return "there is none"
    position = read(kept)
    if position is None:
        return "its position cannot be read"
    if position.format != FORMAT:
        return f"its format is {position.format}, not {FORMAT}"
    if position.owner != owner:
        return f"it is one of topics {position.owner}, whose engine has left it"
    if age_s > AGE_MAX_S:
        return f"it is {age_s / 3600:.0f} hours old and may have missed deletions"
    if position.topics.keys() != found.keys():
        return f"it was made of the topics {', '.join(position.topics)}"
    for topic, state in found.items():
        if reason := _unfit(topic, position.topics[topic], state):
            return reason
    return position.moved({topic: _extended(position.topics[topic], state) for topic, state in found.items()})


def _unfit(topic: str, place: TopicPartitionPosition, state: TopicState) -> str:
    if place.id != state.id:
        return f"it was made of another topic {topic} ({place.id}, now {state.id})"
    for partition, (at, low, high) in enumerate(zip(place.next, state.low, state.high, strict=False)):
        if not low <= at <= high:
            return f"it is at offset {at} of topic {topic}, partition {partition}, which has {low} to {high}"
    return ""


def _extended(place: TopicPartitionPosition, state: TopicState) -> list[int]:
    """Next offsets of all partitions. New partitions are read from their beginning."""
    return [*place.next, *state.low[len(place.next) :]]
