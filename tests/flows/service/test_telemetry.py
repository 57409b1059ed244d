"""Counters and histograms that the flow writes."""

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from flows.service.histogram import Histogram
from flows.service.telemetry import Partition, Telemetry
from sensing.machines.messages import OUTCOMES

BOUNDS = (0.1, 0.5, 1.0)


@given(st.lists(st.floats(0, 2) | st.sampled_from(BOUNDS)))
def test_buckets_hold_what_is_up_to_their_bounds(values: list[float]) -> None:
    """Each bucket counts all observations up to and including its bound, the last one all."""
    histogram = Histogram(BOUNDS)
    for value in values:
        histogram.observe(value)
    buckets, total = histogram.read()
    ordered = sorted(values)
    assert buckets == [
        *((str(bound), bisect_right(ordered, bound)) for bound in BOUNDS),
        ("+Inf", len(values)),
    ]
    assert abs(total - sum(values)) < 1e-9


def test_counts_add_up() -> None:
    """Each call adds to what was there."""
    telemetry = Telemetry(0)
    for _ in range(3):
        telemetry.read("orders", 10, 2300)
        telemetry.tombstones("reference", 1)
        telemetry.output("exceptions", "exception.opened")
        telemetry.output("exceptions", "exception.resolved", 2)
        telemetry.delivered("kafka", 4)
        telemetry.dead_letter("not_json", 2)
        telemetry.error("redis", "ConnectionError")
        telemetry.backoff("redis", 0.5)
    assert (telemetry.records, telemetry.bytes) == ({("orders",): 30}, {("orders",): 6900})
    assert telemetry.tombstone_records == {("reference",): 3}
    assert telemetry.outputs == {("exceptions", "exception.opened"): 3, ("exceptions", "exception.resolved"): 6}
    assert (telemetry.deliveries, telemetry.dead_letters) == ({("kafka",): 12}, {("not_json",): 6})
    assert telemetry.errors == {("redis", "ConnectionError"): 3}
    assert (telemetry.backoffs, telemetry.backoff_seconds) == ({("redis",): 3}, {("redis",): 1.5})


def test_lag_and_watermark_are_over_partitions() -> None:
    """Lag is never negative; the least watermark counts, of partitions that have one."""
    telemetry = Telemetry(0)
    assert telemetry.watermark_ms() is None
    telemetry.partition("orders", 0, 7, 10, 5000, at_end=False)
    telemetry.partition("orders", 1, 12, 10, 4000, at_end=True)
    telemetry.partition("reference", 0, 1, 1, None, at_end=True)
    assert telemetry.lag_records() == {("orders", 0): 3, ("orders", 1): 0, ("reference", 0): 0}
    assert telemetry.watermark_ms() == 4000
    assert telemetry.partitions["orders", 1] == Partition(12, 10, 4000, True)


def test_outcomes_of_machines_add_up() -> None:
    """A machine's newest totals replace its former ones; those of all machines and partitions are summed."""
    telemetry = Telemetry(0)
    telemetry.outcomes(0, [("orders", 0, (9, 9, 9, 9, 9, 9, 9))])
    telemetry.outcomes(0, [("orders", 0, (1, 2, 3, 4, 5, 6, 7)), ("orders", 1, (10, 0, 0, 0, 0, 0, 0))])
    telemetry.outcomes(1, [("orders", 0, (100, 0, 0, 0, 0, 0, 0))])
    counts = telemetry.outcome_counts()
    assert list(counts) == [("orders", outcome) for outcome in OUTCOMES]
    assert list(counts.values()) == [111, 2, 3, 4, 5, 6, 7]
