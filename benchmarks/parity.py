"""Parity: checks that Online Retail through real Kafka and Redis gives the same outputs as a replay of the same files.

The demo's input, with bad lines among its orders, is loaded into topics of one partition each and read by
`tidegauge run --until-end --event-time`. The same files go through `tidegauge replay`. Exceptions, planning parameters,
audit and dead letters are compared by id: all attributes except run and recording time, and the bytes of the data.
Control totals are compared at the end; read must be the sum of the outcomes. Redis must have the latest state of every
exception and all parameters, open exceptions in the open set, and nothing else.

It fails if anything differs, so its figures are counts and times.
"""

import base64
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import orjson
from redis import Redis

from benchmarks.live import benchmark_topics
from benchmarks.live.engine import Engine, Trail
from benchmarks.servers.process import running
from benchmarks.servers.use import Place, serving
from flows.demo.clock import ZONE_NAME
from flows.demo.inputs import write_inputs
from flows.demo.retail import read_retail
from flows.kafka_load import load
from flows.replay_job import replay
from sensing.contracts.audit import ControlTotals
from sensing.contracts.dead_letters import DeadLetter
from sensing.contracts.exceptions import ENDED, ExceptionState
from sensing.machine_settings import Settings
from sensing.machines.machine_messages import OUTCOMES
from sensing.outputs import AUDIT, DEAD_LETTERS, EXCEPTIONS, PARAMETERS
from sinks.dead_letter_messages import CONNECT, OWN
from sinks.topic_tail import Record
from sinks.view_entries import OPEN, Layout

DAYS = {"smoke": 14, "full": None}
BAD_EVERY = 997
SECONDS_MAX = 3_600.0
TOPICS = (EXCEPTIONS, PARAMETERS, AUDIT, DEAD_LETTERS)
TOTALS = "control.totals"
RECORDED = frozenset({"recordedtime", "lineage"})
"""Attributes with run and recording time."""
SHOWN_MAX = 3

Digest = bytes


