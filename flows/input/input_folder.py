"""Input folder: finds the input files and their topics. The file source, the jobs and `flows.kafka_load` call it."""

from pathlib import Path
from typing import NamedTuple

from sensing.codec.event_record import TOPICS
from sinks.errors import UsageError, words_of

SUFFIXES = (".ndjson", ".ndjson.gz")


class InputFile(NamedTuple):
    """One topic and the file that holds its events."""

    topic: str
    path: Path


def find_inputs(folder: Path) -> list[InputFile]:
    """Input files of a folder in the order of their topics; those with other endings are ignored.

    Raises
    ------
    UsageError
        When the folder does not exist, has no input, has an NDJSON file with another name, has a topic twice, or has
        something that is no file under the name of one.
    """
    expected = ", ".join(f"{topic}.ndjson" for topic in TOPICS)
    found: dict[str, Path] = {}
    for path in _paths(folder):
        suffix = next((suffix for suffix in reversed(SUFFIXES) if path.name.endswith(suffix)), None)
        if suffix is None:
            continue
        if not path.is_file():
            msg = f"input {path}: required a file, got {_kind(path)}; replace it, or move it elsewhere"
            raise UsageError(msg)
        topic = path.name.removesuffix(suffix)
        if topic not in TOPICS:
            msg = (
                f"input {path}: required a name of {expected} (or .gz), got {path.name}; rename it or move it elsewhere"
            )
            raise UsageError(msg)
        if topic in found:
            msg = f"input {folder}: required one file for {topic}, got {found[topic].name} and {path.name}; keep one"
            raise UsageError(msg)
        found[topic] = path
    if not found:
        msg = (
            f"input {folder}: required at least one of {expected} (or .gz), got none; put the events there, one a line"
        )
        raise UsageError(msg)
    return [InputFile(topic, found[topic]) for topic in TOPICS if topic in found]


def _paths(folder: Path) -> list[Path]:
    required = "required a folder that holds files such as orders.ndjson"
    try:
        if folder.is_dir():
            return sorted(folder.iterdir())
        what = "a file" if folder.exists() else "nothing"
    except OSError as error:
        what = words_of(error)
    msg = f"input {folder}: {required}, got {what}; give the folder"
    raise UsageError(msg)


def _kind(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    if path.exists():
        return "a pipe or a device"
    return "a link that leads nowhere"
