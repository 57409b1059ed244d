"""Topics read to their current end by event time give the same as a replay of the same lines."""

import contextlib
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from benchmarks.case_results import run_case
from benchmarks.servers.process import free_port
from flows import service_job
from flows.replay_job import replay
from flows.service.redis_settings import RedisSettings
from flows.service.settings import RunSettings
from flows.service_job import run_service
from sensing.contracts.topic_registry import published
from sensing.machine_settings import DAY_MS, Settings
from sinks.errors import RefusedError, TidegaugeError
from sinks.view_updater import ViewCounts
from tests.cases.conftest import FOLDER
from tests.flows.events import MONDAY as LONG_AGO
from tests.flows.kafka.places import make_topics, produce
from tests.flows.kafka.reading import small_buffers
from tests.flows.kafka.service import Record, assert_balanced, last_totals, records
from tests.flows.kafka.shop import load_lines
from tests.machines.business import business
from tests.machines.streams import MONDAY, Line, line


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines() -> list[Line]:
    """Some weeks of a business, with bad lines, lines far too late and dates far in the future among them.

    One item passes over to another one on the way.

    None is the first or the last of its partition: it would be judged by itself alone, and taken.
    """
    found = business(seed=11, days=24)
    found.append(line("item.updated", "over", None, sku="SEAL", successor="HOSE", successor_from=MONDAY + 15 * DAY_MS))
    for at in range(400, len(found) - 300, 60):
        found[at:at] = [
            Line("orders", b"\xffnonsense %d" % at),
            line("order.placed", f"late{at}", LONG_AGO, sku="PUMP", location="LON", quantity=1),
            line("order.placed", f"ahead{at}", MONDAY + 400 * DAY_MS, sku="PUMP", location="LON", quantity=1),
            line("po.placed", f"early{at}", LONG_AGO, sku="PUMP", location="LON", quantity=1, po_id=f"p{at}"),
        ]
    return found


def settings(address: str, prefix: str, **engine: Any) -> RunSettings:
    """Settings of a run on the topics of a prefix."""
    return RunSettings.model_validate(
        {
            "kafka": {"bootstrap_servers": address, "topic_prefix": prefix}, "http": {"port": 0},
            "engine": {"shards": 2, "sink_partitions": 3} | engine,
        }
    )  # fmt: skip


def of_record(topic: str, record: Record) -> tuple[Any, ...]:
    """What a subscriber gets of a record; who sent it and when aside."""
    if topic == "dead-letters":
        headers = {name: value for name, value in record.headers.items() if name.startswith("tidegauge_")}
        for name in ("lineage", "recordedtime"):
            del headers[f"tidegauge_{name}"]
        place = tuple(record.headers[f"__connect.errors.{name}"] for name in ("topic", "partition", "offset"))
        return (headers.pop("tidegauge_id"), headers, place, record.value)
    headers = record.headers.copy()
    for name in ("lineage", "recordedtime", "content-type"):
        del headers[name]
    return (headers.pop("id"), headers, record.data)


def of_file(topic: str, text: bytes) -> tuple[Any, ...]:
    """The same of a line of a replay's output."""
    event = orjson.loads(text)
    data = event.pop("data")
    del event["recordedtime"], event["datacontenttype"]
    if topic != "dead-letters":
        return (event.pop("id"), event, data)
    import base64

    headers = {"source": event["source"], "type": event["type"], "time": event["time"], "reason": data["reason"]}
    headers |= {name: data[name] for name in ("field", "required", "got") if data[name] is not None}
    headers["original"] = "true" if data["original"] else "false"
    place = (data["topic"], str(data["partition"]), str(data["offset"]))
    value = base64.b64decode(data["value_base64"])
    return (event["id"], {f"tidegauge_{name}": text for name, text in headers.items()}, place, value)


def test_it_puts_out_what_a_replay_puts_out(kafka: str, topics: str, tmp_path: Path) -> None:
    """Same exceptions, parameters, decisions, control totals and dead letters, record by record."""
    load_lines(kafka, topics, tmp_path / "in", lines())
    replay(tmp_path / "in", tmp_path / "out", Settings(shards=2))
    ended = run_service(settings(kafka, topics), until_end=True)

    for topic in (spec.name for spec in published()):
        expected = [of_file(topic, text) for text in (tmp_path / "out" / f"{topic}.ndjson").read_bytes().splitlines()]
        # Files are not compacted, so they have no tombstones.
        kept = [record for record in records(kafka, topics + topic) if record.value is not None]
        found = [of_record(topic, record) for record in kept]
        assert len(found) > 5
        assert {entry[0]: entry for entry in found} == {entry[0]: entry for entry in expected}
        assert len(found) == len(expected)
    assert ended.messages == len(lines())


@pytest.mark.parametrize(
    ("name", "taken", "refused"),
    [("epoch-seconds", 0, 1461), ("nulls-from-connect", 6, 0), ("structured-cloudevents-in-files", 10, 4)],
)
def test_forms_of_input_need_no_headers(kafka: str, topics: str, name: str, taken: int, refused: int) -> None:
    """Values without key and header count as the lines of a file do, refused for the same reasons."""
    names = make_topics(kafka, topics)
    expected = run_case(FOLDER / name)
    for topic in expected.totals:
        produce(kafka, names[topic], (FOLDER / name / f"{topic}.ndjson").read_bytes().splitlines())
    run_service(settings(kafka, topics), until_end=True)

    totals = {topic: data for (topic, _), data in last_totals(records(kafka, f"{topics}audit")).items()}
    for topic, counts in expected.totals.items():
        assert {outcome: totals[topic][outcome] for outcome in counts} == counts
    assert sum(data["absorbed"] + data["absorbed_late"] for data in totals.values()) == taken
    letters = [record.headers for record in records(kafka, f"{topics}dead-letters")]
    found = sorted((letter["tidegauge_reason"], letter.get("tidegauge_got", "nothing")) for letter in letters)
    assert found == sorted((letter.reason, letter.got or "nothing") for letter in expected.dead_letters)
    assert len(found) == refused


