"""Section ``[redis]``: address, key prefix and client settings of the view in Redis."""

from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from flows.service.fixed_settings import redis_name
from flows.service.secrets import SecretReference, is_secret, masked
from flows.service.settings_section import Legal, Refusal, Section

URL = "redis://HOST:PORT/DB, rediss:// (TLS) or unix:// with a path"


def _url(url: SecretStr | None) -> SecretStr | None:
    if url is None:
        return url
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        port_fits = False
    if not port_fits or not text.startswith(("redis://", "rediss://", "unix://")):
        # A text without a scheme may be a password, so it is not shown.
        raise Refusal(URL, repr(masked(text)) if "://" in text else "a text without a scheme")
    return url


def _scalar(value: object) -> str | int | float | bool:
    if isinstance(value, str | int | float):
        return value
    msg = "a text, a number, true or false"
    raise Refusal(msg, f"a {type(value).__name__}")


Keywords = dict[
    Annotated[str, AfterValidator(redis_name)], Annotated[str | int | float | bool, BeforeValidator(_scalar)]
]


class RedisSettings(Section):
    """Where Redis is and how its client is set up."""

    url: Annotated[SecretStr | None, AfterValidator(_url), Legal(URL)] = Field(
        default=None, description="Where the view is kept; without it there is no view."
    )
    key_prefix: Annotated[str, Legal("a text of up to 100 characters")] = Field(
        default="tidegauge:", max_length=100, description="Put before the name of every key, stream and channel."
    )
    client: Annotated[Keywords, Legal("a table of redis-py keywords")] = Field(
        default={}, description="For the client: TLS, user name, timeouts."
    )
    secrets: Annotated[dict[str, SecretReference], Legal("a table of env:NAME or file:PATH")] = Field(
        default={}, description="redis-py keywords that are secret, such as password, by where they are."
    )

    def client_config(self) -> dict[str, Any] | None:
        """Keywords for ``redis.Redis.from_url``, secrets in clear text: not to be logged; None without a view."""
        if self.url is None:
            return None
        secrets = {name: secret.value.get_secret_value() for name, secret in self.secrets.items()}
        return {"url": self.url.get_secret_value(), **self.client, **secrets}

    def url_secrets(self) -> list[str]:
        """Passwords in the URL, as written and decoded."""
        if self.url is None:
            return []
        parts = urlsplit(self.url.get_secret_value())
        asked = [value for name, value in parse_qsl(parts.query) if is_secret(name)]
        return [*asked, *([parts.password, unquote(parts.password)] if parts.password else [])]
