"""Segments: the files of a journal. A segment is a head and the entries behind it, each with a checksum.

    segment = magic, block(head), block(entry) ...
    block   = size (u32), checksum (u32), bytes

The checksum of a block is the CRC-32 of its bytes, begun with the checksum of the block before it. The checksum at any
place therefore covers all that precedes it in the segment. The head's begins with the checksum at which the segment
before it was left, so it covers the whole history.
"""

import struct
import zlib

import msgspec

from flows.durability.damage import Damaged
from flows.durability.identity import Identity

MAGIC = b"tidegauge journal 1\n"
BLOCK = struct.Struct("<II")


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A place in a journal: ``offset`` bytes of a segment hold the entries up to ``position``; ``checksum`` of them."""

    segment: str
    offset: int
    position: int
    checksum: int


class Head(msgspec.Struct, frozen=True):
    """Head of a segment.

    Attributes
    ----------
    identity
        What the segment belongs to.
    position
        Number of entries before this segment.
    before
        Where the segment before it was left; None: this is the first.
    """

    identity: Identity
    position: int
    before: Place | None


def block(body: bytes, checksum: int) -> tuple[list[bytes], int]:
    """Parts of a block behind one with ``checksum``, and its own checksum."""
    found = zlib.crc32(body, checksum)
    return [BLOCK.pack(len(body), found), body], found


def head_parts(head: Head) -> tuple[list[bytes], int]:
    """Parts of a segment's beginning, and the checksum there."""
    parts, checksum = block(msgspec.msgpack.encode(head), head.before.checksum if head.before else 0)
    return [MAGIC, *parts], checksum


def parse(name: str, data: bytes) -> tuple[Head, list[bytes], int]:
    """Head, entries and last checksum of a segment, or of its beginning up to the end of a block.

    Raises
    ------
    Damaged
        It does not hold what its blocks say.
    """
    if not data.startswith(MAGIC):
        raise Damaged(name, f"a file that begins with {MAGIC.decode().strip()!r}", f"{data[: len(MAGIC)]!r}")
    bodies, at = [], len(MAGIC)
    sums = []
    while at < len(data):
        if len(data) < at + BLOCK.size:
            raise Damaged(name, f"{BLOCK.size} bytes at offset {at}", f"{len(data) - at}")
        size, checksum = BLOCK.unpack_from(data, at)
        at += BLOCK.size
        body = data[at : at + size]
        if len(body) < size:
            raise Damaged(name, f"{size} bytes at offset {at}", f"{len(body)}")
        bodies.append(body)
        sums.append(checksum)
        at += size
    if not bodies:
        raise Damaged(name, "a head", "an empty file")
    try:
        head = msgspec.msgpack.decode(bodies[0], type=Head)
    except msgspec.MsgspecError as error:
        raise Damaged(name, "a readable head", str(error)) from error
    last = head.before.checksum if head.before else 0
    for number, (body, checksum) in enumerate(zip(bodies, sums, strict=True)):
        last = zlib.crc32(body, last)
        if last != checksum:
            raise Damaged(name, f"checksum {checksum:#x} of block {number}", f"{last:#x}")
    return head, bodies[1:], last
