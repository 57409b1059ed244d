"""Metrics: names by Prometheus' conventions, and every figure in its metric."""

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from flows.service.health import Health
from flows.service.metrics import EXCLUSIVE, described, registry
from flows.service.telemetry import Telemetry
from sensing.contracts.audit import ControlTotals
from sensing.machines.gauges import LIMITS, Gauges
from tests.flows.service.clock import Clock

LATENESS_MS = 3_600_000


@pytest.fixture
def clock() -> Clock:
    """A day and two hours after the end of day 18518."""
    return Clock(18_519 * 86_400 + 7_200.0)


@pytest.fixture
def telemetry(clock: Clock) -> Telemetry:
    """Nothing has happened yet."""
    return Telemetry(LATENESS_MS, wall=clock)


@pytest.fixture
def health(clock: Clock) -> Health:
    """A flow that has just started."""
    return Health(wall=clock, steady=clock)


@pytest.fixture
def metrics(telemetry: Telemetry, health: Health) -> CollectorRegistry:
    """What is scraped."""
    return registry(telemetry, health)


def totals(partition: int, read: int, **outcomes: int) -> ControlTotals:
    """Control totals of a partition of orders."""
    none = dict.fromkeys(EXCLUSIVE, 0)
    return ControlTotals(topic="orders", partition=partition, read=read, **(none | outcomes))


def test_names_keep_the_conventions() -> None:
    """One prefix, base units, no total in the table, help that is a sentence, no label that grows with the business."""
    assert len({metric.name for metric in described()}) == len(described())
    for metric in described():
        assert re.fullmatch(r"tidegauge_[a-z_]+[a-z]", metric.name)
        assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket", "_ms", "_minutes"))
        assert metric.help.endswith(".")
        assert set(metric.labels) <= {
            "topic", "partition", "outcome", "reason", "type", "severity", "client", "kind", "part", "target",
            "version", "python", "subject", "demand_class", "level", "days", "lane", "resolution",
        }  # fmt: skip


def test_before_anything_happened_a_scrape_works(metrics: CollectorRegistry) -> None:
    """Figures that there are not yet have no samples; the rest is zero."""
    assert metrics.get_sample_value("tidegauge_rows") == 0
    assert metrics.get_sample_value("tidegauge_ready") == 0
    assert metrics.get_sample_value("tidegauge_epoch_seconds_count") == 0
    assert metrics.get_sample_value("tidegauge_commit_age_seconds") is None
    assert metrics.get_sample_value("tidegauge_forecast_age_oldest_seconds") is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the library reads these figures from /proc")
def test_memory_of_the_process_is_there(metrics: CollectorRegistry) -> None:
    """Resident memory, CPU time and open files come under their usual names."""
    assert (metrics.get_sample_value("process_resident_memory_bytes") or 0) > 1e6
    assert metrics.get_sample_value("process_cpu_seconds_total") is not None


def test_counters(telemetry: Telemetry, metrics: CollectorRegistry) -> None:
    """What was read, became of events, was made, delivered, refused, failed, waited for."""
    telemetry.records.labels("orders").inc(10)
    telemetry.bytes.labels("orders").inc(2300)
    telemetry.tombstones.labels("reference").inc(3)
    telemetry.control_totals = {0: (totals(0, 10, absorbed=5, absorbed_late=1, duplicate=2, dead_letter=2),)}
    telemetry.control_totals |= {1: (totals(1, 12, absorbed=11, held=1, released=1, unknown_line=3),)}
    telemetry.dead_letters.labels("not_json").inc(2)
    telemetry.outputs.labels("exceptions", "exception.opened").inc(4)
    telemetry.deliveries.labels("kafka").inc(3)
    telemetry.errors.labels("kafka-producer", "_MSG_TIMED_OUT").inc()
    telemetry.backoffs.labels("redis").inc()
    telemetry.backoff_seconds.labels("redis").inc(0.25)

    def value(name: str, **labels: str) -> float | None:
        return metrics.get_sample_value(name, labels)

    assert value("tidegauge_records_fetched_total", topic="orders") == 10
    assert value("tidegauge_records_read_total", topic="orders") == 22
    assert value("tidegauge_events_released_total", topic="orders") == 1
    assert value("tidegauge_events_unknown_line_total", topic="orders") == 3
    assert value("tidegauge_read_bytes_total", topic="orders") == 2300
    assert value("tidegauge_tombstones_read_total", topic="reference") == 3
    assert value("tidegauge_events_total", topic="orders", outcome="absorbed") == 16
    assert value("tidegauge_events_total", topic="orders", outcome="dead_letter") == 2
    assert value("tidegauge_dead_letters_total", reason="not_json") == 2
    assert value("tidegauge_outputs_total", topic="exceptions", type="exception.opened") == 4
    assert value("tidegauge_delivered_records_total", target="kafka") == 3
    assert value("tidegauge_client_errors_total", client="kafka-producer", kind="_MSG_TIMED_OUT") == 1
    assert value("tidegauge_backoffs_total", part="redis") == 1
    assert value("tidegauge_backoff_seconds_total", part="redis") == 0.25


