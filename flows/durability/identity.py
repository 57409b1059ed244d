"""Identity of saved state: every file of a machine names what it belongs to."""

import msgspec

from flows.durability.damage import Foreign


class Identity(msgspec.Struct, frozen=True):
    """Identity of a file.

    Attributes
    ----------
    run_id
        Id of the run, which survives restarts.
    machine
        Key of the machine.
    engine
        Version of the engine's code and of the numbers that it computes: only the same one repeats its outputs.
    """

    run_id: str
    machine: str
    engine: str


def name_at(execution: str, position: int) -> str:
    """Name of a file that an execution begins at a position. Names of one execution sort like positions."""
    return f"{execution}-{position:016d}"


def check_identity(path: str, required: Identity, got: Identity) -> None:
    """Check that a file belongs to a machine of this run and was written by this version of the engine.

    Raises
    ------
    Foreign
        It was not.
    """
    if got.run_id != required.run_id:
        msg = (
            f"state file {path}: required run id {required.run_id}, got {got.run_id}; the directory holds files of two "
            "runs: restore it from an export, or give each run a directory of its own"
        )
        raise Foreign(msg)
    if got.machine != required.machine:
        msg = f"state file {path}: required machine {required.machine}, got {got.machine}; restore the directory"
        raise Foreign(msg)
    if got.engine != required.engine:
        msg = (
            f"state file {path}: required engine {required.engine}, got {got.engine}; start version {got.engine} once "
            "more and stop it (SIGTERM), which leaves a state that every later version reads"
        )
        raise Foreign(msg)
