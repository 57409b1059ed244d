"""Every benchmark runs at its smoke size and reports its expected figures."""

from functools import cache

import pytest
from redis import Redis

from benchmarks import harness
from benchmarks.servers.kafka import admin

pytestmark = pytest.mark.slow

SAYS = {
    "apply": ("batch_20000.events_per_second", "batch_20000.split_ns_per_event", "disturbed.events_per_second"),
    "codec": ("messages_per_second",),
    "day_close": ("rows_400.plain.us_per_row", "rows_400.river.us_per_row", "rows_400.river.demand_learn_us_per_row"),
    "generate": ("lines_per_second",),
    "leadtime": ("engine.all.p90_coverage", "engine.unseen.p90_coverage", "one_receipt_of_60_days.p50_days"),
    "memory": ("record_bytes_per_row", "line_record_bytes"),
    "purchases": ("received.cpu_seconds_per_100000_events", "never_received.cpu_seconds_per_100000_events"),
    "sinks": ("deliver.records_per_second", "view.records_per_second", "view.redis_cpu_us_per_record"),
    "processes": ("one_process.lines_per_second", "two_processes.lines_per_second", "two_to_one_ratio"),
    "sensing": ("online_retail.at_10.days_1.squared", "online_retail.at_18.after_7.absolute"),
    "signals": ("weather.rmse_ratio", "tickets.rmse_ratio", "sparse.total_rmse_ratio", "noise.rmse_ratio"),
    "surges": ("synthetic.lines_10.x3.found", "synthetic.lines_10.stopped.found", "retail.lines_10.x2.planted"),
    "shifts": ("10_lines.doubled_days", "10_lines.halved_days", "10_lines.stopped_days", "10_lines.drop_named_share"),
    "replay": ("lines_per_second", "lines_per_cpu_second", "close_share", "close_cpu_seconds_per_day"),
}
ON_SERVERS = {
    "first_hour": ("compile_seconds", "demo.first_exceptions_seconds", "kafka.end_seconds", "service.ready_seconds"),
    "kafka": (
        "one_partition.lines_per_second",
        "one_partition.cpu_ns_per_line",
        "one_partition.share_of_bare",
        "four_partitions.lines_per_second",
        "closes.lines_per_second",
    ),
    "latency": ("at_500.kafka.p99_ms", "at_500.redis.p99_ms", "at_500.lines_per_second", "at_500.triggers"),
    "on_event": ("first.kafka.p99_ms", "first.redis.p99_ms", "later.kafka.p99_ms", "cost.published_us_per_event"),
    "parity": ("exceptions", "planning_parameters", "audit", "dead_letters", "hashes_in_redis", "open_exceptions"),
    "publication": ("rows_published_per_second", "health_answers", "epochs"),
}
"""Those that need a Kafka and a Redis."""
NOT_SHIPPED = {"ablation", "accuracy", "coldstart", "m5", "stocking"}
"""Benchmarks on data that are no part of the project."""


@cache
def smoke(name: str) -> dict[str, float | int | str]:
    """Figures of one smoke run, made once."""
    return harness.run_isolated(name, "smoke").figures


def test_every_benchmark_has_a_smoke_run() -> None:
    """A new benchmark is named here, with what it must say."""
    assert set(harness.discover()) == set(SAYS) | set(ON_SERVERS) | NOT_SHIPPED


@pytest.mark.parametrize("name", sorted(SAYS))
def test_smoke_run(name: str) -> None:
    """The run ends, and the figures that the project is judged by are there."""
    figures = smoke(name)
    for figure in SAYS[name]:
        assert float(figures[figure]) > 0, f"{name}: {figure} in {figures}"


@pytest.mark.parametrize("name", sorted(ON_SERVERS))
def test_smoke_run_on_servers(name: str, kafka: str, redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with servers that are given; what it made there is gone afterwards."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP", kafka)
    monkeypatch.setenv("REDIS_URL", redis)
    before = _kept(kafka, redis)
    figures = smoke(name)
    for figure in ON_SERVERS[name]:
        assert float(figures[figure]) > 0, f"{name}: {figure} in {figures}"
    assert _kept(kafka, redis) == before


def test_latency_misses_no_trigger(kafka: str, redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every planted giant and surge opens an exception, in Kafka and in Redis, at whatever hour the test runs."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP", kafka)
    monkeypatch.setenv("REDIS_URL", redis)
    figures = smoke("latency")
    assert (figures["at_500.missed"], figures["at_500.unseen_in_redis"]) == (0, 0), figures
    assert figures["at_500.triggers"] == 40, figures


def _kept(kafka: str, redis: str) -> set[str]:
    """Topics and keys with the prefix of benchmarks."""
    topics = {name for name in admin(kafka).list_topics(timeout=30).topics if name.startswith("bench-")}
    with Redis.from_url(redis) as store:
        return topics | {key.decode() for key in store.scan_iter(match="bench-*", count=1000)}


def test_river_figures_are_of_rows_with_river_models() -> None:
    """What is published as the cost of a close with River models is that of rows which all have them."""
    assert smoke("day_close")["rows_400.river_rows"] == 400


def test_records_of_a_row_fit_a_kibibyte() -> None:
    """The bound on the records of a row, as the memory benchmark states them."""
    assert float(smoke("memory")["record_bytes_per_row"]) <= 1124