def test_lag_and_ages(telemetry: Telemetry, metrics: CollectorRegistry, clock: Clock) -> None:
    """Lag in seconds is the age of the newest event read, 0 at the end; a watermark's age is that of the least one."""
    now_ms = int(clock.now * 1000)
    telemetry.partition("orders", 0, 7, 10, now_ms - LATENESS_MS - 90_000, at_end=False)
    telemetry.partition("orders", 1, 9, 9, now_ms - LATENESS_MS, at_end=True)
    telemetry.partition("reference", 0, 5, 6, None, at_end=False)
    telemetry.committed_ms = now_ms - 1500

    def value(name: str, **labels: str) -> float | None:
        return metrics.get_sample_value(name, labels)

    assert value("tidegauge_consumer_lag_records", topic="orders", partition="0") == 3
    assert value("tidegauge_consumer_lag_records", topic="reference", partition="0") == 1
    assert value("tidegauge_consumer_lag_seconds", topic="orders", partition="0") == pytest.approx(90)
    assert value("tidegauge_consumer_lag_seconds", topic="orders", partition="1") == 0
    assert value("tidegauge_consumer_lag_seconds", topic="reference", partition="0") is None
    assert value("tidegauge_watermark_age_seconds", topic="orders") == pytest.approx(3690)
    assert value("tidegauge_watermark_age_seconds", topic="reference") is None
    assert value("tidegauge_commit_age_seconds") == pytest.approx(1.5)


def test_machines_are_summed(telemetry: Telemetry, metrics: CollectorRegistry) -> None:
    """Rows, models, lines and open exceptions of all machines; forecasts are as old as the last closed day's end."""
    surges: Any = ("order_surge", "high")
    quality: Any = ("data_quality", "low")
    fresh = {limit.name: 0 for limit in LIMITS}
    refused = fresh | {"exceptions_refused": 3}
    telemetry.machines[0] = Gauges(
        10, 4, 100, 7, fresh | {"lines_evicted": 1}, 3, {surges: 2}, {"order_surge": 4}, 18_517, 18_518, {}
    )
    telemetry.machines[1] = Gauges(20, 6, 200, 0, refused, 1, {surges: 1, quality: 5}, {}, None, None, {})
    telemetry.machines[1] = Gauges(
        21, 6, 200, 0, refused, 1, {surges: 1, quality: 5}, {"order_surge": 1, "large_order": 2}, None, None, {}
    )

    def value(name: str, **labels: str) -> float | None:
        return metrics.get_sample_value(name, labels)

    assert (value("tidegauge_rows"), value("tidegauge_river_rows"), value("tidegauge_lines")) == (31, 10, 300)
    assert value("tidegauge_quarantined_events") == 7
    assert value("tidegauge_surges_suppressed_total") == 4
    assert (value("tidegauge_lines_evicted_total"), value("tidegauge_exceptions_refused_total")) == (1, 3)
    assert value("tidegauge_open_exceptions", type="order_surge", severity="high") == 3
    assert value("tidegauge_open_exceptions", type="data_quality", severity="low") == 5
    assert value("tidegauge_exceptions_below_floor", type="order_surge") == 5
    assert value("tidegauge_exceptions_below_floor", type="large_order") == 2
    assert value("tidegauge_forecast_age_oldest_seconds") == 86_400 + 7_200
    assert value("tidegauge_forecast_age_newest_seconds") == 7_200


def test_histograms(telemetry: Telemetry, metrics: CollectorRegistry) -> None:
    """Epochs and latencies have buckets, count and sum."""
    telemetry.epochs.observe(0.4)
    telemetry.epochs.observe(0.41)
    telemetry.latencies.observe(1.2)
    assert metrics.get_sample_value("tidegauge_epoch_seconds_bucket", {"le": "0.4"}) == 1
    assert metrics.get_sample_value("tidegauge_epoch_seconds_bucket", {"le": "0.5"}) == 2
    assert metrics.get_sample_value("tidegauge_epoch_seconds_sum") == pytest.approx(0.81)
    assert metrics.get_sample_value("tidegauge_order_to_exception_seconds_bucket", {"le": "1.5"}) == 1
    assert metrics.get_sample_value("tidegauge_order_to_exception_seconds_count") == 1


def test_health_is_a_metric_too(health: Health, metrics: CollectorRegistry) -> None:
    """Parts are up or not, outages are counted, readiness is what /readyz says."""
    health.failing("redis", "away")
    health.ok("kafka")
    assert metrics.get_sample_value("tidegauge_part_up", {"part": "redis"}) == 0
    assert metrics.get_sample_value("tidegauge_part_up", {"part": "kafka"}) == 1
    assert metrics.get_sample_value("tidegauge_part_outages_total", {"part": "redis"}) == 1
    health.reference_read()
    health.inputs_read()
    assert metrics.get_sample_value("tidegauge_ready") == 1


def test_the_exposition_holds_the_table(metrics: CollectorRegistry) -> None:
    """Every metric of the table is exposed with its type and help, and there is none of ours beside it."""
    families = {family.name: family for family in text_string_to_metric_families(generate_latest(metrics).decode())}
    ours = {name: family for name, family in families.items() if name.startswith("tidegauge_")}
    assert {name: (family.type, family.documentation) for name, family in ours.items()} == {
        metric.name: (metric.kind, metric.help) for metric in described()
    }
