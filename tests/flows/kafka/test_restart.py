"""A live service is stopped and started on a real Kafka and Redis: one object a problem, decisions hold, no zombies."""

import time
from pathlib import Path
from typing import Any

import orjson
from redis import Redis

from sensing.codec.instants import rfc3339
from sensing.codec.shard_split import shard_of
from sensing.machine_settings import HOUR_MS, MINUTE_MS
from tests.flows.kafka.places import produce, until
from tests.flows.kafka.service import Record, Service, newest, records
from tests.flows.kafka.shop import load_lines, noon_zone, now_ms, shop_days, shop_order
from tests.sinks.documents import exception
from tests.sinks.live import publish
from tests.sinks.view_oracle import in_redis

DAYS = 60


def surge(count: int = 30) -> list[bytes]:
    """Five days' orders of the last minutes."""
    start = now_ms() - count * 1000
    return [shop_order(0, start + n * 1000, event_id=f"x{n}", order_id=f"x{n}") for n in range(count)]


def acknowledge(state: dict[str, Any]) -> bytes:
    """Ann's decision about what she has seen."""
    return orjson.dumps(
        {
            "event_id": "d1", "event_type": "decision.made", "event_time": now_ms(), "subject": state["exception_id"],
            "exception_version": state["version"], "decision": "acknowledge", "decider": "ann", "role": "planner",
        }
    )  # fmt: skip


def of_surge(found: list[Record]) -> list[Record]:
    """Records of the surge's id."""
    return [record for record in found if (record.key or b"").startswith(b"surge:PUMP|LON:")]


def test_a_restart_finds_the_same_problems(kafka: str, redis: str, topics: str, keys: str, tmp_path: Path) -> None:
    """60 days of history that end now, a surge, an acknowledgement, a stop and a start: the view is the same.

    What an earlier run has left open and this one does not find again is resolved, in the topic and in the view.
    """
    names = load_lines(kafka, topics, tmp_path / "in", shop_days(now_ms() - MINUTE_MS, DAYS))
    settings: dict[str, Any] = {"engine__lateness_minutes": 1, "engine__time_zone": noon_zone()}
    with Redis.from_url(redis) as client:
        with Service(kafka, topics, tmp_path, redis=redis, keys=keys, **settings) as service:
            service.ready()
            produce(kafka, names["orders"], surge())
            until(lambda: of_surge(records(kafka, f"{topics}exceptions")), seconds=20)
            time.sleep(1.0)
            found = of_surge(records(kafka, f"{topics}exceptions"))
            opened, seen = found[0], found[-1]
            assert (opened.headers["type"], opened.data["version"]) == ("exception.opened", 1)
            produce(kafka, names["decisions"], [acknowledge(seen.data)])
            until(lambda: any(r.headers["type"] == "decision.accepted" for r in records(kafka, f"{topics}audit")))
            assert service.stop() == 0
        first, before = of_surge(records(kafka, f"{topics}exceptions")), in_redis(client, keys)
        assert len({record.key for record in first}) == 1
        assert [r.headers["type"] for r in first].count("exception.opened") == 1
        assert first[-1].data["status"] == "acknowledged"
        other = next(sku for sku in map(str, range(99)) if shard_of(sku, 2) != shard_of("PUMP", 2))
        publish(kafka, topics, exception("surge:GONE|LON:20260101", sku=other, updated_at=rfc3339(now_ms() - HOUR_MS)))

        with Service(kafka, topics, tmp_path, redis=redis, keys=keys, **settings) as again:
            again.ready()
            until(lambda: newest(records(kafka, f"{topics}exceptions"))[b"surge:GONE|LON:20260101"].data["resolution"])
            assert again.stop() == 0
        after = in_redis(client, keys)
    last = newest(records(kafka, f"{topics}exceptions"))
    assert [key for key in last if key.startswith(b"surge:PUMP|LON:")] == [opened.key]
    gone = after[0].pop("surge:GONE|LON:20260101")
    assert (gone["status"], gone["resolution"], gone["version"]) == ("resolved", "not_found_again", 2)
    assert after == before


def test_a_backfill_repeats_nothing_that_is_known(kafka: str, topics: str, tmp_path: Path) -> None:
    """Started again with ``quiet_until``, the end of the backfill says nothing about a problem that has not changed."""
    end = now_ms() - MINUTE_MS
    names = load_lines(kafka, topics, tmp_path / "in", shop_days(end, DAYS))
    produce(kafka, names["orders"], surge())
    settings: dict[str, Any] = {"engine__lateness_minutes": 0, "engine__time_zone": noon_zone()}
    with Service(kafka, topics, tmp_path, **settings) as service:
        until(lambda: of_surge(records(kafka, f"{topics}exceptions")), seconds=30)
        assert service.ready().stop() == 0
    first = of_surge(records(kafka, f"{topics}exceptions"))

    documents = len(records(kafka, f"{topics}planning-parameters"))
    until_then = now_ms() + 8_000
    with Service(kafka, topics, tmp_path, "--quiet-until", rfc3339(until_then), **settings) as again:
        until(lambda: len(records(kafka, f"{topics}planning-parameters")) > documents, seconds=30)
        produce(
            kafka, names["orders"], [shop_order(0, now_ms(), event_id=f"y{n}", order_id=f"y{n}") for n in range(40)]
        )
        until(lambda: len(of_surge(records(kafka, f"{topics}exceptions"))) > len(first), seconds=20)
        assert again.stop() == 0
    later = of_surge(records(kafka, f"{topics}exceptions"))[len(first) :]
    assert [record.data["exception_id"] for record in later] == [first[0].data["exception_id"]] * len(later)
    assert [record.data["version"] for record in later] == [
        first[-1].data["version"] + 1 + n for n in range(len(later))
    ]
    assert "exception.opened" not in {record.headers["type"] for record in later}
