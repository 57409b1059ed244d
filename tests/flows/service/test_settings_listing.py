"""Output of --check."""

import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.service.settings_listing import listing
from flows.service.settings_load import load
from flows.service.settings_sources import FIELDS, TABLES
from tests.flows.service.files import config


def test_every_setting_is_listed_with_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults, file and line, variable, flag: each value says where it is from."""
    file = config(tmp_path, '[kafka.client]\n"debug" = "broker"\n[redis]\nurl = "redis://h:6379/1"\n')
    monkeypatch.setenv("TIDEGAUGE_LOG__FORMAT", "json")
    text = listing(load(file, [("--quiet-until", "engine.quiet_until", "2020-01-01")]))

    origins = {line.split(" = ")[0]: line.split("  # ")[1] for line in text.splitlines() if " = " in line}
    assert origins["bootstrap_servers"] == "default"
    assert origins['"debug"'] == f"{file}:2"
    assert origins["url"] == f"{file}:4"
    assert origins["format"] == "environment TIDEGAUGE_LOG__FORMAT"
    assert origins["quiet_until"] == "--quiet-until"
    unset = {line.split()[1] for line in text.splitlines() if " is not set" in line}
    assert {path[1] for path in FIELDS if path not in TABLES} <= origins.keys() | unset


def test_what_is_not_set_is_said() -> None:
    """Settings without a value stand as comments, so that the text stays TOML."""
    text = listing(load())
    assert "# url is not set" in text
    assert "# quiet_until is not set" in text
    assert set(tomllib.loads(text)) == {"kafka", "redis", "engine", "http", "log"}


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@given(
    prefix=st.from_regex(r"[A-Za-z0-9._-]{0,20}", fullmatch=True),
    key_prefix=TEXTS,
    client_id=TEXTS,
    shards=st.integers(3, 256),
    dead_band=st.floats(0, 1),
    level=st.sampled_from(["debug", "info", "warning", "error"]),
    keepalive=st.booleans(),
)
def test_a_listing_gives_the_same_settings_again(
    prefix: str, key_prefix: str, client_id: str, shards: int, dead_band: float, level: str, keepalive: bool
) -> None:
    """What --check prints is a file of settings with the same values, however odd the texts in it."""
    flags = {
        "kafka.topic_prefix": prefix, "kafka.client.client.id": client_id, "redis.key_prefix": key_prefix,
        "engine.shards": str(shards), "engine.dead_band": repr(dead_band), "log.level": level,
        "redis.client.socket_keepalive": str(keepalive).lower(),
    }  # fmt: skip
    first = load(None, [("--set", name, value) for name, value in flags.items()])
    with TemporaryDirectory() as folder:
        again = load(config(Path(folder), listing(first)))
    assert again.settings == first.settings
