"""Totals of accuracy of a shard, against its state row by row."""

from collections import Counter
from datetime import date

import numpy as np
import pytest

from sensing.contracts.reference import PlanPublished
from sensing.demand import class_scores as scores
from sensing.demand.demand_class import demand_class
from sensing.demand.demand_record import CLASSES
from sensing.demand.sum_variance import SUM_DAYS, SUM_LEVELS
from sensing.machine_settings import Settings
from sensing.machines.accuracy_totals import accuracy_totals
from sensing.machines.shard import ShardMachine
from tests.machines.business import usual


def test_a_fresh_shard_has_none() -> None:
    """Nothing was scored."""
    assert accuracy_totals(ShardMachine(0, Settings()).state) == {}


@pytest.mark.compiled
def test_totals_of_a_business() -> None:
    """Rows by class, scored days over all pools, and only classes that have some."""
    for shard in usual().shards:
        s = shard.state
        found = accuracy_totals(s)
        rows = [row for row in range(s.rows.count) if s.rows.hot["active"][row]]
        counted = Counter(CLASSES[demand_class(s.demand.demand, row)] for row in rows)
        assert {key[1]: value for key, value in found.items() if key[0] == "rows"} == counted
        for code, name in enumerate(CLASSES):
            days = float(s.demand.pool["scores"][:, code, scores.DAYS].sum())
            assert found.get(("days", name), 0.0) == pytest.approx(days)
            assert (("within", name, "0.95") in found) == (days > 0.0)
        assert any(key[0] == "days" for key in found)


def test_sums_plans_and_lead_times() -> None:
    """Each in its place: class, days, level, and whether the lane was known."""
    s = ShardMachine(0, Settings()).state
    code, k, level = CLASSES.index("lumpy"), SUM_DAYS.index(14), SUM_LEVELS.index(0.95)
    s.demand.sums["sums"][0, code, k], s.demand.sums["covered"][0, code, k, level] = 20.0, 19.0
    event = PlanPublished(event_id="p", sku="A", location="L", start=date(2026, 3, 1), days=28, quantity_per_day=3.0)
    s.baselines.apply((1, 2), event, 5)
    found = s.baselines.find([(1, 2)], 20513, 20513)
    s.baselines.learn(found, np.array([3.0]), np.array([5.0]), np.array([6.0]), np.array([code], np.uint8))
    s.baselines.learn(found, np.array([3.0]), np.array([5.0]), np.array([4.0]), np.array([code], np.uint8))
    s.supply.reached.begin(np.array([0]), np.array([4.0]), np.array([1.0]), np.array([code], np.uint8))
    s.supply.reached.learn(np.array([0]), np.array([4.0]), np.array([False]))
    s.supply.lanes.calibrate((1.0, 0.5, 1), 4.0, 1.0)
    assert accuracy_totals(s) == {
        ("sums", "lumpy", "14"): 20.0,
        ("sums_within", "lumpy", "14", "0.9"): 0.0,
        ("sums_within", "lumpy", "14", "0.95"): 19.0,
        ("sums_within", "lumpy", "14", "0.98"): 0.0,
        ("plan_absolute", "lumpy"): 4.0,
        ("sensed_absolute", "lumpy"): 2.0,
        ("receipts", "known"): 1.0,
        ("receipts_within", "known", "0.5"): 0.0,
        ("receipts_within", "known", "0.9"): 1.0,
        ("in_force_cycles", "lumpy"): 1.0,
        ("in_force_within", "lumpy"): 1.0,
    }
