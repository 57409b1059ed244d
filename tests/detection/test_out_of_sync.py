"""inventory_out_of_sync: a count against the balance."""

import pytest

from sensing.detection.finding import Finding
from sensing.detection.out_of_sync import INVENTORY_OUT_OF_SYNC, CountDrift
from tests.detection.contexts import context


def drift(counted: float, off: float, tolerance: float = 0.05) -> Finding:
    """The finding about a count that is ``off`` from the balance."""
    evidence = CountDrift(counted=counted, drift=off, tolerance=tolerance)
    return INVENTORY_OUT_OF_SYNC.finding(context(price=2.0), evidence)


@pytest.mark.parametrize(
    ("counted", "off", "tolerance", "active"),
    [(90.0, -10.0, 0.05, True), (96.0, -4.0, 0.05, False), (96.0, -4.0, 0.03, True), (3.0, 1.0, 0.0, False),
     (10.0, 10.0, 0.05, True)],
)  # fmt: skip
def test_a_count_is_out_of_sync_beyond_the_tolerance(
    counted: float, off: float, tolerance: float, active: bool
) -> None:
    """The tolerance is a share of the balance; a unit is never worth an exception."""
    found = drift(counted, off, tolerance)
    assert (found.active, found.cleared, found.final) == (active, not active, not active)


def test_it_says_the_size() -> None:
    """Count, balance, difference and money."""
    found = drift(60.0, -40.0)
    assert (found.observed, found.expected, found.money) == (60.0, 100.0, 80.0)
    assert found.reason == "60 were counted, 40 fewer than the balance of 100."
    assert found.severity_points == 2.0
    assert found.marker != drift(110.0, 10.0).marker, "the next count is published"
    assert drift(110.0, 10.0).reason == "110 were counted, 10 more than the balance of 100."
    assert drift(100.0, 0.0).reason == "The count of 100 agrees with the balance of 100 again."
