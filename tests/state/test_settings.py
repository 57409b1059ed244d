"""Settings of the pure core."""

import msgspec
import pytest

from sensing.machine_settings import DAY_MS, HOUR_MS, Settings


def test_defaults_are_the_stated_ones() -> None:
    """Lateness 1 h, horizon 7 days, skew 1 day, UTC, lead time 7 days, service .95."""
    settings = Settings()
    assert (settings.lateness_ms, settings.horizon_ms, settings.skew_ms) == (HOUR_MS, 7 * DAY_MS, DAY_MS)
    assert (settings.time_zone, settings.quiet_until, settings.shards) == ("UTC", None, 16)
    assert (settings.lead_time_days, settings.service_target) == (7.0, 0.95)


def test_settings_are_fixed_and_comparable() -> None:
    """They do not change for the life of a state, and travel and compare as values."""
    settings = Settings(time_zone="Asia/Tokyo", rows_max=5)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(settings), type=Settings) == settings != Settings()
    with pytest.raises(AttributeError):
        settings.rows_max = 6  # type: ignore[misc]  # what must not work
