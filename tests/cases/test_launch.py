"""A purchase order a month before the first sale: the row exists, and its first sales are no surge."""

from tests.cases.conftest import Case


def test_first_sales_after_a_purchase_order_are_no_surge(case: Case) -> None:
    """The row's age begins with its first sale; 3 to 5 units a day are forecast soon."""
    result = case("launch-after-purchase-order")
    found = result.row("L1", "L")
    assert result.of_type("order_surge") == []
    assert found.demand_class == "new"
    assert 3.0 < sum(found.forecast.mean) / 28 < 5.0
    assert sum(result.rows["L1", "L"].demand.values()) == 83
