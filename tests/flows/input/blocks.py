"""Sorted blocks for tests."""

import numpy as np

from flows.input.sorted_block import SortedBlock
from sensing.codec.event_record import EVENT


def gathered(blocks: list[SortedBlock]) -> SortedBlock:
    """Blocks one after another as one."""
    if len(blocks) < 2:
        return blocks[0]
    return SortedBlock(
        np.concatenate([block.keys for block in blocks]),
        np.concatenate([block.kinds for block in blocks]),
        np.concatenate([block.sources for block in blocks]),
        np.concatenate([block.numbers for block in blocks]),
        np.concatenate([block.records.view(np.uint64) for block in blocks]).view(EVENT),
        [event for block in blocks for event in block.infrequent],
        [reject for block in blocks for reject in block.rejects],
        tuple(table for block in blocks for table in block.texts),
    )
