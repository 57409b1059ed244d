"""Decodes a block of messages; a defect of the decoder names the message. Partition buffers call it."""

import numpy as np

from sensing.codec.decode import Decoded, decode
from sensing.codec.decode_options import DecodeOptions
from sensing.codec.message_block import Block
from sensing.machines.failure import EventPlace, failed_event, failed_range, first_failing


def decode_block(topic: str, partition: int, block: Block, options: DecodeOptions) -> Decoded:
    """Decode a block.

    Raises
    ------
    MachineFailure
        The decoder raised, which no message may cause. The failure names the first message that raises alone.
    """
    try:
        return decode(topic, partition, block, options)
    except Exception as error:
        places = [EventPlace(topic, partition, offset) for offset in block.offsets.tolist()]
        values = block.values()
        at = first_failing(
            len(block), lambda at: decode(topic, partition, Block.of([values[at]], np.zeros(1, np.int64)), options)
        )
        if at is None:
            raise failed_range(places[0], places[-1], len(places), error) from error
        raise failed_event(places[at], error) from error
