"""State directory: what it holds, which run it belongs to, and who may write it.

    state.json        run id, format, and counts that are fixed for its life
    lock-NN           a lock per slot; process i of W holds those of all slots j with j mod W = i
    epochs/           Bytewax's recovery store: offsets of sources, pointers of machines
    journals/, bases/ one folder per machine

A process must hold its locks before it reads anything else. They fence a process of the same host that still runs.
"""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from bytewax.recovery import RecoveryConfig, init_db_dir

from flows.durability.damage import WAYS, Foreign
from sinks.errors import RefusedError, of_system

FORMAT = 1
FILE = "state.json"
EPOCHS = "epochs"
SLOTS = 16
"""Lock slots: the greatest number of processes."""
STORE_PARTS = 1
"""Partitions of Bytewax's store. It has one row per machine and group, so one holds them."""
RETRY_SECONDS = 0.2


class StateHead(msgspec.Struct, frozen=True):
    """What the directory belongs to. The counts decide where state lives, so none may change.

    Attributes
    ----------
    prefix
        Prefix of the Kafka topics.
    """

    format: int
    run_id: str
    shards: int
    source_groups: int
    sink_partitions: int
    prefix: str


class StateDirectory:
    """An open state directory.

    Parameters
    ----------
    path
        The directory; it is made if there is none.
    required
        Its head as the settings would have it; the run id is used only for a new directory.

    Raises
    ------
    RefusedError
        The directory is of another format, or was made with other counts.
    TidegaugeError
        It cannot be read or written.
    """

    def __init__(self, path: Path, required: StateHead) -> None:
        self.path = path
        self._locks: list[int] = []
        try:
            path.mkdir(parents=True, exist_ok=True)
            self.head = self._open(required)
        except OSError as error:
            raise of_system(error, f"state directory {path}") from error

    @property
    def recovery(self) -> RecoveryConfig:
        """Bytewax's recovery store."""
        return RecoveryConfig(self.path / EPOCHS)  # type: ignore[no-untyped-call]  # built without types

    def lock(self, process: int, processes: int, wait: Callable[[str], bool]) -> None:
        """Take the lock of every slot of a process.

        Parameters
        ----------
        wait
            Called with a sentence while another process holds one; returns whether to go on waiting.

        Raises
        ------
        RefusedError
            Another process holds one, and ``wait`` has returned False.
        """
        for slot in range(process, SLOTS, processes):
            descriptor = os.open(self.path / f"lock-{slot:02d}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            self._locks.append(descriptor)
            while not _try_lock(descriptor):
                holder = os.pread(descriptor, 256, 0).decode(errors="replace").strip()
                sentence = (
                    f"state directory {self.path}: required for this process alone, got one that is used by {holder}"
                )
                if not wait(sentence):
                    msg = f"{sentence}; stop that process, or give this one a state directory of its own"
                    raise RefusedError(msg)
                time.sleep(RETRY_SECONDS)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} of host {os.uname().nodename}\n".encode(), 0)

    def close(self) -> None:
        """Release the locks."""
        for descriptor in self._locks:
            os.close(descriptor)
        self._locks = []

    def _open(self, required: StateHead) -> StateHead:
        file = self.path / FILE
        if not file.exists():
            self._create(file, required)
        try:
            found = msgspec.json.decode(file.read_bytes(), type=StateHead)
        except msgspec.MsgspecError as error:
            msg = f"state file {file}: required what a run has written, got {error}; the file is damaged; {WAYS}"
            raise Foreign(msg) from error
        if found.format != FORMAT:
            msg = f"state file {file}: required format {FORMAT}, got {found.format}; "
            raise Foreign(msg + f"use the version that wrote it, or {WAYS}")
        for name in ("shards", "source_groups", "sink_partitions", "prefix"):
            wanted, got = getattr(required, name), getattr(found, name)
            if wanted != got:
                msg = f"state directory {self.path}: required {name} = {got!r}, as it was made with, got {wanted!r}; "
                msg += "set it back, or move the state with tidegauge state export and import"
                raise Foreign(msg)
        return found

    def _create(self, file: Path, head: StateHead) -> None:
        """Write the head last: a directory without it is empty."""
        (self.path / EPOCHS).mkdir(exist_ok=True)
        for old in (self.path / EPOCHS).iterdir():
            old.unlink()
        init_db_dir(self.path / EPOCHS, STORE_PARTS)  # type: ignore[no-untyped-call]  # built without types
        made = file.with_suffix(".new")
        made.write_bytes(msgspec.json.encode(head) + b"\n")
        with made.open("rb") as opened:
            os.fsync(opened.fileno())
        made.replace(file)
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        os.fsync(folder)
        os.close(folder)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
