"""Redis store of the view: Lua scripts write a batch and its position atomically. The view updater calls it.

A script compares the position in Redis with the one that the caller wrote last. If they differ, it changes nothing:
the view was emptied, rewound, or is written by another process. So position and content always belong together,
whenever the connection or Redis fails. If an answer is lost, the next call finds out.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, cast

import msgspec
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry

from sensing.contracts.topic_registry import viewed
from sensing.outputs import EXCEPTIONS
from sinks.errors import UsageError
from sinks.view_entries import OWNER, ROUTE, Entry, Layout
from sinks.view_scripts import APPLY, COUNT, LOST, SWEEP, SWEEP_QUEUE

DEFAULTS: dict[str, Any] = {"socket_timeout": 5.0, "socket_connect_timeout": 5.0, "socket_keepalive": True}
SCAN_COUNT = 512


class Done(NamedTuple):
    """Outcomes of the entries of a batch, and the number of keys of another type that were replaced."""

    applied: int
    deleted: int
    refused: int
    replaced: int = 0


class MovedError(Exception):
    """The position in Redis is not the one that was written last. Nothing was changed."""


class Store:
    """A view in Redis.

    Parameters
    ----------
    config
        ``url`` and any other keyword of ``redis.Redis.from_url``.
    """

    def __init__(self, config: Mapping[str, Any], layout: Layout) -> None:
        # The caller retries, since it can be stopped while it waits.
        fixed = {"decode_responses": False, "retry": Retry(NoBackoff(), 0)}
        try:
            self._client: Redis = Redis.from_url(**{**DEFAULTS, **config, **fixed})
            self._client.connection_pool.make_connection()
        except (TypeError, ValueError, RedisError) as error:
            msg = f"redis: required settings that redis-py takes, got {error}; correct them"
            raise UsageError(msg) from error
        self._layout = layout
        self._apply, self._sweep, self._sweep_queue, self._count, self._lost = (
            self._client.register_script(script) for script in (APPLY, SWEEP, SWEEP_QUEUE, COUNT, LOST)
        )

    def position(self) -> tuple[bytes, float]:
        """The stored position (empty: none), and its age in seconds by the clock of Redis."""
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.hmget(self._layout.position, "position", "at")
            pipeline.time()
            found, (now, _) = pipeline.execute(raise_on_error=False)
        if isinstance(found, ResponseError) and str(found).startswith("WRONGTYPE"):
            return b"", 0  # `apply` replaces it.
        if isinstance(found, Exception):
            raise found
        kept, at = found
        return kept or b"", max(now - int(at or 0), 0)

    def apply(self, expected: bytes, position: bytes, build: str, entries: Sequence[Entry], *, tell: bool) -> Done:
        """Write a batch and move the position from ``expected`` to ``position``; ``tell`` publishes the changes.

        Raises
        ------
        MovedError
            Redis has another position.
        RedisError
            Redis failed; the batch may have been written or not.
        """
        keys: list[str | bytes] = [self._layout.position, *(entry.hash for entry in entries)]
        packed = (msgspec.msgpack.encode(tuple(entry)[1:]) for entry in entries)
        return _answer(self._apply(keys, [expected, position, build, int(tell), self._layout.queues, *packed]))

    def sweep(self, expected: bytes, build: str) -> int:
        """Delete hashes of other builds and their ids in queues; returns the number of hashes. Raises as `apply` does.

        The queues that are left have the size that `lost_queues` expects.
        """
        swept = 0
        for spec in reversed(viewed()):
            found = self._names(self._layout.hash(spec.name, ""))
            while page := list(islice(found, SCAN_COUNT)):
                keys: list[str | bytes] = [self._layout.position, *page]
                swept += _answer(self._sweep(keys, [expected, build])).applied
        queues = sorted(set(self._names(self._layout.queues)))
        for queue in queues:
            self._sweep_ids(expected, build, queue)
        names = [queue[len(self._layout.queues.encode()) :] for queue in queues]
        _answer(self._count([self._layout.position, *queues], [expected, *names]))
        return swept

    def lost_queues(self) -> list[str]:
        """Names of queues that somebody deleted or changed."""
        return [name.decode() for name in cast(list[bytes], self._lost([self._layout.position], [self._layout.queues]))]

    def tell(self, message: bytes) -> None:
        """Publish a message on all channels, on that of exceptions last."""
        for spec in reversed(viewed()):
            self._client.publish(self._layout.channel(spec.name), message)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _names(self, start: str) -> Iterator[bytes]:
        return cast(Iterator[bytes], self._client.scan_iter(match=_escape(start) + "*", count=SCAN_COUNT))

    def _sweep_ids(self, expected: bytes, build: str, queue: bytes) -> None:
        """Remove ids from a queue whose hash is gone, or belongs into another queue."""
        if self._client.type(queue) != b"zset":
            self._client.delete(queue)
            return
        field, value = b"", b""
        for kind in (ROUTE, OWNER):
            start = self._layout.queue(kind).encode()
            if queue.startswith(start):
                field, value = kind[:-1].encode(), queue[len(start) :]
        prefix = self._layout.hash(EXCEPTIONS, "").encode()
        ids = (member for member, _ in self._client.zscan_iter(queue, count=SCAN_COUNT))
        while page := list(islice(ids, SCAN_COUNT)):
            keys: list[str | bytes] = [self._layout.position, queue, *(prefix + member for member in page)]
            _answer(self._sweep_queue(keys, [expected, build, field, value, *page]))


def _answer(counts: Any) -> Done:
    if counts[0] < 0:
        raise MovedError
    return Done(*counts)


def _escape(text: str) -> str:
    """Pattern that matches exactly this text."""
    return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in text)
