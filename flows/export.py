"""What is true now, as files: current planning parameters and open exceptions, from the compacted topics."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from flows.output_folder import work_folder
from sensing.contracts.exceptions import ExceptionState
from sensing.contracts.parameters import PlanningParameters
from sensing.outputs import EXCEPTIONS, PARAMETERS
from sinks import tables
from sinks.entries import ENDED
from sinks.latest import Spool, read_latest
from sinks.parquet_file import write_parquet

Form = Literal["parquet", "ndjson"]
ROWS_AT_ONCE = 4096


class Exported(NamedTuple):
    """Rows written, and records that were left out since they are not this engine's."""

    parameters: int
    exceptions: int
    foreign: int


class _Kind(NamedTuple):
    decode: Callable[[bytes], Any]
    schema: Any
    row: Callable[[Any, str], dict[str, Any]]


_KINDS = {
    PARAMETERS: _Kind(msgspec.json.Decoder(PlanningParameters).decode, tables.PARAMETERS, tables.parameters_row),
    EXCEPTIONS: _Kind(msgspec.json.Decoder(ExceptionState).decode, tables.EXCEPTIONS, tables.exception_row),
}


def export(
    client: Mapping[str, Any], prefix: str, output: Path, form: Form = "parquet", *, ended: bool = False
) -> Exported:
    """Write ``planning-parameters`` and ``exceptions`` to a folder, sorted by key.

    Values wait in a file in the folder, so disk for both topics is needed; memory is about 300 bytes per key and
    ``ROWS_AT_ONCE`` documents.

    Parameters
    ----------
    client
        Settings of librdkafka for any client.
    prefix
        Put before the names of the topics.
    ended
        Write exceptions that have ended as well.

    Raises
    ------
    UsageError
        The folder is not new or empty; nothing was read.
    TidegaugeError
        Kafka does not give what is needed; the folder is as it was.
    """
    with work_folder(output) as work:
        with (work / "values").open("w+b") as file:
            spool = read_latest(client, prefix, tuple(_KINDS), file)
            counts = {topic: _write(spool, topic, work / f"{topic}.{form}", form, ended=ended) for topic in _KINDS}
        for topic in _KINDS:
            (work / f"{topic}.{form}").replace(output / f"{topic}.{form}")
    return Exported(counts[PARAMETERS], counts[EXCEPTIONS], spool.foreign)


def _write(spool: Spool, topic: str, path: Path, form: Form, *, ended: bool) -> int:
    found = _documents(spool, topic, ended=ended)
    if form == "ndjson":
        return _write_lines(path, found)
    return write_parquet(path, _KINDS[topic].schema, _tables(found, _KINDS[topic]))


def _documents(spool: Spool, topic: str, *, ended: bool) -> Iterator[tuple[Any, str, bytes]]:
    """Documents to be written, each decoded, with its lineage, and as it is."""
    for _, lineage, value in spool.of(topic):
        try:
            document = _KINDS[topic].decode(value)
        except msgspec.MsgspecError:
            spool.foreign += 1
            continue
        if ended or not (isinstance(document, ExceptionState) and document.status in ENDED):
            yield document, lineage, value


def _write_lines(path: Path, found: Iterator[tuple[Any, str, bytes]]) -> int:
    count = 0
    with path.open("wb") as file:
        for _, _, value in found:
            file.write(value.replace(b"\n", b" ") + b"\n")
            count += 1
    return count


def _tables(found: Iterator[tuple[Any, str, bytes]], kind: _Kind) -> Iterator[Any]:
    while some := list(islice(found, ROWS_AT_ONCE)):
        yield tables.table(kind.schema, [kind.row(document, lineage) for document, lineage, _ in some])
