"""One order in 2000, then one of 2 every day from 2026 on: 26 years of silence leave no trace in the numbers."""

from tests.cases.conftest import Case


def test_years_of_silence_leave_a_forecast(case: Case) -> None:
    """Two units a day are forecast, with a spread of the same size, and the reorder point covers a week."""
    found = case("long-silence-nan").row("Y", "L")
    assert 1.9 < sum(found.forecast.mean) / 28 < 2.2
    assert 16 <= found.proposed.reorder_point <= 30
    assert found.proposed.lead_time_demand_sd < 10
    assert all(0.0 <= top <= 20 for top in (levels[-1] for levels in found.forecast.quantiles))
