"""Fixtures: a Kafka and a Redis that all tests share, and some that a test may stop, kill and start as it likes.

``kafka``, ``redis``
    Addresses of servers shared by all tests of a session. The variables ``KAFKA_BOOTSTRAP`` and ``REDIS_URL`` name
    running servers to use instead. ``topics`` and ``keys`` keep tests apart.
``topics``, ``keys``
    A prefix for a test's own topics and keys, which are deleted after the test.
``own_kafka``, ``own_redis``
    A ``KafkaServer`` and a ``RedisServer`` of the test's own, running at first.

A server starts with the first test that needs it. If it is not installed, tests are skipped; in CI they fail.
"""

import contextlib
import os
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from redis import Redis

from benchmarks.servers.install import Missing
from benchmarks.servers.kafka import KafkaServer, admin
from benchmarks.servers.process import Server, running
from benchmarks.servers.redis import RedisServer

RUNNING: list[Server] = []


@contextlib.contextmanager
def serving(make: Callable[[Path], Server], folder: Path) -> Iterator[Server]:
    """Run a server. If it is not installed, skip the test; in CI fail it."""
    try:
        server = make(folder)
    except Missing as error:
        outcome = pytest.fail if os.environ.get("CI") else pytest.skip
        outcome(str(error))
    with running(server):
        RUNNING.append(server)
        yield server
        RUNNING.remove(server)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``bootstrap.servers`` of the shared broker."""
    if given := os.environ.get("KAFKA_BOOTSTRAP"):
        yield given
        return
    with serving(KafkaServer, tmp_path_factory.mktemp("kafka")) as server:
        yield server.address


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the shared Redis."""
    if given := os.environ.get("REDIS_URL"):
        yield given
        return
    with serving(RedisServer, tmp_path_factory.mktemp("redis")) as server:
        yield server.address


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker of the test's own, without topics."""
    with serving(KafkaServer, tmp_path / "kafka") as server:
        assert isinstance(server, KafkaServer)
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """An empty Redis of the test's own."""
    with serving(RedisServer, tmp_path / "redis") as server:
        assert isinstance(server, RedisServer)
        yield server


@pytest.fixture
def topics(kafka: str) -> Iterator[str]:
    """A prefix for topics of the shared broker."""
    with own_topics(kafka) as prefix:
        yield prefix


@contextlib.contextmanager
def own_topics(address: str) -> Iterator[str]:
    """A prefix whose topics are deleted at the end."""
    prefix = f"test-{uuid.uuid4().hex[:12]}."
    yield prefix
    client = admin(address)
    mine = [name for name in client.list_topics(timeout=30).topics if name.startswith(prefix)]
    if mine:
        for done in client.delete_topics(mine).values():
            done.result(30)


@pytest.fixture
def keys(redis: str) -> Iterator[str]:
    """A prefix for keys of the shared Redis."""
    with own_keys(redis) as prefix:
        yield prefix


@contextlib.contextmanager
def own_keys(url: str) -> Iterator[str]:
    """A prefix whose keys are deleted at the end."""
    prefix = f"test-{uuid.uuid4().hex[:12]}:"
    yield prefix
    with Redis.from_url(url) as client:
        for key in client.scan_iter(match=f"{prefix}*", count=1000):
            client.delete(key)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of a server's log under a failed test that used it."""
    report = yield
    if report.failed:
        used = set(getattr(item, "fixturenames", ()))
        for server in RUNNING:
            if used & {server.name, f"own_{server.name}"}:
                report.sections.append((f"end of {server.log}", server.log_tail()))
    return report
