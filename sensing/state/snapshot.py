"""Snapshots: the whole state of a machine as bytes, with checks at load.

Every part of a machine's state has `dump` and `load`. A part is a block of named tables. Record arrays and encoded
structs carry the names and types of their fields, so a moved, missing or retyped field is detected. A machine's
snapshot also has the format version and the settings that its state depends on. Machines call `pack_snapshot` and
`unpack_snapshot`, their parts call `pack` and `unpack`. The formats contain no pickles.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, get_args, get_type_hints, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

FORMAT_VERSION = 1
"""Version of the meaning of the tables. Names and types of fields are compared separately."""

REMEDY = "start without it, from the beginning of the inputs, or with the version that wrote it"

Fields = dict[str, list[tuple[str, str]]]


class SnapshotError(ValueError):
    """The snapshot is damaged, or belongs to another machine, format or settings."""


@runtime_checkable
class Snapshot(Protocol):
    """A part of a machine's state."""

    def dump(self) -> bytes:
        """All of it as bytes."""

    def load(self, block: bytes) -> None:
        """Restore the state of `dump`. The part must be new and made with the same settings."""


class Encoded(NamedTuple):
    """A table encoded as MessagePack: its value, and the type to decode it with."""

    value: Any
    type: Any


Part = bytes | NDArray[Any] | Encoded


class _Entry(msgspec.Struct, frozen=True):
    name: str
    size: int
    dtype: str | None = None
    shape: tuple[int, ...] = ()
    fields: Fields | None = None


class _Head(msgspec.Struct, frozen=True):
    version: int
    owner: str
    settings: dict[str, Any]


def pack_snapshot(parts: Mapping[str, Part], owner: str, settings: Mapping[str, Any]) -> bytes:
    """Snapshot of a whole machine: its parts, its owner, and the settings that the state depends on."""
    head = _Head(FORMAT_VERSION, owner, dict(settings))
    return pack({"snapshot": msgspec.msgpack.encode(head), **parts})


def unpack_snapshot(block: bytes, owner: str, settings: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, Any]:
    """Parts of a snapshot made by `pack_snapshot`; ``tables`` as for `unpack`.

    Raises
    ------
    SnapshotError
        The snapshot is damaged, of another format, machine or settings, or a table has other fields.
    """
    heads = [block[start:stop] for entry, start, stop in _entries(block) if entry.name == "snapshot"]
    try:
        head = msgspec.msgpack.decode(heads[0] if heads else b"", type=_Head)
    except msgspec.MsgspecError as error:
        msg = f"snapshot of {owner}: required one with a format version, got {error}; {REMEDY}"
        raise SnapshotError(msg) from error
    if head.version != FORMAT_VERSION:
        msg = f"snapshot of {owner}: required format version {FORMAT_VERSION}, got {head.version}; {REMEDY}"
        raise SnapshotError(msg)
    if head.owner != owner:
        msg = f"snapshot of {owner}: required its own, got that of {head.owner}; give every machine its snapshot"
        raise SnapshotError(msg)
    for name in (*settings, *(name for name in head.settings if name not in settings)):
        required, got = settings.get(name), head.settings.get(name)
        if required != got:
            msg = f"snapshot of {owner}: required {name} = {required}, as the settings say, got {got}; "
            raise SnapshotError(msg + f"set {name} back, or start without it, from the beginning of the inputs")
    return unpack(block, tables)


def pack(parts: Mapping[str, Part]) -> bytes:
    """Join named parts into one block of bytes.

    Parameters
    ----------
    parts
        Byte strings, arrays of any fixed-width dtype (record arrays included) or structs; order is kept.
    """
    entries, bodies = [], []
    for name, part in parts.items():
        if isinstance(part, bytes):
            body, entry = part, _Entry(name, len(part))
        elif isinstance(part, Encoded):
            body = msgspec.msgpack.encode(part.value)
            entry = _Entry(name, len(body), fields=fields_of(part.type))
        else:
            body = np.ascontiguousarray(part).tobytes()
            dtype = "" if part.dtype.names else part.dtype.str
            entry = _Entry(name, len(body), dtype, part.shape, fields_of(part.dtype))
        entries.append(entry)
        bodies.append(body)
    head = msgspec.msgpack.encode(entries)
    return b"".join([len(head).to_bytes(8, "little"), head, *bodies])


