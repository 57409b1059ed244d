"""The whole service in a separate process on a real Kafka and Redis, as an operator runs it."""

import datetime as dt
import itertools
import signal
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from redis import Redis

from sensing.codec.instants import rfc3339
from sensing.machine_settings import DAY_MS, HOUR_MS
from tests.flows.kafka.places import make_topics, produce, until
from tests.flows.kafka.service import Record, Service, assert_balanced, committed, last_totals, records
from tests.flows.kafka.shop import SKUS, cancelled, giant, load_lines, moved, noon_zone, now_ms, shop_days, shop_order
from tests.machines.business import business
from tests.machines.streams import Line


def exceptions(address: str, prefix: str, kind: str = "data_quality") -> list[dict[str, Any]]:
    """States of exceptions of one type, in order of publication."""
    found = [record.data for record in records(address, f"{prefix}exceptions")]
    return [state for state in found if state["exception_type"] == kind]


def letters(address: str, prefix: str) -> list[Record]:
    """All dead letters."""
    return records(address, f"{prefix}dead-letters")


def boxed(name: str) -> bytes:
    """An order in boxes."""
    return shop_order(1, now_ms(), event_id=name, order_id=name, unit_of_measure="BOX")


def test_what_comes_in_goes_out_within_seconds(kafka: str, redis: str, topics: str, keys: str, tmp_path: Path) -> None:
    """An impossible order is held and shown in Kafka and Redis, and released when it is cancelled.

    So is an order in an unknown unit, until the unit arrives. Master data that arrive later take effect, whatever their
    dates; a bad message is a dead letter with its bytes.
    """
    history = shop_days(now_ms() - HOUR_MS, 20)
    names = load_lines(kafka, topics, tmp_path / "in", history)
    client: Any = Redis.from_url(redis, decode_responses=True)
    with Service(kafka, topics, tmp_path, redis=redis, keys=keys) as service, client:
        service.ready()
        assert client.zcard(f"{keys}exceptions:open") == 0
        produce(kafka, names["orders"], [giant("big", now_ms()), b"\x80 no event", boxed("b1")])
        until(lambda: client.zcard(f"{keys}exceptions:open") == 2, seconds=10)
        [state] = exceptions(kafka, topics)
        [unit] = exceptions(kafka, topics, "master_data")
        open_id = state["exception_id"]
        assert sorted(client.zrange(f"{keys}exceptions:open", 0, -1)) == sorted([open_id, unit["exception_id"]])
        assert (unit["status"], unit["sku"], unit["location"]) == ("opened", "PUMP", None)
        assert unit["reason"].startswith("Unit BOX of item PUMP is in no item.updated record, but 1 event names it")
        seen = client.hgetall(f"{keys}exception:{unit['exception_id']}")
        assert orjson.loads(seen["document"]) == unit
        assert seen["sku"] == "PUMP"
        assert "location" not in seen
        assert (state["status"], state["version"], state["sku"], state["observed"]) == ("opened", 1, "PUMP", 200_000)
        shown = client.hgetall(f"{keys}exception:{open_id}")
        assert orjson.loads(shown["document"]) == state
        until(lambda: len(letters(kafka, topics)) == 1, seconds=10)
        [letter] = letters(kafka, topics)
        assert letter.headers["tidegauge_reason"] == "not_json"
        assert letter.value == b"\x80 no event"

        far = dt.datetime(2090, 1, 1, tzinfo=dt.UTC)
        item = {"event_id": "i2", "event_type": "item.updated", "sku": "PUMP", "units": {"BOX": 4}}
        calendar = {"event_id": "c1", "event_type": "calendar.updated", "event_time": int(far.timestamp() * 1000),
                    "calendar": "uk", "closed_weekdays": [6]}  # fmt: skip
        produce(kafka, names["reference"], [orjson.dumps(item), orjson.dumps(calendar)])
        until(lambda: service.metric('tidegauge_records_read_total{topic="reference"}') == 6)
        produce(kafka, names["orders"], [boxed("b2"), cancelled("big", now_ms())])
        until(lambda: not client.zcard(f"{keys}exceptions:open"), seconds=10)
        assert [state["status"] for state in exceptions(kafka, topics)] == ["opened", "resolved"]
        unit = exceptions(kafka, topics, "master_data")[-1]
        assert (unit["status"], unit["reason"]) == ("resolved", "Unit BOX of item PUMP is known now: released 1 event.")
        assert service.ask("/healthz")[1]["status"] == "ok"
        assert service.stop() == 0

    totals = last_totals(records(kafka, f"{topics}audit"))
    read = assert_balanced(totals)
    assert read.total() == len(history) + 7
    orders = totals["orders", 0]
    assert (orders["dead_letter"], orders["held"], orders["released"]) == (1, 2, 2)
    assert totals["reference", 0]["absorbed"] == 6
    assert len(letters(kafka, topics)) == 1


