"""Bytes of a component: a small JSON head and raw arrays, so that a dump restores bit for bit."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Part = bytes | NDArray[Any]


class _Entry(msgspec.Struct, frozen=True):
    name: str
    size: int
    dtype: str | None = None
    shape: tuple[int, ...] = ()


def pack(parts: dict[str, Part]) -> bytes:
    """Join named parts into one block of bytes.

    Parameters
    ----------
    parts
        Byte strings or arrays of any fixed-width dtype (record arrays included); order is kept.
    """
    entries = []
    bodies = []
    for name, part in parts.items():
        if isinstance(part, bytes):
            entries.append(_Entry(name, len(part)))
            bodies.append(part)
        else:
            body = np.ascontiguousarray(part).tobytes()
            dtype = "" if part.dtype.names else part.dtype.str
            entries.append(_Entry(name, len(body), dtype, part.shape))
            bodies.append(body)
    head = msgspec.msgpack.encode(entries)
    return b"".join([len(head).to_bytes(8, "little"), head, *bodies])


def unpack(block: bytes, records: dict[str, np.dtype[Any]] | None = None) -> dict[str, Any]:
    """Split a block made by :func:`pack`; record arrays need their dtype in ``records``.

    Returns
    -------
    dict
        Bytes as bytes, arrays as fresh writable arrays.

    Raises
    ------
    ValueError
        When the head cannot be read, the block is shorter or longer than it says, or a record dtype has another size.
    """
    start = 8 + int.from_bytes(block[:8], "little")
    if len(block) < 8 or start > len(block):
        msg = f"state block: required a head of {start - 8} bytes, got {len(block)} bytes in all; the dump is damaged"
        raise ValueError(msg)
    try:
        entries = msgspec.msgpack.decode(block[8:start], type=list[_Entry])
    except msgspec.MsgspecError as error:
        msg = f"state block: required a head that lists its parts, got {error}; the dump is damaged"
        raise ValueError(msg) from error
    required = start + sum(entry.size for entry in entries)
    if required != len(block):
        msg = f"state block: required {required} bytes, got {len(block)}; the dump is damaged"
        raise ValueError(msg)
    found: dict[str, Any] = {}
    for entry in entries:
        body = block[start : start + entry.size]
        start += entry.size
        if entry.dtype is None:
            found[entry.name] = body
            continue
        dtype = np.dtype(entry.dtype) if entry.dtype else (records or {})[entry.name]
        if entry.size != int(np.prod(entry.shape, dtype=np.int64)) * dtype.itemsize:
            msg = (
                f"state block {entry.name}: required records of {dtype.itemsize} bytes, "
                f"got {entry.size} bytes for {entry.shape}"
            )
            raise ValueError(msg)
        # A copy of a record array would leave what is between its fields to chance; of bytes it does not.
        found[entry.name] = np.frombuffer(bytearray(body), dtype).reshape(entry.shape)
    return found
