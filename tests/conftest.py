"""What all tests share: how Hypothesis searches, which tests use servers, and that no test depends on its shell."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# In CI the same examples every time, so that a red build is about the change. Elsewhere new ones, and a failure prints
# how to repeat it.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("local", deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


pytest_plugins = ("tests.servers.fixtures",)

SERVERS = {"kafka", "redis", "own_kafka", "own_redis"}
"""Fixtures that start a server; what builds on them has them among its fixtures."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a server."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")


@pytest.fixture(scope="session")
def root() -> Path:
    """Top of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def only_what_we_ship(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run without any ``TIDEGAUGE_...`` setting of the developer's shell."""
    for name in [name for name in os.environ if name.startswith("TIDEGAUGE_")]:
        monkeypatch.delenv(name)
