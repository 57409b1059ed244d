"""Output folder of a command: it must be new or empty, and ends up complete or as it was before."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from sinks.errors import UsageError, words_of

WORK_FOLDER = ".tidegauge-work"


def refuse_used(folder: Path) -> None:
    """Check that the folder is missing or empty.

    Raises
    ------
    UsageError
        When it has files, is a file, or cannot be looked into.
    """
    try:
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        there = folder.is_symlink() or folder.exists()
        is_folder, is_file = folder.is_dir(), folder.is_file()
    except OSError as error:
        raise _unusable(folder, error) from error
    if names or (there and not is_folder):
        what = f"{len(names)} files such as {names[0]}" if names else "a file" if is_file else "something else"
        if WORK_FOLDER in names:
            what = f"{WORK_FOLDER}, left by a run that was killed"
        msg = f"output {folder}: required a new or empty folder, got {what}; give another one, or empty it"
        raise UsageError(msg)


@contextlib.contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """Make the folder, and folders above it that are missing; a failure removes everything made, and all in it.

    Raises
    ------
    UsageError
        When the folder is in use or cannot be made; nothing is left.
    """
    refuse_used(folder)
    made = _make(folder)
    try:
        yield
    except BaseException:
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


@contextlib.contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """As `output_folder`, with a work folder in it that is removed at the end."""
    with output_folder(folder):
        work = folder / WORK_FOLDER
        work.mkdir()
        yield work
        shutil.rmtree(work)


def _make(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns those made, the innermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    made: list[Path] = []
    try:
        for path in reversed(missing):
            path.mkdir()
            made.insert(0, path)
    except OSError as error:
        for path in made:
            path.rmdir()
        raise _unusable(folder, error) from error
    return made


def _unusable(folder: Path, error: OSError) -> UsageError:
    return UsageError(f"output {folder}: required a folder that can be made, got {words_of(error)}; give another one")