def test_all_partitions_are_read_and_all_is_accounted_for(kafka: str, topics: str, tmp_path: Path) -> None:
    """Whatever the number of groups says; what comes after the start is not read, and dead letters come once."""
    sent = lines()
    names = load_lines(kafka, topics, tmp_path / "in", sent, partitions=3)
    ended = run_service(settings(kafka, topics, source_groups=2), until_end=True)

    totals = last_totals(records(kafka, f"{topics}audit"))
    assert_balanced(totals)
    read = {topic: sum(data["read"] for (name, _), data in totals.items() if name == topic) for topic in names}
    assert read == {topic: sum(sent_to == topic for sent_to, _ in sent) for topic in names}
    assert len({place for place, data in totals.items() if data["read"]}) > len(names)
    assert ended.messages == len(sent)

    letters = Counter(record.headers["tidegauge_id"] for record in records(kafka, f"{topics}dead-letters"))
    assert set(letters.values()) == {1}
    assert len(letters) == sum(data["dead_letter"] for data in totals.values())
    bad = {value for topic, value in sent if value.startswith(b"\xff")}
    assert bad <= {record.value for record in records(kafka, f"{topics}dead-letters")}


def test_more_reference_than_may_wait_is_read(
    kafka: str, topics: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves while it is read, all of it before any event."""
    small_buffers(monkeypatch, most=50, resume=20)
    items = [line("item.updated", f"i{n}", None, sku=f"P{n}", units={"BOX": 4}) for n in range(300)]
    boxes = [
        line("order.placed", f"o{n}", MONDAY + n, sku=f"P{n}", location="LON", quantity=1, unit_of_measure="BOX")
        for n in range(300)
    ]
    load_lines(kafka, topics, tmp_path / "in", [*items, *boxes])
    assert run_service(settings(kafka, topics), until_end=True).messages == 600
    totals = last_totals(records(kafka, f"{topics}audit"))
    assert (totals["reference", 0]["absorbed"], totals["orders", 0]["absorbed"]) == (300, 300)


def test_it_ends_where_there_is_nothing(kafka: str, topics: str, tmp_path: Path) -> None:
    """Empty topics, or tombstones alone, are at their end; the books are closed all the same."""
    names = load_lines(kafka, topics, tmp_path / "in", [Line("reference", b"{}")])
    produce(kafka, names["orders"], [None, None], key=b"k")
    ended = run_service(settings(kafka, topics), until_end=True)
    assert ended.messages == 1
    assert len(last_totals(records(kafka, f"{topics}audit"))) == len(names)


def test_a_view_that_redis_does_not_take_is_a_failure(
    kafka: str, topics: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is in the topics then; the failure says what is not, and that the next run will see to it."""
    load_lines(kafka, topics, tmp_path / "in", lines()[:200])
    monkeypatch.setattr(service_job, "STOP_SECONDS_MAX", 1.0)
    away = settings(kafka, topics).model_copy(
        update={"redis": RedisSettings.model_validate({"url": f"redis://127.0.0.1:{free_port()}"})}
    )
    expected = (
        "^redis: required a view that is up to date, got none within 1 s; all is in the topics, and the next run goes "
        "on with the view$"
    )
    with pytest.raises(TidegaugeError, match=expected):
        run_service(away, until_end=True)
    assert last_totals(records(kafka, f"{topics}audit"))


def test_a_view_of_other_topics_is_refused_at_once(kafka: str, topics: str, redis: str, keys: str) -> None:
    """Before anything is read, with exit code 4: a person must say whose the keys are."""
    make_topics(kafka, topics)
    make_topics(kafka, f"{topics}2.")
    shown = RedisSettings.model_validate({"url": redis, "key_prefix": keys})
    run_service(settings(kafka, topics).model_copy(update={"redis": shown}), until_end=True)
    with pytest.raises(RefusedError, match="required a view of topics") as refused:
        run_service(settings(kafka, f"{topics}2.").model_copy(update={"redis": shown}), until_end=True)
    assert refused.value.exit_code == 4
    assert f"got one of topics {topics}* of Kafka cluster " in str(refused.value)
    assert records(kafka, f"{topics}2.audit") == []


class Behind:
    """A view that needs several waits to be up to date and gets on by so many records in each of them."""

    def __init__(self, *steps: int) -> None:
        self.counts = ViewCounts()
        self.refused = ""
        self.steps = list(steps)

    def drain(self, _seconds: float) -> bool:
        """Wait once."""
        if not self.steps:
            return True
        self.counts.applied += self.steps.pop(0)
        return False


@pytest.mark.parametrize(
    ("until_end", "steps", "left"),
    [(True, [], 0), (True, [5, 1, 3], 0), (True, [5, 0, 3], 1), (False, [], 0), (False, [5, 1, 3], 2)],
)
def test_a_run_to_the_end_waits_as_long_as_the_view_gets_on(until_end: bool, steps: list[int], left: int) -> None:
    """A stop waits once, whatever the view is at."""
    behind = Behind(*steps)
    view: Any = behind
    with pytest.raises(TidegaugeError) if until_end and left else contextlib.nullcontext():
        service_job._bring_up_to_date(view, until_end=until_end)
    assert len(behind.steps) == left