BIT_BY_BIT = "from flows.input import kafka_source; kafka_source.BATCH_MESSAGES = 50"
"""Lets a run be in the middle of its work for a while, however fast the machine is."""


def busy_weeks(end: int) -> list[Line]:
    """Three weeks of a business among many orders of others, as they arrive."""
    lines: list[Line] = []
    others, clock = itertools.count(), end - 21 * DAY_MS
    for line in moved(business(seed=5, days=20), end):
        until_then = max(clock, orjson.loads(line.value).get("event_time") or 0) if line.topic != "reference" else clock
        for time_ms in range(clock, until_then, 10_000):
            n = next(others)
            order = shop_order(n, time_ms, f"P{n % 9}", location="NYC", event_id=f"n{n}", order_id=f"n{n}")
            lines.append(Line("orders", order))
            clock = time_ms + 10_000
        lines.append(line)
    return lines


def test_a_signal_stops_it_in_good_order(kafka: str, topics: str, tmp_path: Path) -> None:
    """In the middle of its work: what was handed on is finished, accounted for, delivered and committed; code 0.

    Started again it reads everything from the beginning, and what it published comes again: same ids, same data.
    """
    sent = busy_weeks(now_ms() - 2 * DAY_MS)
    names = load_lines(kafka, topics, tmp_path / "in", sent, partitions=2)
    zone = noon_zone()
    with Service(kafka, topics, tmp_path, before=BIT_BY_BIT, engine__time_zone=zone, log__level="debug") as service:
        until(lambda: any("exception.opened" in line.get("outputs", ()) for line in service.lines()))
        assert service.stop() == 0
        assert service.lines()[-1]["event"] == "stopped"
    totals = last_totals(records(kafka, f"{topics}audit"))
    read = assert_balanced(totals)
    assert 0 < read["orders"] < sum(topic == "orders" for topic, _ in sent)
    assert read.total() == service.lines()[-1]["messages"]
    offsets = committed(kafka, topics, names, partitions=2)
    assert offsets == {place: data["read"] for place, data in totals.items() if data["read"]}

    before = {topic: records(kafka, topics + topic) for topic in ("exceptions", "planning-parameters", "dead-letters")}
    assert all(before.values())
    with Service(kafka, topics, tmp_path, engine__time_zone=zone) as again:
        again.ready()
        assert again.stop() == 0
    assert assert_balanced(last_totals(records(kafka, f"{topics}audit"))) == Counter(topic for topic, _ in sent)
    for topic, first in before.items():
        found = records(kafka, topics + topic)
        mark = "tidegauge_" if topic == "dead-letters" else ""
        assert len({record.headers[f"{mark}lineage"] for record in found}) == 2
        second = {record.headers[f"{mark}id"]: record.value for record in found[len(first) :]}
        assert [(id, second.get(id)) for id in (record.headers[f"{mark}id"] for record in first)] == [
            (record.headers[f"{mark}id"], record.value) for record in first
        ]


