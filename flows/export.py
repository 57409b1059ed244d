"""Export: writes the latest record of every key of the compacted topics to files; of exceptions only the open ones.

`tidegauge export` calls it.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from flows.output_folder import work_folder
from sensing.contracts.exceptions import ENDED, ExceptionState
from sensing.contracts.topic_registry import compacted
from sensing.contracts.topic_spec import TopicSpec
from sinks.document_tables import TableLayout, layout_of, table
from sinks.latest_records import Spool, read_latest
from sinks.parquet_file import write_parquet

Form = Literal["parquet", "ndjson"]
ROWS_AT_ONCE = 4096


class Exported(NamedTuple):
    """Rows written by topic, and the number of records left out because this engine did not write them."""

    rows: dict[str, int]
    foreign: int


def export(
    client: Mapping[str, Any], prefix: str, output: Path, form: Form = "parquet", *, ended: bool = False
) -> Exported:
    """Write every compacted output topic to a file in a folder, sorted by key.

    Values are spooled to a file in the folder, so it needs disk space for all topics. Memory is about 300 bytes per key
    and ``ROWS_AT_ONCE`` documents.

    Parameters
    ----------
    client
        Settings of librdkafka for any client.
    prefix
        Prefix of the topic names.
    ended
        Whether to write exceptions that have ended as well.

    Raises
    ------
    UsageError
        The folder is neither new nor empty; nothing was read.
    TidegaugeError
        Kafka failed; the folder is as it was before.
    """
    specs = {spec.name: spec for spec in compacted()}
    with work_folder(output) as work:
        with (work / "values").open("w+b") as file:
            spool = read_latest(client, prefix, tuple(specs), file)
            rows = {name: _write(spool, spec, work / f"{name}.{form}", form, ended) for name, spec in specs.items()}
        for name in specs:
            (work / f"{name}.{form}").replace(output / f"{name}.{form}")
    return Exported(rows, spool.foreign)


def _write(spool: Spool, spec: TopicSpec, path: Path, form: Form, ended: bool) -> int:
    found = _documents(spool, spec, ended)
    if form == "ndjson":
        return _write_lines(path, found)
    layout = layout_of(spec.name)
    return write_parquet(path, layout.schema, _tables(found, layout))


def _documents(spool: Spool, spec: TopicSpec, ended: bool) -> Iterator[tuple[Any, str, bytes]]:
    """Documents to write: each decoded, its run id, and its raw value."""
    (struct,) = spec.structs
    decode = msgspec.json.Decoder(struct).decode
    for _, run_id, value in spool.of(spec.name):
        try:
            document = decode(value)
        except msgspec.MsgspecError:
            spool.foreign += 1
            continue
        if ended or not (isinstance(document, ExceptionState) and document.status in ENDED):
            yield document, run_id, value


def _write_lines(path: Path, found: Iterator[tuple[Any, str, bytes]]) -> int:
    count = 0
    with path.open("wb") as file:
        for _, _, value in found:
            file.write(value.replace(b"\n", b" ") + b"\n")
            count += 1
    return count


def _tables(found: Iterator[tuple[Any, str, bytes]], layout: TableLayout) -> Iterator[Any]:
    while some := list(islice(found, ROWS_AT_ONCE)):
        yield table(layout.schema, [layout.row(document, run_id) for document, run_id, _ in some])
