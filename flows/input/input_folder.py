"""Input folder: finds the input files and their topics. The file source, the jobs and `flows.kafka_load` call it."""

from pathlib import Path
from typing import NamedTuple

from sensing.codec.event_record import TOPICS
from sinks.errors import UsageError

SUFFIXES = (".ndjson", ".ndjson.gz")


class InputFile(NamedTuple):
    """One topic and the file that holds its events."""

    topic: str
    path: Path


def find_inputs(folder: Path) -> list[InputFile]:
    """Input files of a folder in the order of their topics; files that are not NDJSON are ignored.

    Raises
    ------
    UsageError
        When the folder does not exist, has no input, has an NDJSON file with another name, or has a topic twice.
    """
    expected = ", ".join(f"{topic}.ndjson" for topic in TOPICS)
    if not folder.is_dir():
        what = "a file" if folder.exists() else "nothing"
        msg = f"input {folder}: required a folder that holds files such as orders.ndjson, got {what}; give the folder"
        raise UsageError(msg)
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((suffix for suffix in reversed(SUFFIXES) if path.name.endswith(suffix)), None)
        if suffix is None or not path.is_file():
            continue
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
