"""Buffered messages are taken out by key, each once and in order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flows.input.block_queue import BlockQueue
from flows.input.sorted_block import REJECT, SortedBlock, empty_block
from sensing.codec.event_record import EVENT, Reject
from tests.flows.input.blocks import gathered


def block_of(keys: list[int], first: int) -> SortedBlock:
    """Rejects with these keys; their offset is their number."""
    rejects = [
        Reject(
            value=b"", headers={}, topic="orders", partition=0, offset=first + at, time=0, reason="not_json",
            field=None, required="", got="",
        )
        for at in range(len(keys))
    ]  # fmt: skip
    kinds, sources = np.full(len(keys), REJECT, np.uint8), np.zeros(len(keys), np.uint16)
    numbers = np.arange(first, first + len(keys))
    return SortedBlock(np.array(keys, np.int64), kinds, sources, numbers, np.empty(0, EVENT), [], rejects, ())


@given(st.lists(st.one_of(st.lists(st.integers(0, 3), min_size=1, max_size=4), st.integers(0, 30)), max_size=12))
def test_messages_leave_once_and_in_order(script: list[list[int] | int]) -> None:
    """What is taken is what a plain list of (key, number) gives; what waits is known by its first and its count."""
    queue = BlockQueue()
    plain: list[tuple[int, int]] = []
    key = number = 0
    for step in script:
        if isinstance(step, list):
            keys = (key + np.cumsum(step)).tolist()
            queue.add(block_of(keys, number))
            plain += zip(keys, range(number, number + len(keys)), strict=True)
            key, number = keys[-1], number + len(keys)
        else:
            taken = gathered([empty_block(), *queue.take(step)])
            expected = [entry for entry in plain if entry[0] < step]
            plain = plain[len(expected) :]
            assert list(zip(taken.keys.tolist(), taken.numbers.tolist(), strict=True)) == expected
            assert [reject.offset for reject in taken.rejects] == [number for _, number in expected]
        assert len(queue) == len(plain)
        if plain:
            assert (queue.first_key, queue.first_number) == plain[0]
            assert [queue.key_of(count + 1) for count in range(len(plain))] == [entry[0] for entry in plain]
