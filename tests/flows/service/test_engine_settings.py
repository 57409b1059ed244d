"""Section [engine] in units for people gives the core's settings."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flows.service.engine_settings import EngineSettings
from flows.service.settings_section import Refusal
from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS, Settings
from sensing.state.rows import DAYS_KEPT
from tests.flows.events import MONDAY


def test_defaults_are_the_cores() -> None:
    """Who sets nothing runs with what a replay runs with."""
    assert EngineSettings().core() == Settings()


def test_units_are_converted() -> None:
    """Minutes, hours and days become milliseconds; all else is passed on as it is."""
    settings = EngineSettings(
        shards=3, lateness_minutes=5, horizon_days=2, skew_hours=7, time_zone="Asia/Tokyo", rows_max=10, lines_max=11,
        line_horizon_days=12, open_problems_max=13, purchase_lines_max=14, dead_band=0.1, service_target=0.9,
        lead_time_days=3.5, cover_days=4.5,
    )  # fmt: skip
    assert settings.core() == Settings(
        shards=3, lateness_ms=5 * MINUTE_MS, horizon_ms=2 * DAY_MS, skew_ms=7 * HOUR_MS, time_zone="Asia/Tokyo",
        rows_max=10, lines_max=11, line_horizon_days=12, open_problems_max=13, purchase_lines_max=14, dead_band=0.1,
        service_target=0.9, lead_time_days=3.5, cover_days=4.5,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2010-01-04", "UTC", MONDAY),
        ("2010-01-04", "Europe/Berlin", MONDAY - HOUR_MS),
        ("2010-01-04T01:00:00+01:00", "Asia/Tokyo", MONDAY),
    ],
)
def test_quiet_until_is_an_instant_or_a_local_date(text: str, zone: str, instant: int) -> None:
    """A date begins when it begins in the engine's time zone."""
    assert EngineSettings(quiet_until=text, time_zone=zone).core().quiet_until == instant


def test_late_events_never_reach_behind_the_rings() -> None:
    """The longest horizon is what daily rings can still correct."""
    EngineSettings(horizon_days=DAYS_KEPT - 1)
    with pytest.raises(ValueError, match="horizon_days"):
        EngineSettings(horizon_days=DAYS_KEPT)


@given(st.data())
def test_all_legal_settings_give_core_settings(data: st.DataObject) -> None:
    """Every combination within the stated ranges that fits together is taken, and is fixed afterwards."""
    fields = EngineSettings.model_fields
    chosen: dict[str, Any] = {}
    for name, field in fields.items():
        if field.annotation in (int, float):
            bounds = {type(mark).__name__.lower(): mark for mark in field.metadata}
            low, high = bounds["ge"].ge, bounds["le"].le
            chosen[name] = data.draw(st.integers(low, high) if field.annotation is int else st.floats(low, high))
    chosen["line_horizon_days"] = max(chosen["line_horizon_days"], chosen["horizon_days"])
    chosen["sink_partitions"] = min(chosen["sink_partitions"], chosen["shards"] + 1)

    settings = EngineSettings.model_validate(chosen)

    core = settings.core()
    assert (core.shards, core.lateness_ms) == (chosen["shards"], chosen["lateness_minutes"] * MINUTE_MS)
    with pytest.raises(ValueError, match="frozen"):
        settings.shards = 1


@pytest.mark.parametrize(
    ("value", "got"), [("orders:0", "'orders:0'"), (7, "7"), ("orders:0:1,x", "'x'"), (["orders:0:1", 5], "5")]
)
def test_wrong_positions_to_skip_are_named(value: object, got: str) -> None:
    """The first part that is no position is refused, with what one looks like."""
    with pytest.raises(ValidationError) as caught:
        EngineSettings.model_validate({"skip": value})
    refusal = caught.value.errors()[0]["ctx"]["error"]
    assert isinstance(refusal, Refusal)
    assert (refusal.got, "such as orders:0:1234" in refusal.required) == (got, True)


def test_positions_to_skip_are_a_list_or_a_text() -> None:
    """A settings file has a list, a variable or flag a text with commas."""
    for value in (["orders:0:1", "reference:0:2"], "orders:0:1, reference:0:2"):
        assert EngineSettings.model_validate({"skip": value}).skip == ["orders:0:1", "reference:0:2"]
    assert EngineSettings.model_validate({"skip": ""}).skip == []
