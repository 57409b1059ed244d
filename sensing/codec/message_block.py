"""Message block: messages of one partition in one buffer. Sources fill it, the decoder reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Headers = dict[str, bytes]
ALL = slice(None)


class Message(NamedTuple):
    """One message. From Kafka it has headers, the broker's timestamp (UTC ms) and a key; from a file it has none."""

    value: bytes
    headers: Headers | None
    offset: int
    time: int | None
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Messages of one partition in reading order; message i is ``data[starts[i]:ends[i]]``.

    Parameters
    ----------
    data
        Buffer with all messages. Bytes between messages are never read.
    starts, ends
        Bounds of every message in ``data``, int64.
    offsets
        Position of every message in its partition, int64: the Kafka offset or the line number.
    times
        The broker's timestamps, UTC ms, 0 for a message without one; None: no message has one.
    headers
        Headers of every message, None for a message without; None: no message has any.
    keys
        Key of every message, with the same rules.
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    offsets: NDArray[np.int64]
    times: NDArray[np.int64] | None = None
    headers: Sequence[Headers | None] | None = None
    keys: Sequence[bytes | None] | None = None

    def __post_init__(self) -> None:
        """Check that all bounds are inside the buffer: the scanner does not check them.

        Raises
        ------
        ValueError
            A message that does not lie in ``data``, or a column of another length than ``starts``.
        """
        count = len(self.starts)
        for name in ("ends", "offsets", "times", "headers", "keys"):
            column = getattr(self, name)
            if column is not None and len(column) != count:
                msg = f"block: required {name} of {count} messages, got {len(column)}; give one for every message"
                raise ValueError(msg)
        inside = (self.starts >= 0) & (self.starts <= self.ends) & (self.ends <= len(self.data))
        if not inside.all():
            at = int(np.argmin(inside))
            got = f"{self.starts[at]} to {self.ends[at]}"
            msg = f"block: required message {at} within {len(self.data)} bytes, got {got}; give its bounds in data"
            raise ValueError(msg)

    @classmethod
    def of(
        cls,
        values: Sequence[bytes],
        offsets: NDArray[np.int64],
        times: NDArray[np.int64] | None = None,
        headers: Sequence[Headers | None] | None = None,
        keys: Sequence[bytes | None] | None = None,
    ) -> "Block":
        """Make a block from separate messages by copying them into one buffer."""
        ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
        starts = np.zeros(len(values), np.int64)
        starts[1:] = ends[:-1]
        return cls(np.frombuffer(b"".join(values), np.uint8), starts, ends, offsets, times, headers, keys)

    def __len__(self) -> int:
        """Number of messages."""
        return len(self.starts)

    def emptied(self, which: NDArray[np.bool_]) -> "Block":
        """The block with the messages flagged by ``which`` (n,) empty."""
        ends = np.where(which, self.starts, self.ends)
        return Block(self.data, self.starts, ends, self.offsets, self.times, self.headers, self.keys)

    def values(self, at: NDArray[np.int64] | slice = ALL) -> list[bytes]:
        """Original bytes of the messages ``at``, or of all."""
        memory = self.data.data
        bounds = zip(self.starts[at].tolist(), self.ends[at].tolist(), strict=True)
        return [memory[start:end].tobytes() for start, end in bounds]

    def headers_of(self, at: NDArray[np.int64]) -> list[Headers]:
        """Headers of the messages ``at``; empty for a message without headers."""
        headers = self.headers
        return [{}] * len(at) if headers is None else [headers[i] or {} for i in at.tolist()]

    def message(self, at: int) -> Message:
        """Message ``at`` with its headers, timestamp and key."""
        return Message(
            self.values(slice(at, at + 1))[0],
            None if self.headers is None else self.headers[at],
            int(self.offsets[at]),
            None if self.times is None else int(self.times[at]),
            None if self.keys is None else self.keys[at],
        )
