"""The careful decoder alone, as the oracle of the scanner, and the comparison of two results."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from sensing.codec import decode as module
from sensing.codec.decode import Decoded, decode
from sensing.codec.event_record import EVENT
from sensing.codec.message_block import Block
from sensing.codec.scan import scan
from sensing.codec.scan_table import table_of
from tests.codec.blocks import texts_of
from tests.codec.hostile import Line


@contextmanager
def without_scanner() -> Iterator[None]:
    """Decode every message with the careful decoder while the context is open."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_table", lambda topic: None)
        yield


def carefully(topic: str, block: Block) -> Decoded:
    """Result of the careful decoder for a block."""
    with without_scanner():
        return decode(topic, 0, block)


def by_topic(lines: Iterable[Line]) -> dict[str, Block]:
    """Lines of every topic as one block, in their order."""
    topics = defaultdict(list)
    for topic, line in lines:
        topics[topic].append(line)
    return {topic: Block.of(values, np.arange(len(values))) for topic, values in topics.items()}


def assert_same(found: Decoded, expected: Decoded) -> None:
    """Assert that both results are equal to the byte."""
    assert found.positions.tolist() == expected.positions.tolist()
    assert found.records.tobytes() == expected.records.tobytes()
    assert texts_of(found) == texts_of(expected)
    assert (found.infrequent, found.infrequent_positions) == (expected.infrequent, expected.infrequent_positions)
    assert (found.rejects, found.reject_positions) == (expected.rejects, expected.reject_positions)


def plain_count(topic: str, block: Block) -> int:
    """Number of messages of a block that the scanner decodes."""
    table = table_of(topic)
    return 0 if table is None else int(scan(block, table, (0, 0), np.empty(len(block), EVENT)).plain.sum())
