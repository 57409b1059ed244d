"""Output folder of a replay or an export: it must be new or empty, and ends up complete or as it was before."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from sinks.errors import UsageError

WORK_FOLDER = ".tidegauge-work"


def refuse_used(folder: Path) -> None:
    """Check that the folder is missing or empty.

    Raises
    ------
    UsageError
        When it has files or is a file.
    """
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if names or (folder.exists() and not folder.is_dir()):
        what = f"{len(names)} files such as {names[0]}" if names else "a file"
        if WORK_FOLDER in names:
            what = f"{WORK_FOLDER}, left by a run that was killed"
        msg = f"output {folder}: required a new or empty folder, got {what}; give another one, or empty it"
        raise UsageError(msg)


@contextlib.contextmanager
def work_folder(folder: Path) -> Iterator[Path]:
    """Make the folder, and a work folder in it that is removed at the end; a failure removes everything made.

    Raises
    ------
    UsageError
        When the folder is in use; nothing was made.
    """
    refuse_used(folder)
    made, work = not folder.exists(), folder / WORK_FOLDER
    work.mkdir(parents=True)
    try:
        yield work
    except BaseException:
        shutil.rmtree(folder if made else work)
        raise
    shutil.rmtree(work)
