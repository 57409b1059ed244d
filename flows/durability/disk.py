"""The disk as journals and bases use it: append-only files that are created once, read whole and removed.

`Disk` is the real one. The simulation has another, which loses what was not synced.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class AppendFile(Protocol):
    """A new file that grows at its end."""

    def append(self, parts: Sequence[bytes]) -> None:
        """Write all parts at the end, or nothing: after an error the file is as long as before."""
        ...

    def sync(self) -> None:
        """Return when all that was appended survives a loss of power; the file's name survives with its folder."""
        ...

    def close(self) -> None:
        """Close the file, without a sync."""
        ...


class DiskLike(Protocol):
    """Files by path, relative to the state directory. All errors are `OSError`."""

    def create(self, path: str) -> AppendFile:
        """A new file, in a folder that is made if there is none; an existing file is an error."""
        ...

    def read(self, path: str) -> bytes:
        """A whole file."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names in a folder, sorted; none if there is no such folder."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file; one that is gone is no error."""
        ...

    def sync_folder(self, folder: str) -> None:
        """Return when the names of all files in a folder, and its own name, survive a loss of power."""
        ...


class Disk:
    """The files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, path: str) -> "FileOnDisk":
        """See `DiskLike`."""
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        return FileOnDisk(os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))

    def read(self, path: str) -> bytes:
        """See `DiskLike`."""
        return (self.root / path).read_bytes()

    def names(self, folder: str) -> list[str]:
        """See `DiskLike`."""
        try:
            return sorted(os.listdir(self.root / folder))
        except FileNotFoundError:
            return []

    def remove(self, path: str) -> None:
        """See `DiskLike`."""
        (self.root / path).unlink(missing_ok=True)

    def sync_folder(self, folder: str) -> None:
        """See `DiskLike`. The folders above are synced, too, since any of them may be new."""
        at = self.root / folder
        for each in (at, *at.parents):
            descriptor = os.open(each, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if each == self.root:
                return


class FileOnDisk:
    """A file that this process has created."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size = 0

    def append(self, parts: Sequence[bytes]) -> None:
        """See `AppendFile`."""
        size = sum(map(len, parts))
        try:
            written = os.writev(self._descriptor, parts)
            if written < size:  # a full disk, or a signal
                rest = memoryview(b"".join(parts))[written:]
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            # What was written of them would hide what is appended later.
            os.ftruncate(self._descriptor, self._size)
            os.lseek(self._descriptor, self._size, os.SEEK_SET)
            raise
        self._size += size

    def sync(self) -> None:
        """See `AppendFile`."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """See `AppendFile`."""
        os.close(self._descriptor)
