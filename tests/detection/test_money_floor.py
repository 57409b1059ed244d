"""The money floor: what policy keeps from opening is counted, and opens once enough is at stake."""

import math
from typing import Any

import msgspec
import pytest

from sensing.contracts.reference import CustomerUpdated
from sensing.detection.delay_digest import DELAY_DIGEST
from sensing.detection.detector_registry import DETECTORS
from sensing.detection.finding import Finding
from sensing.detection.lifecycle import Problems
from sensing.detection.out_of_sync import INVENTORY_OUT_OF_SYNC, CountDrift
from sensing.detection.quality import DATA_QUALITY, HeldLine
from tests.detection.contexts import context, finding
from tests.snapshots import resumed

DRIFT = CountDrift(counted=90.0, drift=-10.0, tolerance=0.05)


def below(**fields: Any) -> Finding:
    """An active finding with too little money at stake."""
    return msgspec.structs.replace(finding(**fields), below_floor=True)


@pytest.mark.parametrize(
    ("fields", "below_floor"),
    [
        ({"money_min": 26.0}, True),  # 10 units at 2.5
        ({"money_min": 25.0}, False),
        ({"money_min": 6.0, "rate": 0.2}, True),  # in the base currency
        ({"money_min": math.nan}, False),
        ({"money_min": 26.0, "price": math.nan}, False),
        ({"money_min": 26.0, "rate": math.nan}, False),
        ({"money_min": 26.0, "strategic": True}, False),
        ({"money_min": 26.0, "regulated": True}, False),
        ({"money_min": 26.0, "customer": CustomerUpdated(event_id="c", customer="C", strategic=True)}, False),
        ({"money_min": 26.0, "customer": CustomerUpdated(event_id="c", customer="C")}, True),
    ],
)
def test_what_is_below_the_floor(fields: dict[str, Any], below_floor: bool) -> None:
    """Known money in the base currency below what policy states, of nothing and nobody that is important."""
    given = msgspec.structs.replace(context(price=2.5), **fields)
    assert INVENTORY_OUT_OF_SYNC.finding(given, DRIFT).below_floor == below_floor


def test_held_lines_have_no_floor() -> None:
    """Nor have other types with reserved entries: somebody waits for a decision."""
    line = HeldLine(
        order_id="A", line="1", quantity=5.0, typical=1.0, largest=1.0, signs=("price", "multiple"), order_day=1
    )
    given = msgspec.structs.replace(context(price=2.5), money_min=1e6)
    assert not DATA_QUALITY.finding(given, line).below_floor
    assert [name for name, detector in DETECTORS.items() if detector.reserved] == ["data_quality", "master_data"]
    assert not DELAY_DIGEST.reserved


def test_it_does_not_open_but_is_counted() -> None:
    """Not before enough findings have come; it leaves the count when it clears."""
    problems = Problems(100)
    assert problems.observe(below(kind="demand_drop")) is None
    assert problems.below_floor() == {}  # a drop opens at the second finding
    assert problems.observe(below(kind="demand_drop", day=1.0)) is None
    assert problems.below_floor() == {"demand_drop": 1}
    assert problems.is_below_floor("demand_drop", "85123A|UK")
    assert problems.open_counts() == {}
    again = resumed(Problems(100), problems.dump())
    assert again.below_floor() == {"demand_drop": 1}
    assert again.dump() == problems.dump()
    assert problems.observe(finding("cleared", kind="demand_drop", day=2.0)) is None
    assert problems.below_floor() == {}
    assert problems.is_empty


def test_it_opens_once_enough_is_at_stake() -> None:
    """Its version is 1, and it stays open whatever its money becomes."""
    problems = Problems(100)
    problems.observe(below())
    opened = problems.observe(finding(day=1.0, money=500.0))
    assert opened is not None
    assert (opened.change, opened.state.status, opened.state.version) == ("opened", "opened", 1)
    assert problems.below_floor() == {}
    problems.observe(below(day=2.0, observed=100.0))
    assert sum(problems.open_counts().values()) == 1
    assert problems.below_floor() == {}


def test_it_does_not_reopen_below_the_floor() -> None:
    """A problem that recurs during its cool-down needs the money, too."""
    problems = Problems(100)
    problems.observe(finding())
    problems.observe(finding("final", day=1.0))
    assert problems.observe(below(day=1.5)) is None
    reopened = problems.observe(finding(day=1.6))
    assert reopened is not None
    assert reopened.change == "reopened"


def test_few_candidates_are_kept_below_the_floor() -> None:
    """A tenth of the table, so that others find room; the others are counted."""
    problems = Problems(20)
    for number in range(5):
        problems.observe(below(key=f"{number}"))
    assert problems.below_floor() == {"order_surge": 2}
    assert problems.floor.refused == 3
    assert problems.observe(finding(key="real")) is not None
    assert resumed(Problems(20), problems.dump()).floor.refused == 3
