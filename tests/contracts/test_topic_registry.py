"""Topics are specs: one that this file defines is described, made, written to files, shown in the view and exported."""

import json
from pathlib import Path
from typing import IO, Any

import msgspec
import orjson
import pyarrow.parquet as pq
import pytest

from flows import export
from flows.export import Form
from flows.service.kafka_topics import plans
from sensing.contracts.schemas import documents
from sensing.contracts.topic_registry import INPUTS, SPECS, published, viewed
from sensing.contracts.topic_spec import View, output
from sensing.outputs import OutputRecord, encode
from sinks.finished_files import assemble
from sinks.latest_records import Spool
from sinks.part_files import PartFiles
from sinks.topic_tail import Record
from sinks.view_entries import Layout, entry
from tests.produced import produced

RECORDED = "2026-01-05T00:00:00Z"


class Weather(msgspec.Struct):
    """Weather at a location."""

    location: str
    degrees: float


TOY = output(
    "weather",
    "Topic ``weather``: a toy.",
    {"weather.changed": Weather},
    "Location.",
    compacted=True,
    view=View(hash="weather", channel="weather"),
)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy is one more topic."""
    monkeypatch.setitem(SPECS, TOY.name, TOY)


def test_a_registered_topic_is_described() -> None:
    """It has a JSON Schema, and a channel, a message and a key in the AsyncAPI document."""
    found = documents([])

    schema = json.loads(found["weather.json"])
    assert schema["description"] == "Topic `weather`: a toy."
    assert schema["$defs"]["Weather"]["required"] == ["location", "degrees"]
    described = json.loads(found["asyncapi.json"])
    assert described["channels"]["weather"]["bindings"]["kafka"]["topicConfiguration"] == {
        "cleanup.policy": ["compact"]
    }
    message = described["components"]["messages"]["weather.changed"]
    assert message["bindings"]["kafka"]["key"]["description"] == "Location."
    assert described["operations"]["send-weather"]["action"] == "send"


def test_a_registered_topic_is_planned() -> None:
    """`topics create` makes it compacted."""
    assert plans()[-1] == ("weather", None, {"cleanup.policy": "compact"}, {"min.compaction.lag.ms": "86400000"})


def test_a_registered_topic_is_written_to_files(tmp_path: Path) -> None:
    """A replay writes its records behind those of the other topics."""
    parts = tmp_path / "parts"
    parts.mkdir()
    record = OutputRecord(
        1, 0, 0, "weather", "weather.changed", "L#1", "L", 1, {}, encode(Weather(location="L", degrees=3.5))
    )
    sink = PartFiles(parts, ["0"], RECORDED)
    sink.build_part("sink", "0", None).write_batch([produced([record])])
    sink.close()

    finished = assemble(parts, tmp_path, ["0"])

    assert finished.lines["weather"] == 1
    assert list(finished.lines) == [spec.name for spec in published()]
    assert orjson.loads((tmp_path / "weather.ndjson").read_bytes())["data"] == {"location": "L", "degrees": 3.5}


def test_a_registered_topic_is_in_the_view() -> None:
    """Its records become hashes with the document, under the names of its spec."""
    headers = {"ce_lineage": b"0001", "ce_id": b"L#7", "ce_type": b"weather.changed"}
    document = encode(Weather(location="L", degrees=3.5))

    found = entry(Record("weather", 0, 0, b"L", document, headers), Layout("tg:"), 30)

    assert (found.hash, found.channel, found.version) == ("tg:weather:L", "tg:changes:weather", 7)
    assert found.fields == ["document", document.decode()]
    assert viewed()[-1] is TOY


@pytest.mark.parametrize("form", ["parquet", "ndjson"])
def test_a_registered_topic_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Form) -> None:
    """Its latest documents are in a file of its own, in a table as they are."""
    headers = {"ce_lineage": b"0001", "ce_id": b"L#7", "ce_type": b"weather.changed"}
    document = encode(Weather(location="L", degrees=3.5))

    def read_latest(client: Any, prefix: str, topics: tuple[str, ...], file: IO[bytes]) -> Spool:
        spool = Spool(file)
        assert topics == ("exceptions", "planning-parameters", "weather")
        spool.take(Record("weather", 0, 0, b"L", document, headers))
        return spool

    monkeypatch.setattr(export, "read_latest", read_latest)
    done = export.export({}, "", tmp_path, form)

    assert done == export.Exported({"exceptions": 0, "planning-parameters": 0, "weather": 1}, 0)
    if form == "ndjson":
        assert (tmp_path / "weather.ndjson").read_bytes() == document + b"\n"
    else:
        rows = pq.read_table(tmp_path / "weather.parquet").to_pylist()
        assert rows == [{"lineage": "0001", "document": document.decode()}]


def test_inputs_stand_first_in_merge_order() -> None:
    """Topics of input are sorted by name; no name stands for another spec."""
    assert list(SPECS)[: len(INPUTS)] == sorted(INPUTS)
    assert all(name == spec.name for name, spec in SPECS.items())
