"""Blocks of messages in one array."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sensing.codec.message_block import Block, Message
from tests.codec.blocks import block_of

DATA = np.frombuffer(b"abcdef", np.uint8)


def bounds(*at: int) -> NDArray[np.int64]:
    """Bounds or offsets of messages."""
    return np.array(at, np.int64)


def test_messages_come_out_as_they_went_in() -> None:
    """Value, headers, offset, time and key of every message, empty ones and those without included."""
    messages = [Message(b"a", {"h": b"1"}, 7, 5, b"k"), Message(b"", None, 9, 0, None), Message(b"xyz", {}, 4, 3, b"")]
    block = block_of(messages)
    values = [message.value for message in messages]

    assert [block.message(i) for i in range(len(block))] == messages
    bare = Block.of(values, bounds(7, 9, 4))
    assert [bare.message(i) for i in range(len(bare))] == [
        Message(message.value, None, message.offset, None, None) for message in messages
    ]
    assert block.headers_of(bounds(1, 0)) == [{}, {"h": b"1"}]
    assert bare.headers_of(bounds(1, 0)) == [{}, {}]
    assert len(Block.of([], bounds())) == 0


def test_memory_may_hold_more_than_the_messages() -> None:
    """Messages lie anywhere in the memory, also one in another."""
    block = Block(DATA, bounds(1, 0, 6), bounds(3, 6, 6), bounds(0, 1, 2))

    assert block.values(np.arange(3)) == [b"bc", b"abcdef", b""]


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 2), (0, 7), (7, 8), (7, 7)])
def test_a_message_outside_the_memory_is_refused(start: int, end: int) -> None:
    """The scanner trusts bounds, so wrong ones are found here: the message names the message and its bounds."""
    with pytest.raises(
        ValueError, match=f"block: required message 1 within 6 bytes, got {start} to {end}; give its bounds in data"
    ):
        Block(DATA, bounds(0, start), bounds(2, end), bounds(0, 1))


@pytest.mark.parametrize("name", ["ends", "offsets", "times", "headers", "keys"])
def test_every_message_has_all_columns(name: str) -> None:
    """A column that is too short is named."""
    columns: dict[str, Any] = {"ends": bounds(2, 3), "offsets": bounds(0, 1), name: []}
    with pytest.raises(ValueError, match=f"block: required {name} of 2 messages, got 0; give one for every message"):
        Block(DATA, bounds(0, 1), **columns)
