"""Bases of a machine: whole states, each as of a position. A start loads one and applies the journal behind it.

A base is named only by pointers that were made after it had been written and synced, so a torn one is never loaded.
"""

import zlib
from typing import NamedTuple

import msgspec

from flows.durability.damage import Damaged
from flows.durability.disk import DiskLike
from flows.durability.identity import Identity
from flows.durability.segment import BLOCK

MAGIC = b"tidegauge base 1\n"
FOLDER = "bases"


class BaseHead(msgspec.Struct, frozen=True):
    """Head of a base: what it belongs to, and the number of journal entries that it contains."""

    identity: Identity
    position: int


class Base(NamedTuple):
    """A base that was read."""

    head: BaseHead
    state: bytes


def folder_of(machine: str) -> str:
    """Folder of a machine's bases."""
    return f"{FOLDER}/{machine}"


def path_of(machine: str, base: str) -> str:
    """Path of a base."""
    return f"{folder_of(machine)}/{base}"


def write_base(disk: DiskLike, name: str, head: BaseHead, state: bytes) -> None:
    """Write a base and return when it survives a loss of power.

    Raises
    ------
    OSError
        The disk refuses it; the file is removed.
    """
    machine = head.identity.machine
    file = disk.create(path_of(machine, name))
    try:
        described = msgspec.msgpack.encode(head)
        checksum = zlib.crc32(state, zlib.crc32(described))
        file.append([MAGIC, BLOCK.pack(len(described), checksum), described, state])
        file.sync()
    except OSError:
        disk.remove(path_of(machine, name))
        raise
    finally:
        file.close()
    disk.sync_folder(folder_of(machine))


def read_base(disk: DiskLike, machine: str, name: str) -> Base:
    """Read a base.

    Raises
    ------
    Damaged
        It is missing or does not hold what was written.
    """
    path = path_of(machine, name)
    try:
        data = disk.read(path)
    except FileNotFoundError as error:
        raise Damaged(path, "the base that the saved state names", "no such file") from error
    if not data.startswith(MAGIC):
        raise Damaged(path, f"a file that begins with {MAGIC.decode().strip()!r}", f"{data[: len(MAGIC)]!r}")
    start = len(MAGIC) + BLOCK.size
    if len(data) < start:
        raise Damaged(path, f"at least {start} bytes", f"{len(data)}")
    size, checksum = BLOCK.unpack_from(data, len(MAGIC))
    found = zlib.crc32(memoryview(data)[start:])
    if found != checksum:
        raise Damaged(path, f"checksum {checksum:#x}", f"{found:#x}")
    try:
        head = msgspec.msgpack.decode(data[start : start + size], type=BaseHead)
    except msgspec.MsgspecError as error:
        raise Damaged(path, "a readable head", str(error)) from error
    return Base(head, data[start + size :])
