"""The output folder of a replay or an export: new or empty before, complete or as it was afterwards."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from sinks.errors import UsageError

WORK_FOLDER = ".tidegauge-work"


def refuse_used(folder: Path) -> None:
    """Refuse what is neither missing nor an empty folder.

    Raises
    ------
    UsageError
        Says what is there.
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
    """Make the folder and one in it to work in, which is gone afterwards; what was made is undone at a failure.

    Raises
    ------
    UsageError
        When the folder is in use; nothing has been made then.
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
