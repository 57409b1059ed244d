"""Metrics of accuracy: ratios of the totals of all machines."""

import pytest
from prometheus_client import CollectorRegistry

from flows.service.accuracy_metrics import METRICS, summed
from flows.service.health import Health
from flows.service.metrics import registry
from flows.service.telemetry import Telemetry
from sensing.machines.accuracy_totals import Totals
from sensing.machines.gauges import LIMITS, Gauges
from tests.flows.service.clock import Clock


def machine(accuracy: Totals) -> Gauges:
    """A machine with these totals and nothing else."""
    return Gauges(0, 0, 0, 0, {limit.name: 0 for limit in LIMITS}, 0, {}, {}, None, None, accuracy)


FIRST: Totals = {
    ("rows", "smooth"): 3.0, ("days", "smooth"): 100.0, ("units", "smooth"): 50.0, ("absolute", "smooth"): 20.0,
    ("error", "smooth"): -5.0, ("squares", "smooth"): 64.0, ("naive", "smooth"): 100.0, ("loss", "smooth"): 3.0,
    ("loss_days", "smooth"): 10.0, ("within", "smooth", "0.95"): 95.0, ("within", "smooth", "0.995"): 0.0,
    ("sums", "smooth", "7"): 4.0, ("sums_within", "smooth", "7", "0.9"): 3.0,
    ("receipts", "new"): 8.0, ("receipts_within", "new", "0.5"): 5.0,
    ("plan_absolute", "smooth"): 10.0, ("sensed_absolute", "smooth"): 7.5,
    ("in_force_cycles", "smooth"): 20.0, ("in_force_within", "smooth"): 19.0,
}  # fmt: skip
SECOND: Totals = {("days", "smooth"): 100.0, ("within", "smooth", "0.95"): 85.0, ("units", "lumpy"): 0.0,
                  ("absolute", "lumpy"): 1.0}  # fmt: skip


@pytest.fixture
def metrics() -> CollectorRegistry:
    """Registry over two machines."""
    clock = Clock()
    telemetry = Telemetry(0, wall=clock)
    telemetry.machines |= {0: machine(FIRST), 1: machine(SECOND), 2: machine({})}
    return registry(telemetry, Health(wall=clock, steady=clock))


def test_totals_of_machines_add_up() -> None:
    """By name and labels."""
    found = summed([machine(FIRST), machine(SECOND)])
    assert (found["days", "smooth"], found["within", "smooth", "0.95"], found["units", "lumpy"]) == (200.0, 180.0, 0.0)


def test_ratios_are_of_the_sums(metrics: CollectorRegistry) -> None:
    """Every figure by hand; without a denominator there is no sample."""

    def value(name: str, **labels: str) -> float | None:
        return metrics.get_sample_value(f"tidegauge_{name}", labels)

    smooth = {"demand_class": "smooth"}
    assert (value("class_rows", **smooth), value("forecast_days", **smooth)) == (3.0, 200.0)
    assert (value("forecast_wape", **smooth), value("forecast_bias", **smooth)) == (0.4, -0.1)
    assert (value("forecast_rmsse", **smooth), value("forecast_pinball", **smooth)) == (0.8, 0.3)
    assert value("forecast_coverage", **smooth, level="0.95") == 0.9
    assert value("forecast_coverage", **smooth, level="0.995") == 0.0
    assert value("sum_coverage", **smooth, days="7", level="0.9") == 0.75
    assert value("lead_time_coverage", lane="new", level="0.5") == 0.625
    assert value("forecast_value_added", **smooth) == 0.25
    assert value("in_force_service", **smooth) == 0.95
    assert value("forecast_wape", demand_class="lumpy") is None


def test_labels_are_those_of_the_figures(metrics: CollectorRegistry) -> None:
    """Each metric states as many labels as its figures have."""
    totals = summed([machine(FIRST)])
    for metric in METRICS:
        assert {len(labels) for labels in metric.figures(totals)} == {len(metric.labels)}, metric.name