def test_an_interrupt_stops_it_as_well(kafka: str, topics: str, tmp_path: Path) -> None:
    """Ctrl-C is the same to it, whatever it is doing; nothing was read here, and that is accounted for too."""
    make_topics(kafka, topics)
    with Service(kafka, topics, tmp_path) as service:
        service.ready().signal(signal.SIGINT)
        assert service.wait() == 0
    assert assert_balanced(last_totals(records(kafka, f"{topics}audit"))).total() == 0


def test_quiet_until_shows_only_what_is_true_then(kafka: str, topics: str, tmp_path: Path) -> None:
    """Weeks of history are learnt in silence; at the instant, told by the wall clock alone, what is true then is shown.

    What is open and what to plan with, once each, as version 1; what came and went in the past is not shown.
    """
    start = now_ms()
    history = shop_days(start - HOUR_MS, 40)
    past, lately = start - 15 * DAY_MS, start - 2 * DAY_MS
    for event in (giant("past", past), cancelled("past", past + HOUR_MS), giant("lately", lately, "HOSE")):
        time_of = orjson.loads(event)["event_time"]
        at = next(i for i, line in enumerate(history) if orjson.loads(line.value).get("event_time", 0) > time_of)
        history.insert(at, Line("orders", event))
    load_lines(kafka, topics, tmp_path / "in", history)
    instant = now_ms() + 15_000
    quiet = ("exceptions", "planning-parameters")
    flags = ("--quiet-until", rfc3339(instant))
    with Service(kafka, topics, tmp_path, *flags, engine__lateness_minutes=0) as service:
        service.ready()
        while now_ms() < instant - 200:
            assert not any(records(kafka, topics + topic) for topic in quiet)
            time.sleep(0.5)
        until(lambda: all(records(kafka, topics + topic) for topic in quiet), seconds=20)
        assert service.stop() == 0
    [state] = [record.data for record in records(kafka, f"{topics}exceptions")]
    assert (state["exception_type"], state["sku"], state["status"], state["version"]) == (
        "data_quality", "HOSE", "opened", 1,
    )  # fmt: skip
    documents = [record.data for record in records(kafka, f"{topics}planning-parameters")]
    assert sorted((document["sku"], document["version"]) for document in documents) == sorted((sku, 1) for sku in SKUS)
    decisions = [
        record for record in records(kafka, f"{topics}audit") if record.headers["type"] == "decision.automatic"
    ]
    assert all(record.headers["time"] >= rfc3339(lately) for record in decisions)


def test_groups_of_partitions_give_the_same_totals(kafka: str, topics: str, tmp_path: Path) -> None:
    """One group, or more groups than partitions: everything is read once and becomes the same."""
    sent = moved(business(seed=6, days=20), now_ms() - HOUR_MS)
    load_lines(kafka, topics, tmp_path / "in", sent, partitions=3)
    found = []
    for groups in (1, 4):
        with Service(kafka, topics, tmp_path, engine__source_groups=groups) as service:
            service.ready()
            assert service.stop() == 0
        totals = last_totals(records(kafka, f"{topics}audit"))
        assert assert_balanced(totals) == Counter(topic for topic, _ in sent)
        for data in totals.values():
            data["absorbed"] += data.pop("absorbed_late")
        found.append(totals)
    assert found[0] == found[1]


def test_what_cannot_start_says_why(kafka: str, topics: str, tmp_path: Path) -> None:
    """A port in use, and topics that are missing: codes 1 and 4, and a line that names the fix."""
    make_topics(kafka, topics)
    folders = tmp_path / "port", tmp_path / "topics"
    for folder in folders:
        folder.mkdir()
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        Service(kafka, topics, folders[0], http__port=taken.getsockname()[1]) as port,
        Service(kafka, f"{topics}no.", folders[1]) as missing,
    ):
        assert (port.wait(), missing.wait()) == (1, 4)
        assert f"http.port: required a free port on 127.0.0.1, got {taken.getsockname()[1]}" in port.text()
    assert f"kafka topics: required {topics}no." in missing.text()
    assert "create with: tidegauge topics create" in missing.text()
    assert "Traceback" not in port.text() + missing.text()
