"""States that the flow reports."""

from flows.service.telemetry import Partition, Telemetry


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
