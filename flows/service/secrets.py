"""Secrets among the settings: how they are recognised, read and masked. Settings, log and listing use it.

pydantic's `SecretStr` masks a value. Hand-written is the rest: reading ``env:NAME`` and ``file:PATH``, and finding
passwords in URLs.
"""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr

from flows.service.settings_section import Legal, Refusal

MASK = "**********"
SECRET_BYTES_MAX = 65_536
REFERENCE = "env:NAME (an environment variable) or file:PATH (a file with nothing else in it)"

# Matches the naming of librdkafka and redis-py, so that it also finds settings of later versions.
_SECRET_NAME = re.compile(
    r"(^|[._])(password|passphrase|secret|token)$|(^|[._])(key|private\.key)[._]pem$|^sasl\.oauthbearer\.config$"
)
_QUERY = re.compile(r"([?&][^=&#]*(?:password|secret|token)=)[^&#]*", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether a client setting of this name holds a secret."""
    return _SECRET_NAME.search(name) is not None


def has_password(text: str) -> bool:
    """Whether a text is a URL with a password in it."""
    return re.search(r"://\S*:\S*@", text) is not None or _QUERY.search(text) is not None


def masked(text: str) -> str:
    """The text with passwords of URLs masked, also in malformed URLs."""
    head, at, tail = text.rpartition("@")
    if at and ":" in head.split("://", 1)[-1]:
        user = re.match(r"[\w+]*://[^:/?#@]*", head)
        text = f"{user[0] if user else ''}:{MASK}@{tail}"
    return _QUERY.sub(rf"\g<1>{MASK}", text)


class Secret(BaseModel):
    """A secret, and the reference that it was read from."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    reference: str
    value: SecretStr


def _read(given: object) -> object:
    if isinstance(given, Secret):
        return given
    kind, colon, place = given.partition(":") if isinstance(given, str) else ("", "", "")
    if kind == "env" and place:
        text = os.environ.get(place, "")
        if not text:
            msg = f"environment variable {place} with the secret in it"
            raise Refusal(msg, "an empty or no such variable")
    elif kind == "file" and place:
        text = _text_of(Path(place))
    else:
        # The value may be the secret itself, so it is not shown.
        raise Refusal(REFERENCE, f"neither env: nor file:, shown as {MASK}")
    return {"reference": f"{kind}{colon}{place}", "value": text}


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SECRET_BYTES_MAX + 1)
    except OSError as error:
        msg = f"a file {path} with the secret in it"
        raise Refusal(msg, error.strerror or "an error") from error
    text = content.decode(errors="replace").removesuffix("\n").removesuffix("\r")
    if not text or len(content) > SECRET_BYTES_MAX or "\ufffd" in text:
        msg = f"a file {path} with nothing but the secret in it, up to {SECRET_BYTES_MAX:,} bytes of UTF-8"
        raise Refusal(msg, f"{len(content):,} bytes" + (" of something else" if "\ufffd" in text else ""))
    return text


SecretReference = Annotated[Secret, BeforeValidator(_read), Legal(REFERENCE)]
