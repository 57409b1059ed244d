"""Section ``[engine]``: settings of the core in readable units, and parallelism and epochs of the flow."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from flows.input.skipping import POSITION_TEXT, is_position
from flows.input.table_mappings import TABLES_TEXT, read_tables
from flows.instants import INSTANT_TEXT, read_instant
from flows.service.settings_section import Legal, Refusal, Section
from flows.uri_reference import URI_REFERENCE, is_uri_reference
from sensing.machine_settings import DAY_MS, HOUR_MS, MINUTE_MS, Settings
from sinks.envelope import SOURCE
from sinks.errors import UsageError

SKIP = f"a list of {POSITION_TEXT}"
ZONE = "a name of the IANA time zone database, such as Europe/London"
CORE = Settings()


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refusal(ZONE, repr(name)) from error
    return name


def _uri_reference(text: str) -> str:
    if not is_uri_reference(text):
        raise Refusal(URI_REFERENCE, repr(text))
    return text


def _tables(path: str | None) -> str | None:
    if path is not None:
        try:
            read_tables(Path(path))
        except UsageError as error:
            raise Refusal(TABLES_TEXT, str(error)) from error
    return path


def _instant(given: object) -> object:
    # TOML has types for dates and instants.
    text = given.isoformat() if isinstance(given, dt.date) else given
    if text is not None and (not isinstance(text, str) or read_instant(text, dt.UTC) is None):
        raise Refusal(INSTANT_TEXT, repr(text))
    return text


def _positions(given: object) -> object:
    """A list of positions, or a text of them with commas between."""
    found = [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given
    if not isinstance(found, list):
        raise Refusal(SKIP, repr(found))
    for part in found:
        if not isinstance(part, str) or not is_position(part):
            raise Refusal(SKIP, repr(part))
    return found


class EngineSettings(Section):
    """Settings of the engine. Those of the core are fixed for the life of a state."""

    shards: int = Field(default=CORE.shards, ge=1, le=256, description="Parts the SKUs are split into.")
    lateness_minutes: int = Field(
        default=CORE.lateness_ms // MINUTE_MS, ge=0, le=10_080, description="Up to so late, an event is on time."
    )
    horizon_days: int = Field(
        default=CORE.horizon_ms // DAY_MS, ge=0, le=27,
        description="Up to so far behind the watermark, an event corrects history; later ones are dead letters.",
    )  # fmt: skip
    skew_hours: int = Field(
        default=CORE.skew_ms // HOUR_MS, ge=0, le=744,
        description="Event times further ahead of the broker's clock are dead letters.",
    )  # fmt: skip
    time_zone: Annotated[str, AfterValidator(_zone), Legal(ZONE)] = Field(
        default=CORE.time_zone, description="Time zone of locations whose master data name none."
    )
    unclean_keys: Literal["normalise", "refuse"] = Field(
        default=CORE.unclean_keys,
        description="What becomes of identifiers with blanks at the ends, with invisible marks, or not in Unicode NFC.",
    )
    tables: Annotated[str | None, AfterValidator(_tables), Legal(TABLES_TEXT)] = Field(
        default=None, description="Mapping of tables, for messages of Debezium."
    )
    quiet_until: Annotated[str | None, BeforeValidator(_instant), Legal(INSTANT_TEXT)] = Field(
        default=None, description="Learn in silence before this instant; then publish what is true, once."
    )
    rows_max: int = Field(default=CORE.rows_max, ge=1, le=1 << 24, description="SKU-locations per shard, at most.")
    lines_max: int = Field(
        default=CORE.lines_max, ge=1, le=1 << 28, description="Order lines that a shard remembers, at most."
    )
    line_horizon_days: int = Field(
        default=CORE.line_horizon_days,
        ge=1,
        le=366,
        description=(
            "How long a finished order line is remembered, and an open one of a location that reports nothing."
        ),
    )
    open_problems_max: int = Field(
        default=CORE.open_problems_max, ge=1, le=10_000_000, description="Exceptions kept per shard, at most."
    )
    quarantine_max: int = Field(
        default=CORE.quarantine_max, ge=0, le=1 << 24,
        description="Events per shard that may wait for master data; more are dead letters.",
    )  # fmt: skip
    purchase_lines_max: int = Field(
        default=CORE.purchase_lines_max, ge=1, le=1 << 24, description="Purchase order lines per shard, at most."
    )
    dead_band: float = Field(
        default=CORE.dead_band, ge=0, le=1, description="Relative change below which parameters are not published."
    )
    service_target: float = Field(
        default=CORE.service_target, ge=0.5, le=0.9999, description="Cycle service level where no policy names one."
    )
    lead_time_days: float = Field(
        default=CORE.lead_time_days,
        ge=0,
        le=3660,
        description="Lead time where none is stated and nothing was received yet.",
    )
    cover_days: float = Field(
        default=CORE.cover_days, ge=0, le=3660, description="Days that an order covers where costs are unknown."
    )
    skip: Annotated[list[str], BeforeValidator(_positions), Legal(SKIP)] = Field(
        default=[], description="Events to pass over: each becomes a dead letter before it reaches a machine."
    )
    ce_source: Annotated[str, AfterValidator(_uri_reference), Legal(URI_REFERENCE)] = Field(
        default=SOURCE, description="Who produces the outputs: the CloudEvents attribute source (header ce_source)."
    )
    source_groups: int = Field(
        default=1, ge=1, le=64, description="Groups of Kafka partitions, each read as one stream."
    )
    sink_partitions: int = Field(default=4, ge=1, le=64, description="Senders of outputs; each serves some machines.")
    epoch_seconds: float = Field(
        default=0.4, ge=0.05, le=10, description="Time between two barriers; outputs leave at them."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.line_horizon_days < self.horizon_days:
            msg = f"engine.line_horizon_days of at least engine.horizon_days, which is {self.horizon_days}"
            raise Refusal(msg, str(self.line_horizon_days), "late versions of forgotten lines would count twice")
        if self.sink_partitions > self.shards + 1:
            msg = f"engine.sink_partitions of at most engine.shards + 1, which is {self.shards + 1}"
            raise Refusal(msg, str(self.sink_partitions), "others would have nothing to send")
        return self

    def core(self) -> Settings:
        """Settings of the core. A date in ``quiet_until`` means its first instant in ``time_zone``."""
        quiet = None if self.quiet_until is None else read_instant(self.quiet_until, ZoneInfo(self.time_zone))
        same = {name: value for name, value in self if name in Settings.__struct_fields__}
        converted = {
            "lateness_ms": self.lateness_minutes * MINUTE_MS,
            "horizon_ms": self.horizon_days * DAY_MS,
            "skew_ms": self.skew_hours * HOUR_MS,
            "quiet_until": quiet,
            "tables": {} if self.tables is None else read_tables(Path(self.tables)),
        }
        return Settings(**(same | converted))
