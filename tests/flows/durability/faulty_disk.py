"""A disk in memory that loses what was not synced, for tests of what a crash leaves."""

import errno
import random
from collections.abc import Sequence


class _File:
    def __init__(self) -> None:
        self.data = bytearray()
        self.synced = 0
        self.has_synced_name = False


class FaultyDisk:
    """Files in memory. ``crash`` loses writes and names that were not synced; ``full`` makes every write fail half-way.

    ``before`` is called before every operation; it may raise, as if the process was killed there.
    """

    def __init__(self, seed: int = 0) -> None:
        self.files: dict[str, _File] = {}
        self.full = False
        self._random = random.Random(seed)

    def before(self) -> None:
        """Called before every operation."""

    def create(self, path: str) -> "FaultyFile":
        """A new file."""
        self.before()
        if path in self.files:
            raise FileExistsError(path)
        self.files[path] = _File()
        return FaultyFile(self, self.files[path])

    def read(self, path: str) -> bytes:
        """A whole file."""
        if path not in self.files:
            raise FileNotFoundError(path)
        return bytes(self.files[path].data)

    def names(self, folder: str) -> list[str]:
        """Names in a folder."""
        return sorted(path.rpartition("/")[2] for path in self.files if path.rpartition("/")[0] == folder)

    def remove(self, path: str) -> None:
        """Remove a file, at once for good."""
        self.before()
        self.files.pop(path, None)

    def sync_folder(self, folder: str) -> None:
        """Sync the names in a folder."""
        self.before()
        for path, file in self.files.items():
            if path.startswith(f"{folder}/"):
                file.has_synced_name = True

    def crash(self, *, power: bool) -> None:
        """End of the process; with a loss of ``power`` some of what was not synced is lost or torn."""
        for path, file in list(self.files.items()):
            if power and not file.has_synced_name and self._random.random() < 0.5:
                del self.files[path]
            elif power and file.synced < len(file.data):
                kept = self._random.randint(file.synced, len(file.data))
                # A tail that was not synced may be short, or have its length and other bytes.
                torn = bytes(len(file.data) - kept) if self._random.random() < 0.5 else b""
                file.data = bytearray(bytes(file.data[:kept]) + torn)
        for file in self.files.values():
            file.synced, file.has_synced_name = len(file.data), True


class FaultyFile:
    """A file of a `FaultyDisk`."""

    def __init__(self, disk: FaultyDisk, file: _File) -> None:
        self._disk, self._file = disk, file

    def append(self, parts: Sequence[bytes]) -> None:
        """Append, or fail and leave the file as it was."""
        self._disk.before()
        if self._disk.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._file.data += b"".join(parts)

    def sync(self) -> None:
        """Sync the data."""
        self._disk.before()
        self._file.synced = len(self._file.data)

    def close(self) -> None:
        """Do nothing."""
