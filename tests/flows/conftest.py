"""Fixtures of the tests of commands."""

import pytest

from flows import replay_job
from flows.cli import warm_up
from tests.flows.counting import counting_machines


@pytest.fixture
def counted_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replays of commands run with counting machines, which need no kernels."""
    monkeypatch.setattr(replay_job, "machines", lambda _settings, _bounds: counting_machines())
    monkeypatch.setattr(warm_up, "ensure", lambda _say: None)
