"""A block of messages in one piece of memory, as sources hand it to the decoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Headers = dict[str, bytes]
ALL = slice(None)


class Message(NamedTuple):
    """One message as it came.

    From Kafka with headers, the broker's timestamp (UTC ms) and a key, from a file without all three.
    """

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
        The memory that holds all messages, and perhaps more: what lies between them is never looked at.
    starts, ends
        Bounds of every message in ``data``, int64.
    offsets
        Place of every message in its partition, int64: the offset, or the number of a line.
    times
        The broker's timestamps, UTC ms, 0 where there is none; None: there are none at all.
    headers
        Headers of every message, None where it has none; None: no message has any.
    keys
        Keys of every message, likewise.
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    offsets: NDArray[np.int64]
    times: NDArray[np.int64] | None = None
    headers: Sequence[Headers | None] | None = None
    keys: Sequence[bytes | None] | None = None

    def __post_init__(self) -> None:
        """Refuse bounds outside the memory: the scanner trusts them.

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
        """A block of messages that lie apart; they are copied together."""
        ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
        starts = np.zeros(len(values), np.int64)
        starts[1:] = ends[:-1]
        return cls(np.frombuffer(b"".join(values), np.uint8), starts, ends, offsets, times, headers, keys)

    def __len__(self) -> int:
        """Messages, not fields."""
        return len(self.starts)

    def values(self, at: NDArray[np.int64] | slice = ALL) -> list[bytes]:
        """The bytes of the messages ``at``, or of all, as they came."""
        memory = self.data.data
        bounds = zip(self.starts[at].tolist(), self.ends[at].tolist(), strict=True)
        return [memory[start:end].tobytes() for start, end in bounds]

    def headers_of(self, at: NDArray[np.int64]) -> list[Headers]:
        """The headers of the messages ``at``; empty where a message has none."""
        headers = self.headers
        return [{}] * len(at) if headers is None else [headers[i] or {} for i in at.tolist()]

    def message(self, at: int) -> Message:
        """Message ``at`` with all that came with it."""
        return Message(
            self.values(slice(at, at + 1))[0],
            None if self.headers is None else self.headers[at],
            int(self.offsets[at]),
            None if self.times is None else int(self.times[at]),
            None if self.keys is None else self.keys[at],
        )
