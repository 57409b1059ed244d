"""Shared by all tests: settings of Hypothesis, marks of tests with servers, and a clean environment."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.searches import USUAL, examples

# CI uses the same examples every time, so that a failure is caused by the change. Elsewhere examples are new, and a
# failure prints how to repeat it.
settings.register_profile("local", deadline=None, print_blob=True, max_examples=examples(USUAL))
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


pytest_plugins = ("tests.servers.fixtures",)

SERVERS = {"kafka", "redis", "own_kafka", "own_redis"}
"""Fixtures that start a server. Tests that use them indirectly list them as well."""
LONGEST = ("servers", "slow")
"""Marks of tests in files that take long, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a server. Side by side, the files that take longest come first.

    Otherwise one process would still be busy with such a file when the others have nothing left.
    """
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")
    if "PYTEST_XDIST_WORKER" in os.environ:
        ranks: dict[Path, int] = {}
        for item in items:
            rank = next((rank for rank, mark in enumerate(LONGEST) if item.get_closest_marker(mark)), len(LONGEST))
            ranks[item.path] = min(rank, ranks.get(item.path, rank))
        items.sort(key=lambda item: ranks[item.path])


@pytest.fixture(scope="session")
def root() -> Path:
    """Top of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def only_what_we_ship(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run without any ``TIDEGAUGE_...`` setting of the developer's shell."""
    for name in [name for name in os.environ if name.startswith("TIDEGAUGE_")]:
        monkeypatch.delenv(name)
