"""A kit is ordered and its parts are shipped: ordering it is demand for the parts."""

import shutil
from pathlib import Path

import pytest

from benchmarks.case_results import CaseResult, run_case
from tests.cases.conftest import FOLDER, Case
from tests.machines.streams import line


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> CaseResult:
    """The case with a record that names the parts."""
    folder: Path = tmp_path_factory.mktemp("kit") / "case"
    shutil.copytree(FOLDER / "kit-sold-parts-shipped", folder)
    parts = {"COMP-A": 2, "COMP-B": 1}
    (folder / "reference.ndjson").write_bytes(line("item.updated", "i", None, sku="KIT", parts=parts).value + b"\n")
    return run_case(folder)


@pytest.mark.parametrize(("part", "units", "on_hand"), [("COMP-A", 6.0, -60.0), ("COMP-B", 3.0, 120.0)])
def test_parts_have_the_demand_of_the_kit(kit: CaseResult, part: str, units: float, on_hand: float) -> None:
    """Three kits a day for 60 days: the part's share every day, forecast, reorder point; shipments serve the lines."""
    found = kit.row(part, "L")
    assert set(kit.rows[part, "L"].demand.values()) == {units}
    assert sum(found.forecast.mean) / 28 == pytest.approx(units, rel=0.01)
    assert found.proposed.reorder_point >= 7 * units
    assert (found.stock.on_hand, found.stock.open_demand) == (on_hand, 0.0)


def test_the_kit_has_demand_and_no_stock_of_its_own(kit: CaseResult) -> None:
    """It is forecast; nothing of it is open, its stock is unknown, and it has no stock-out."""
    found = kit.row("KIT", "L")
    assert sum(found.forecast.mean) / 28 == pytest.approx(3.0, rel=0.01)
    assert (found.stock.on_hand, found.stock.open_demand) == (None, 0.0)
    (life,) = kit.of_type("stockout_projected")
    assert life[0].sku == "COMP-A"


def test_the_kit_is_never_bought(kit: CaseResult) -> None:
    """Its parameters propose zero and say why; its parts are proposed."""
    found = kit.row("KIT", "L")
    assert found.kit
    values = found.proposed
    assert (values.reorder_point, values.order_quantity, values.order_up_to, values.safety_stock) == (0, 0, 0, 0)
    assert all(each.proposed.order_quantity == 0 for each in kit.published["KIT", "L"])
    assert found.change.sentence.endswith(" It is a kit: its parts are ordered, the kit never is.")
    part = kit.row("COMP-A", "L")
    assert not part.kit
    assert part.proposed.order_quantity > 0


def test_only_messages_are_counted(kit: CaseResult) -> None:
    """Derived records change no count."""
    assert {topic: counts["read"] for topic, counts in kit.totals.items()} == {
        topic: counts["absorbed"] for topic, counts in kit.totals.items()
    }
    assert kit.totals["orders"]["read"] == 60


def test_without_parts_nothing_is_inferred(case: Case) -> None:
    """Shipments of the parts alone are no demand for them."""
    result = case("kit-sold-parts-shipped")
    assert result.rows["COMP-A", "L"].demand == {}