class Outputs:
    """Outputs of one run: a hash per record by topic and id, and the last control totals."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Digest]] = {topic: {} for topic in TOPICS}
        self.totals: dict[tuple[str, int], ControlTotals] = {}

    def add(self, topic: str, about: dict[str, str], data: bytes) -> None:
        """Add a record with its attributes. A repeated record must be equal to the first."""
        if about["type"] == TOTALS:
            total = msgspec.json.decode(data, type=ControlTotals)
            self.totals[total.topic, total.partition] = total
            return
        kept = {name: value for name, value in about.items() if name not in RECORDED}
        found = sha256(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS) + b"\0" + data).digest()
        before = self.records[topic].setdefault(about["id"], found)
        assert before == found, f"{topic}: {about['id']} came twice, with different contents"

    def answer(self) -> bytes:
        """Hash of all outputs."""
        parts = (digest for topic in TOPICS for _, digest in sorted(self.records[topic].items()))
        return sha256(b"".join(parts)).digest()


class Last(NamedTuple):
    """The last record of a key of a compacted topic. Without a value it is a tombstone."""

    run_id: str
    version: str
    value: bytes | None


def run(size: str) -> dict[str, object]:
    """Run service and replay, and compare their outputs."""
    with serving() as place:
        source, target = place.folder / "in", place.folder / "out"
        source.mkdir()
        lines = sum(write_inputs(read_retail(DAYS[size]), source, place.folder / "truth.json").file_lines.values())
        bad = plant(source / "orders.ndjson")
        summary = replay(source, target, Settings(time_zone=ZONE_NAME))
        benchmark_topics.make(place, 1)
        loaded = load(source, {"bootstrap.servers": place.kafka}, place.prefix)
        with running(Engine(place, {"engine.time_zone": ZONE_NAME}, until_end=True)) as engine:
            started = time.monotonic()
            with Trail(engine.pid) as trail:
                engine.ended(SECONDS_MAX)
            seconds = time.monotonic() - started
            (stopped,) = engine.said("stopped")
        assert stopped["messages"] == summary.lines == lines + bad, f"required {lines + bad} lines, got {stopped}"
        expected = of_files(target)
        found, last, tombstones = of_topics(place)
        compare(expected, found)
        viewed = compare_view(place, last)
    return {
        "sizes": {"events": lines + bad, "bad_lines": bad, "days": DAYS[size] or 374},
        **{topic.replace("-", "_"): len(found.records[topic]) for topic in TOPICS},
        "tombstones": tombstones,
        "differences": 0,
        **viewed,
        "replay_seconds": summary.seconds,
        "load_seconds": loaded.seconds,
        "service_seconds": seconds,
        "peak_engine_mib": trail.peak_rss_mib,
        "answer": found.answer(),
    }


def plant(file: Path) -> int:
    """Insert bad lines of several kinds into a file of orders; returns their number."""
    lines, planted = file.read_bytes().splitlines(), 0
    with file.open("wb") as out:
        for at, line in enumerate(lines):
            out.write(line + b"\n")
            if at % BAD_EVERY == BAD_EVERY - 1:
                out.write(_bad(orjson.loads(line), planted) + b"\n")
                planted += 1
    return planted


def _bad(event: dict[str, Any], number: int) -> bytes:
    """A line that the engine must refuse, or sometimes a duplicate."""
    event["event_id"] = f"bad-{number}"
    match number % 6:
        case 0:
            return b'{"event_id": \xff'
        case 1:
            del event["sku"]
        case 2:
            event["event_type"] = "order.dreamt"
        case 3:
            event["quantity"] = "12"
        case 4:
            event["event_time"] = "2010-11-01T00:00:00Z"
        case _:
            event["event_id"] = f"again-{number}"
    return orjson.dumps(event)


def of_files(folder: Path) -> Outputs:
    """Outputs of a replay."""
    outputs = Outputs()
    for topic in TOPICS:
        with (folder / f"{topic}.ndjson").open("rb") as file:
            for line in file:
                event = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
                data = bytes(event.pop("data"))
                about = {name: msgspec.json.decode(value, type=str) for name, value in event.items()}
                del about["datacontenttype"]
                if topic == DEAD_LETTERS:
                    outputs.add(topic, *_letter_of_file(about, msgspec.json.decode(data, type=DeadLetter)))
                else:
                    outputs.add(topic, about, data)
    return outputs


def _letter_of_file(about: dict[str, str], letter: DeadLetter) -> tuple[dict[str, str], bytes]:
    named = {name: getattr(letter, name) for name in ("topic", "partition", "offset", "reason", "required", "got")}
    about = {name: about[name] for name in ("id", "source", "type", "time")} | {
        name: str(value) for name, value in named.items()
    }
    if letter.field is not None:
        about["field"] = letter.field
    return about, base64.b64decode(letter.value_base64)


def of_topics(place: Place) -> tuple[Outputs, dict[tuple[str, str], Last], int]:
    """Outputs of the service, last record per key of the compacted topics, and number of tombstones."""
    outputs, last, tombstones = Outputs(), dict[tuple[str, str], Last](), 0
    for record in benchmark_topics.records(place, TOPICS):
        headers = {name: value.decode() for name, value in record.headers.items()}
        if record.topic == DEAD_LETTERS:
            outputs.add(record.topic, _letter_of_topic(headers), record.value or b"")
            continue
        about = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
        if record.topic != AUDIT:
            last[_place(record)] = Last(about["lineage"], about["id"].rpartition("#")[2], record.value)
        if record.value is None:
            # Files have no tombstones, since they are not compacted.
            tombstones += 1
        else:
            outputs.add(record.topic, about, record.value)
    return outputs, last, tombstones


def _place(record: Record) -> tuple[str, str]:
    assert record.key is not None, "a record of a compacted topic has a key"
    return record.topic, record.key.decode()


def _letter_of_topic(headers: dict[str, str]) -> dict[str, str]:
    about = {name.removeprefix(OWN): value for name, value in headers.items() if name.startswith(OWN)}
    del about["original"]
    return about | {name: headers[CONNECT + name] for name in ("topic", "partition", "offset")}


def compare(expected: Outputs, found: Outputs) -> None:
    """Fail if the outputs differ."""
    for topic in TOPICS:
        want, have = expected.records[topic], found.records[topic]
        missing, more = sorted(want.keys() - have.keys()), sorted(have.keys() - want.keys())
        different = sorted(name for name in want.keys() & have.keys() if want[name] != have[name])
        msg = (
            f"{topic}: required the records of the replay, got {len(missing)} missing {missing[:SHOWN_MAX]}, "
            f"{len(more)} more {more[:SHOWN_MAX]}, {len(different)} different {different[:SHOWN_MAX]}"
        )
        assert want == have, msg
    for place, total in found.totals.items():
        outcomes = {name: getattr(total, name) for name in OUTCOMES}
        taken = sum(count for name, count in outcomes.items() if name != "released")
        assert taken == total.read, f"control totals of {place}: required a sum of {total.read} read, got {outcomes}"
        assert expected.totals.get(place, total) == total, f"{place}: got {total}, the replay {expected.totals[place]}"
        assert place in expected.totals or not total.read, f"{place}: required nothing read, got {total}"
    assert expected.totals.keys() <= found.totals.keys(), f"required totals of {sorted(expected.totals)}"


def compare_view(place: Place, last: dict[tuple[str, str], Last]) -> dict[str, int]:
    """Fail if the view in Redis differs from the topics; returns its size."""
    layout = Layout(place.prefix)
    wanted = {layout.hash(*key): record for key, record in last.items() if record.value is not None}
    open_ids = {
        key for (topic, key), record in last.items()
        if topic == EXCEPTIONS and record.value is not None and _is_open(record.value)
    }  # fmt: skip
    with Redis.from_url(place.redis) as store:
        for name, record in wanted.items():
            kept = store.hmget(name, "document", "lineage", "version")
            want = [record.value, record.run_id.encode(), record.version.encode()]
            assert kept == want, f"redis {name}: required {want}, got {kept}"
        prefixes = [layout.hash(topic, "") for topic in (EXCEPTIONS, PARAMETERS)]
        there = {name.decode() for prefix in prefixes for name in store.scan_iter(match=f"{prefix}*", count=1000)}
        shown = {name.decode() for name in store.zrange(layout.queue(OPEN), 0, -1)}
    assert there == wanted.keys(), f"redis: required no other keys, got {sorted(there ^ wanted.keys())[:SHOWN_MAX]}"
    assert shown == open_ids, f"redis: required open {len(open_ids)}, got {sorted(shown ^ open_ids)[:SHOWN_MAX]}"
    return {"hashes_in_redis": len(there), "open_exceptions": len(shown)}


def _is_open(document: bytes) -> bool:
    return msgspec.json.decode(document, type=ExceptionState).status not in ENDED
