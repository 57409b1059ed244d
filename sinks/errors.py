"""Errors for users, raised by flows and sinks. Messages say where, what was required, what was got, and the fix.

The exit code tells a supervisor whether a restart can help; see `flows/README.md`.
"""

from typing import ClassVar

EXIT_CODES = {
    0: "done, or stopped by a signal",
    1: "something outside failed: a broker, Redis, a disk, memory",
    2: "wrong usage or settings",
    3: "an event, or the close of a day, failed in a machine; it would fail again",
    4: "what was found refuses the start: a topic is missing, was recreated or cut off, or has other settings",
}
"""Meaning of the exit codes of all commands. A restart can help after 1 only."""


class TidegaugeError(Exception):
    """A run cannot start or continue, for a reason that may pass. ``trace`` is the traceback of a defect."""

    exit_code: ClassVar[int] = 1
    trace: str = ""


class UsageError(TidegaugeError):
    """The command cannot run with these options or settings."""

    exit_code = 2


class EventError(TidegaugeError):
    """An event, or work that follows from events, failed in the engine. ``positions`` are those to skip, if known."""

    exit_code = 3
    positions: tuple[str, ...] = ()


class RefusedError(TidegaugeError):
    """The topics are not those that the run needs; a person must decide."""

    exit_code = 4


def words_of(error: BaseException) -> str:
    """Text of an error of the system, without its number; that of any other error as it is."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def of_system(error: OSError | MemoryError, where: str = "") -> TidegaugeError:
    """The error of a run whose disk is full, whose file must not be read, or whose memory is used up."""
    if isinstance(error, MemoryError):
        return TidegaugeError(f"{where or 'memory'}: required more memory, got none; give the process more")
    place = ": ".join(str(part) for part in (where, error.filename) if part) or "files"
    msg = f"{place}: required files that can be read and written, got {words_of(error)}; check space and rights"
    return TidegaugeError(msg)
