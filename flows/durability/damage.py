"""Errors of a state directory that a person must resolve. They name the file and the ways out."""

from sinks.errors import RefusedError

WAYS = (
    "restore the state directory from an export (tidegauge state import), or begin anew with --new-run-id "
    "and an empty directory: the inputs are then read from their beginning"
)


class Damaged(RefusedError):
    """A file does not hold what was written."""

    def __init__(self, name: str, required: str, got: str) -> None:
        super().__init__(f"state file {name}: required {required}, got {got}; the file is damaged; {WAYS}")


class Foreign(RefusedError):
    """A file belongs to another run, machine or version of the engine."""
