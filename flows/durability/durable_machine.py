"""A machine with a journal: it goes on after a crash where the last durable epoch has left it.

`flows.runtime.machine_logic` calls it. Every call is an entry of the journal; the number of entries is the machine's
position. A pointer at the end of each epoch says up to where the journal counts, and which base a start needs. After a
crash the base is loaded, the entries behind it are applied again, and the outputs of those that may not have been
delivered are made once more, with the same positions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from flows.durability import bases, journal
from flows.durability.bases import BaseHead, read_base
from flows.durability.calls import decode_call, encode_call
from flows.durability.damage import Foreign
from flows.durability.disk import DiskLike
from flows.durability.identity import Identity, check_identity, name_at
from flows.durability.journal import Journal, read_back
from flows.durability.pointer import Pointer
from sensing.outputs import Produced
from sensing.state.snapshot import Snapshot


class Execution(NamedTuple):
    """An execution of a run: its disk, its name, and the run and engine that it belongs to."""

    disk: DiskLike
    name: str
    run_id: str
    engine: str


class DurableMachine:
    """A machine and its journal.

    Parameters
    ----------
    key
        Key of the machine.
    machine
        A new machine.
    call
        Applies loads to it, then proceeds once; returns its outputs.
    saved
        Pointer of the epoch to go on from; None: the machine begins empty.

    Attributes
    ----------
    again
        Outputs that may not have been delivered. Messages to other machines are not among them: the machines that got
        them go on from the same epoch.

    Raises
    ------
    RefusedError
        The saved state cannot be read, or is not of this run and engine.
    """

    def __init__(
        self, execution: Execution, key: str, machine: Snapshot, call: Callable[[list[Any]], list[Any]],
        saved: Pointer | None,
    ) -> None:  # fmt: skip
        self._execution = execution
        self._identity = Identity(execution.run_id, key, execution.engine)
        self._machine = machine
        self._call = call
        self._saved = saved or Pointer(execution.run_id, None, 0)
        self.again: list[Produced] = []
        self._restore()
        self._journal = Journal(execution.disk, self._identity, execution.name, self._saved.place)
        self._at_snapshot = self._saved.delivered
        self._base = (self._saved.base, self._saved.base_position)
        self._kept = self._saved.base
        self._written: list[tuple[str, int]] = []
        self._last: Pointer | None = None

    @property
    def position(self) -> int:
        """Number of calls so far, those of earlier executions included."""
        return self._journal.position

    def call(self, loads: list[Any]) -> Produced:
        """Apply loads, then proceed once."""
        entry = encode_call(loads)
        outputs = self._call(loads)
        self._journal.append(entry)
        return Produced(self._identity.machine, self.position, outputs)

    def snapshot(self) -> Pointer:
        """Pointer at the end of an epoch. The epoch must not count as done before `sync` has returned."""
        delivered, self._at_snapshot = self._at_snapshot, self.position
        for base in self._written:
            if base[1] <= delivered:
                self._base = base
        self._last = Pointer(self._execution.run_id, self._journal.place, delivered, *self._base)
        return self._last

    def sync(self) -> None:
        """Return when all entries survive a loss of power."""
        self._journal.sync()

    def begin_base(self) -> Callable[[], None]:
        """Copy the state; returns a function that writes it, for a thread. Pointers name it when it is written."""
        name, head = name_at(self._execution.name, self.position), BaseHead(self._identity, self.position)
        state = self._machine.dump()
        self._journal.rotate()

        def write() -> None:
            bases.write_base(self._execution.disk, name, head, state)
            self._written.append((name, head.position))

        return write

    def committed(self) -> None:
        """Remove the files that no start can need. Called when the epoch of the last snapshot is durable."""
        pointer = self._last
        if pointer is None or pointer.base == self._kept or pointer.base is None:
            return
        self._kept = pointer.base
        self._written = [base for base in self._written if base[1] > pointer.base_position]
        # This execution has written that base, so everything before it and all of other executions is behind it.
        first = name_at(self._execution.name, pointer.base_position)
        for folder in (bases.folder_of(self._identity.machine), journal.folder_of(self._identity.machine)):
            for name in self._execution.disk.names(folder):
                if name < first or not name.startswith(self._execution.name):
                    self._execution.disk.remove(f"{folder}/{name}")

    def close(self) -> None:
        """Close the journal's files."""
        self._journal.close()

    def _restore(self) -> None:
        saved, disk, key = self._saved, self._execution.disk, self._identity.machine
        if saved.run_id != self._execution.run_id:
            msg = (
                f"saved state of {key}: required run id {self._execution.run_id}, as the state directory says, got "
                f"{saved.run_id}; the directory holds files of two runs: restore it from an export"
            )
            raise Foreign(msg)
        if saved.base is not None:
            base = read_base(disk, key, saved.base)
            if base.head.position < saved.position:
                check_identity(bases.path_of(key, saved.base), self._identity, base.head.identity)
            self._machine.load(base.state)
        if saved.place is None or saved.position == saved.base_position:
            return
        entries = read_back(disk, self._identity, saved.place, saved.base_position)
        for number, entry in enumerate(entries, saved.base_position + 1):
            outputs = self._call(decode_call(entry))
            if number > saved.delivered:
                self.again.append(Produced(key, number, outputs))
