"""Journal of a machine: every call of it, in order, so that its state and its outputs can be made again.

An execution writes segments of its own: nothing is ever appended to a file of another execution, whose last writes may
be torn. A pointer says up to where the journal counts. What lies behind it belongs to an epoch that died and is never
read. See `segment` for the format.
"""

from flows.durability.damage import Damaged
from flows.durability.disk import AppendFile, DiskLike
from flows.durability.identity import Identity, check_identity, name_at
from flows.durability.segment import Head, Place, block, head_parts, parse

FOLDER = "journals"


class Journal:
    """Writes the journal of a machine in one execution.

    Parameters
    ----------
    execution
        Name of this execution; it differs from those of all others of the state directory.
    before
        Where the journal was left by the execution before; None: it is empty.
    """

    def __init__(self, disk: DiskLike, identity: Identity, execution: str, before: Place | None) -> None:
        self._disk = disk
        self._identity = identity
        self._execution = execution
        self._place = before
        self._file: AppendFile | None = None
        self._unsynced: list[AppendFile] = []
        self._has_new_name = False

    @property
    def place(self) -> Place | None:
        """Where the journal ends now; None: it is empty."""
        return self._place

    @property
    def position(self) -> int:
        """Number of entries."""
        return self._place.position if self._place else 0

    def append(self, entry: bytes) -> None:
        """Append an entry.

        Raises
        ------
        OSError
            The disk refuses it; the journal is as before.
        """
        if self._file is None:
            self._file = self._begin()
        assert self._place is not None, "an open segment has a place"
        at = self._place
        parts, checksum = block(entry, at.checksum)
        self._file.append(parts)
        self._place = Place(at.segment, at.offset + sum(map(len, parts)), at.position + 1, checksum)

    def sync(self) -> None:
        """Return when all entries survive a loss of power."""
        for file in self._unsynced:
            file.sync()
        if self._has_new_name:
            self._disk.sync_folder(folder_of(self._identity.machine))
            self._has_new_name = False
        for file in self._unsynced:
            if file is not self._file:
                file.close()
        self._unsynced = [self._file] if self._file else []

    def rotate(self) -> None:
        """Begin a new segment with the next entry."""
        self._file = None

    def close(self) -> None:
        """Close the files, without a sync."""
        for file in self._unsynced:
            file.close()
        self._unsynced, self._file = [], None

    def _begin(self) -> AppendFile:
        name = name_at(self._execution, self.position)
        path = path_of(self._identity.machine, name)
        head = Head(self._identity, self.position, self._place)
        parts, checksum = head_parts(head)
        file = self._disk.create(path)
        try:
            file.append(parts)
        except OSError:
            file.close()
            self._disk.remove(path)
            raise
        self._unsynced.append(file)
        self._has_new_name = True
        self._place = Place(name, sum(map(len, parts)), head.position, checksum)
        return file


def folder_of(machine: str) -> str:
    """Folder of a machine's segments."""
    return f"{FOLDER}/{machine}"


def path_of(machine: str, segment: str) -> str:
    """Path of a segment."""
    return f"{folder_of(machine)}/{segment}"


def read_back(disk: DiskLike, identity: Identity, to: Place, since: int) -> list[bytes]:
    """Read the entries behind position ``since`` up to a place.

    Raises
    ------
    Damaged
        A segment is missing, torn, or holds other entries than those that the place names.
    Foreign
        A segment belongs to another run or machine, or was written by another version of the engine.
    """
    parts: list[list[bytes]] = []
    place = to
    while True:
        head, entries = _read_segment(disk, identity, place)
        parts.append(entries[max(0, since - head.position) :])
        if head.position <= since:
            return [entry for part in reversed(parts) for entry in part]
        if head.before is None:
            path = path_of(identity.machine, place.segment)
            raise Damaged(path, f"a segment behind another one, back to position {since}", "the first one")
        place = head.before


def _read_segment(disk: DiskLike, identity: Identity, place: Place) -> tuple[Head, list[bytes]]:
    path = path_of(identity.machine, place.segment)
    try:
        data = disk.read(path)
    except FileNotFoundError as error:
        raise Damaged(path, "the segment that the saved state names", "no such file") from error
    if len(data) < place.offset:
        raise Damaged(path, f"at least {place.offset} bytes", f"{len(data)}")
    head, entries, checksum = parse(path, data[: place.offset])
    check_identity(path, identity, head.identity)
    if (head.position + len(entries), checksum) != (place.position, place.checksum):
        required = f"position {place.position} and checksum {place.checksum:#x} at offset {place.offset}"
        raise Damaged(path, required, f"{head.position + len(entries)} and {checksum:#x}")
    return head, entries
