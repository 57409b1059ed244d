"""Settings of machines. They are fixed for the life of a state and compared when a snapshot is restored."""

from typing import Any, Literal

import msgspec

MINUTE_MS = 60_000
DAY_MINUTES = 24 * 60
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the pure core. Durations are milliseconds; bounds are per machine.

    The watermark is ``lateness_ms`` behind the newest event. Events up to ``horizon_ms`` behind the watermark still
    correct history. Event times may be up to ``skew_ms`` ahead. No outputs are published before ``quiet_until``.
    ``unclean_keys`` says what becomes of identifiers with blanks at the ends or invisible marks, or not in Unicode NFC.
    ``tables`` are mappings for messages of Debezium (`sensing.codec.table_mapping`), as plain objects.
    ``source_groups`` is the number of source groups whose watermarks make the clock.
    """

    shards: int = 16
    source_groups: int = 1
    lateness_ms: int = HOUR_MS
    horizon_ms: int = 7 * DAY_MS
    skew_ms: int = DAY_MS
    time_zone: str = "UTC"
    unclean_keys: Literal["normalise", "refuse"] = "normalise"
    tables: dict[str, Any] = {}
    quiet_until: int | None = None
    rows_max: int = 1 << 20
    lines_max: int = 1 << 22
    line_horizon_days: int = 35
    open_problems_max: int = 100_000
    quarantine_max: int = 1 << 14
    purchase_lines_max: int = 1 << 18
    decided_rows_max: int = 1 << 16
    dead_band: float = 0.2
    service_target: float = 0.95
    lead_time_days: float = 7.0
    cover_days: float = 14.0
