"""Position from which a view continues, and reasons to rebuild it."""

import msgspec
import pytest

from sinks.topic_tail import TopicState
from sinks.view_position import (
    AGE_MAX_S,
    OwnedError,
    Owner,
    Position,
    TopicPartitionPosition,
    beginning,
    going_on,
    refuse_foreign,
)

FOUND = {"exceptions": TopicState("id-e", [0, 2], [5, 9]), "planning-parameters": TopicState("id-p", [0], [7])}
OWNER, OTHER = Owner("c1", "eu."), Owner("c1", "us.")
KEPT = Position(
    2,
    "b1",
    complete=True,
    topics={
        "exceptions": TopicPartitionPosition("id-e", [5, 2]),
        "planning-parameters": TopicPartitionPosition("id-p", [3]),
    },
    owner=OWNER,
    writer="w1",
)


def test_a_build_starts_where_the_topics_do() -> None:
    """At the first offset of every partition, with nothing complete yet."""
    start = beginning("b2", FOUND, OWNER, "w2")

    assert start.offsets == {"exceptions": [0, 2], "planning-parameters": [0]}
    assert (start.format, start.build, start.complete) == (2, "b2", False)


def test_a_view_goes_on_where_it_was() -> None:
    """What was kept is what is gone on from, however far it is and whether or not it was complete."""
    for kept in (KEPT, msgspec.structs.replace(KEPT, complete=False), beginning("b2", FOUND, OWNER, "w2")):
        assert going_on(kept.encode(), AGE_MAX_S, FOUND, OWNER) == kept


def test_moving_changes_offsets_alone() -> None:
    """The same build of the same topics, further on; the old position is as it was."""
    moved = KEPT.moved({"exceptions": [5, 9], "planning-parameters": [4]})

    assert moved.offsets == {"exceptions": [5, 9], "planning-parameters": [4]}
    assert msgspec.structs.replace(moved, topics=KEPT.topics) == KEPT
    assert KEPT.offsets["exceptions"] == [5, 2]


def test_new_partitions_are_read_from_their_beginning() -> None:
    """A topic that got more partitions needs no new build."""
    grown = FOUND | {"exceptions": TopicState("id-e", [0, 2, 4], [5, 9, 6])}
    position = going_on(KEPT.encode(), 0, grown, OWNER)

    assert isinstance(position, Position)
    assert position.offsets["exceptions"] == [5, 2, 4]


REASONS = [
    (b"", 0.0, FOUND, "there is none"),
    (b"nonsense", 0.0, FOUND, "its position cannot be read"),
    (b'{"format":1}', 0.0, FOUND, "its position cannot be read"),
    (msgspec.structs.replace(KEPT, format=1).encode(), 0.0, FOUND, "its format is 1, not 2"),
    (KEPT.encode(), AGE_MAX_S + 1.0, FOUND, "it is 12 hours old and may have missed deletions"),
    (msgspec.structs.replace(KEPT, owner=OTHER).encode(), 0.0, FOUND, "it is one of topics us.* of Kafka cluster c1"),
    (KEPT.encode(), 0.0, {"exceptions": FOUND["exceptions"]}, "made of the topics exceptions, planning-parameters"),
    (
        KEPT.encode(), 0.0, FOUND | {"planning-parameters": TopicState("id-q", [0], [7])},
        "it was made of another topic planning-parameters (id-p, now id-q)",
    ),
    (
        KEPT.encode(), 0.0, FOUND | {"exceptions": TopicState("id-e", [0, 3], [5, 9])},
        "it is at offset 2 of topic exceptions, partition 1, which has 3 to 9",
    ),
    (
        KEPT.encode(), 0.0, FOUND | {"exceptions": TopicState("id-e", [0, 0], [4, 9])},
        "it is at offset 5 of topic exceptions, partition 0, which has 0 to 4",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kept", "age_s", "found", "reason"), REASONS)
def test_a_view_that_cannot_go_on_says_why(
    kept: bytes, age_s: float, found: dict[str, TopicState], reason: str
) -> None:
    """Missing, unreadable, of another format, too old, of other topics, outside the log: each is named."""
    judged = going_on(kept, age_s, found, OWNER)

    assert isinstance(judged, str)
    assert reason in judged


def test_another_owner_is_refused_until_it_has_left() -> None:
    """Another cluster and another prefix, for half a day; not the own view, and none that cannot be read."""
    for other in (OTHER, Owner("c2", "eu.")):
        kept = msgspec.structs.replace(KEPT, owner=other).encode()
        with pytest.raises(OwnedError, match=f"got one of topics {other.prefix}\\* of Kafka cluster {other.cluster}, "):
            refuse_foreign(kept, AGE_MAX_S, OWNER, "t:view")
        refuse_foreign(kept, AGE_MAX_S + 1.0, OWNER, "t:view")
    for kept in (KEPT.encode(), b"", b"nonsense", msgspec.structs.replace(KEPT, format=1, owner=OTHER).encode()):
        refuse_foreign(kept, 0.0, OWNER, "t:view")
