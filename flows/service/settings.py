"""All settings of ``tidegauge run``: five sections. Commands read them by `flows.service.settings_load`."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from flows.service.engine_settings import EngineSettings
from flows.service.kafka_settings import KafkaSettings
from flows.service.redis_settings import RedisSettings
from flows.service.settings_section import Legal, Section


class HttpSettings(Section):
    """Where metrics and probes are served."""

    host: Annotated[str, Legal("a host name or an address of this machine")] = Field(
        default="127.0.0.1", min_length=1, max_length=255, description="Address to listen on; 0.0.0.0 for all."
    )
    port: int = Field(default=9464, ge=0, le=65_535, description="Port to listen on; 0 takes any free one.")


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="What is logged at least.")
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="JSON lines or text; auto is text on a terminal, JSON lines elsewhere."
    )


class RunSettings(BaseSettings):
    """All settings of a running engine. Environment variables are named ``TIDEGAUGE_SECTION__NAME``."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True,
        env_prefix="TIDEGAUGE_", env_nested_delimiter="__", enable_decoding=False,
    )  # fmt: skip

    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    engine: EngineSettings = EngineSettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource, **_named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """Use only arguments of the constructor: `load` reads file and environment itself, to know the origins."""
        return (init_settings,)

    def secret_texts(self) -> list[str]:
        """All secrets in clear text, for masking them in logs and errors."""
        tables = (self.kafka.secrets, self.redis.secrets)
        kept = [secret.value.get_secret_value() for table in tables for secret in table.values()]
        return kept + self.redis.url_secrets()
