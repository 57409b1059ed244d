"""Shared by all tests: settings of Hypothesis, marks of tests with servers, and a clean environment."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# CI uses the same examples every time, so that a failure is caused by the change. Elsewhere examples are new, and a
# failure prints how to repeat it.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("local", deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


pytest_plugins = ("tests.servers.fixtures",)

SERVERS = {"kafka", "redis", "own_kafka", "own_redis"}
"""Fixtures that start a server. Tests that use them indirectly list them as well."""


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
