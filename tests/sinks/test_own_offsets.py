"""Records of others are found by the offsets between one's own."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.own_offsets import OwnOffsets
from sinks.status import SECOND_ENGINE
from tests.produced import produced
from tests.sinks.documents import exception
from tests.sinks.live import Told, make_topics, part_of, publish, sink_to


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60), st.randoms(use_true_random=False))
def test_all_between_the_own_ones_are_counted(written: list[tuple[bool, bool]], draw: object) -> None:
    """Whatever the order of acknowledgements and wherever checks fall: those between the first and the last own one."""
    told = Told()
    offsets, waiting = OwnOffsets(told), list[int]()
    for offset, (own, check) in enumerate(written):
        if own:
            waiting.append(offset)
        if check:
            draw.shuffle(waiting)  # type: ignore[attr-defined]  # a Random
            for acknowledged in waiting:
                offsets.take("t", 0, acknowledged)
            waiting.clear()
            offsets.check()
    for acknowledged in waiting:
        offsets.take("t", 0, acknowledged)
    offsets.check()

    mine = [offset for offset, (own, _) in enumerate(written) if own]
    between = mine[-1] - mine[0] + 1 - len(mine) if mine else 0
    assert sum(count for _, _, count in told.warnings) == between


def test_partitions_are_apart_and_a_log_that_starts_again_is_none() -> None:
    """A topic that was made anew has lower offsets; that is not somebody else's record."""
    told = Told()
    offsets = OwnOffsets(told)
    for place in (("t", 0, 5), ("t", 1, 90), ("u", 0, 7), ("t", 0, 6)):
        offsets.take(*place)
    offsets.check()
    offsets.take("t", 0, 0)
    offsets.check()
    assert told.warnings == []


def test_a_second_engine_is_seen_by_both(kafka: str, topics: str) -> None:
    """Two sinks write to one topic in turns: each finds the records of the other, and none of its own."""
    make_topics(kafka, f"{topics}exceptions")
    first, second, alone = Told(), Told(), Told()
    with part_of(sink_to(kafka, topics, status=first)) as one, part_of(sink_to(kafka, topics, status=second)) as two:
        for version in range(1, 4):
            for part in (one, two):
                part.write_batch([produced([exception("x", version), exception("y", version)])])
                part.snapshot()
    publish(kafka, topics, *(exception(f"z{n}") for n in range(50)), status=alone)

    assert [(subject, count) for subject, _, count in first.warnings] == [(SECOND_ENGINE, 2)] * 2
    assert [(subject, count) for subject, _, count in second.warnings] == [(SECOND_ENGINE, 2)] * 2
    assert first.warnings[0][1].startswith(
        f"topic {topics}exceptions, partition 0: 2 of the records at offsets 2 to 5 are of somebody else; a second"
    )
    assert alone.warnings == []