def unpack(block: bytes, tables: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Split a block made by :func:`pack`.

    Parameters
    ----------
    tables
        By name, the dtype of arrays and the type of structs as they must be; needed for all but bytes and plain arrays.

    Returns
    -------
    dict
        Bytes as bytes, structs decoded, arrays as fresh writable arrays.

    Raises
    ------
    SnapshotError
        When the head cannot be read, the block is shorter or longer than it says, or a table has other fields.
    """
    found: dict[str, Any] = {}
    for entry, start, stop in _entries(block):
        body, table = block[start:stop], (tables or {}).get(entry.name)
        if table is not None:
            _compare(entry, fields_of(table))
        if entry.fields is None:
            found[entry.name] = body
        elif entry.dtype is None:
            found[entry.name] = _decoded(entry.name, body, table)
        else:
            dtype = np.dtype(entry.dtype) if entry.dtype else np.dtype(table)
            if entry.size != int(np.prod(entry.shape, dtype=np.int64)) * dtype.itemsize:
                msg = f"snapshot table {entry.name}: required records of {dtype.itemsize} bytes, "
                raise SnapshotError(msg + f"got {entry.size} bytes for {entry.shape}; {REMEDY}")
            # Copy the bytes, not the record array: a copied record array has undefined padding.
            found[entry.name] = np.frombuffer(bytearray(body), dtype).reshape(entry.shape)
    return found


@functools.cache
def fields_of(table: Any) -> Fields:
    """Names and types of the fields of a dtype, or of every struct within a type."""
    if isinstance(table, np.dtype):
        if table.names is None:
            return {"": [("", table.str)]}
        columns = [(name, table.fields[name][0]) for name in table.names] if table.fields else []
        return {"": [(name, f"{kind.base.str}{list(kind.shape) or ''}") for name, kind in columns]}
    found: Fields = {}
    _collect(table, found)
    return found


def _collect(table: Any, found: Fields) -> None:
    is_table = isinstance(table, type) and (issubclass(table, msgspec.Struct) or hasattr(table, "_fields"))
    if not is_table:
        for each in get_args(table):
            _collect(each, found)
        return
    name = table.__name__
    if name in found:
        return
    hints = get_type_hints(table)
    order = table.__struct_fields__ if issubclass(table, msgspec.Struct) else table._fields
    found[name] = [(field, _type_name(hints[field])) for field in order]
    for field in order:
        _collect(hints[field], found)


def _type_name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)


def _compare(entry: _Entry, required: Fields) -> None:
    got = entry.fields or {}
    for table in (*required, *(name for name in got if name not in required)):
        wanted, there = required.get(table, []), got.get(table, [])
        if wanted == there:
            continue
        pairs = enumerate(zip(wanted, there, strict=False))
        at = next((k for k, (a, b) in pairs if a != b), min(len(wanted), len(there)))
        name = f"{entry.name} ({table})" if table else entry.name
        msg = f"snapshot table {name}: required {_field(wanted, at)} as field {at + 1}, got {_field(there, at)}; "
        raise SnapshotError(msg + REMEDY)


def _field(fields: list[tuple[str, str]], at: int) -> str:
    return " ".join(fields[at]).strip() if at < len(fields) else "none"


def _decoded(name: str, body: bytes, table: Any) -> Any:
    try:
        return msgspec.msgpack.decode(body, type=table)
    except msgspec.MsgspecError as error:
        msg = f"snapshot table {name}: required what its fields say, got {error}; the snapshot is damaged"
        raise SnapshotError(msg) from error


def _entries(block: bytes) -> list[tuple[_Entry, int, int]]:
    """All entries with start and stop of their bodies."""
    start = 8 + int.from_bytes(block[:8], "little")
    if len(block) < 8 or start > len(block):
        msg = f"snapshot: required a head of {start - 8} bytes, got {len(block)} bytes in all; the snapshot is damaged"
        raise SnapshotError(msg)
    try:
        entries = msgspec.msgpack.decode(block[8:start], type=list[_Entry])
    except msgspec.MsgspecError as error:
        msg = f"snapshot: required a head that lists its tables, got {error}; the snapshot is damaged"
        raise SnapshotError(msg) from error
    required = start + sum(entry.size for entry in entries)
    if required != len(block):
        msg = f"snapshot: required {required} bytes, got {len(block)}; the snapshot is damaged"
        raise SnapshotError(msg)
    found = []
    for entry in entries:
        found.append((entry, start, start + entry.size))
        start += entry.size
    return found
