"""A distribution centre without orders: the transfers out of it are its demand."""

from tests.cases.conftest import Case


def test_transfers_are_demand_forecast_and_reorder_point(case: Case) -> None:
    """Every Wednesday 56 units leave for the stores: that is demand, forecast and ordered for."""
    result = case("distribution-centre-by-transfers")
    found = result.row("X", "DC")
    days = ("2026-02-18", "2026-02-25", "2026-03-04", "2026-03-11")
    assert result.rows["X", "DC"].demand == dict.fromkeys(days, 56.0)
    assert 45 < sum(found.forecast.mean) / 4 < 65
    assert 56 <= found.proposed.reorder_point <= 224
    assert (found.stock.on_hand, found.stock.open_demand) == (340.0, 0.0)
    assert result.of_type("order_surge") == []


def test_the_stores_keep_their_own_demand(case: Case) -> None:
    """What arrives at a store is no demand of it."""
    result = case("distribution-centre-by-transfers")
    for store in ("S1", "S2"):
        assert 2 < sum(result.row("X", store).forecast.mean) / 28 < 6
