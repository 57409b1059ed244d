"""``tidegauge schemas``: the contracts as files."""

from pathlib import Path

import click
import msgspec

from flows.cli.options import readable_errors
from sensing.contracts import schemas as contracts
from sensing.contracts.asyncapi import Example, Examples
from sensing.detection.detector_registry import DETECTORS
from sinks.errors import TidegaugeError, words_of

PACKAGED = Path(contracts.__file__).with_suffix("")
"""Folder of the packaged schemas."""
EXAMPLES = PACKAGED.with_name("examples.json")
"""Messages as they were published, by event type; `tests.contracts.message_examples` writes them."""


@click.command()
@click.option(
    "--output", "folder", type=click.Path(path_type=Path), default=PACKAGED,
    help="Folder to write to. Default: beside the types they are generated from.",
)  # fmt: skip
@click.option("--check", is_flag=True, help="Write nothing; fail if a file is not what would be written.")
def schemas(folder: Path, check: bool) -> None:
    """Write the JSON Schemas and the AsyncAPI document of all topics."""
    documents = contracts.documents(DETECTORS, examples())
    with readable_errors():
        if check:
            refuse_stale(folder, documents)
        else:
            write(folder, documents)
    click.echo(f"{len(documents)} documents {'are up to date' if check else 'written'} in {folder}")


def examples() -> Examples:
    """The packaged examples."""
    return msgspec.json.decode(EXAMPLES.read_bytes(), type=dict[str, list[Example]])


def write(folder: Path, documents: dict[str, bytes]) -> None:
    """Write all documents. Other files in the folder stay."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in documents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        msg = f"--output {folder}: required a folder to write to, got {words_of(error)}; name another one"
        raise TidegaugeError(msg) from error


def refuse_stale(folder: Path, documents: dict[str, bytes]) -> None:
    """Fail if a document is missing, differs from the generated one, or belongs to no topic.

    Raises
    ------
    TidegaugeError
        Names all such files.
    """
    found = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    stale = sorted(name for name in documents.keys() | found.keys() if documents.get(name) != found.get(name))
    if stale:
        msg = f"schemas in {folder}: required what the types give, got other or no {', '.join(stale)}"
        msg += "; run tidegauge schemas, and remove files of no topic"
        raise TidegaugeError(msg)
