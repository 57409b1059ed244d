"""Reads exceptions from the view in Redis. `flows.exception_list` calls it; nothing is written.

A view is refused if there is none, if it shows topics of another prefix, or if it cannot be read.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError

from sensing.outputs import EXCEPTIONS
from sinks.errors import TidegaugeError, UsageError
from sinks.redis_store import DEFAULTS
from sinks.view_entries import Layout
from sinks.view_position import read

PAGE = 256


class ViewReader:
    """Reads one view.

    Parameters
    ----------
    config
        ``url`` and any other keyword of ``redis.Redis.from_url``.
    topic_prefix
        Prefix of the topics that the view must show.
    """

    def __init__(self, config: Mapping[str, Any], key_prefix: str, topic_prefix: str) -> None:
        self._layout = Layout(key_prefix)
        self._topic_prefix = topic_prefix
        with _readable():
            self._client: Redis = Redis.from_url(**{**DEFAULTS, **config, "decode_responses": False})

    def open(self, queue: str) -> Iterator[bytes]:
        """Documents of a queue of open exceptions, the most urgent first.

        Raises
        ------
        TidegaugeError
            Redis does not answer, or has no view of these topics.
        """
        with _readable():
            self._check()
            ids = cast(list[bytes], self._client.zrevrange(self._layout.queue(queue), 0, -1))
            for start in range(0, len(ids), PAGE):
                with self._client.pipeline(transaction=False) as pipeline:
                    for name in ids[start : start + PAGE]:
                        pipeline.hget(self._layout.hash(EXCEPTIONS, name.decode()), "document")
                    found = pipeline.execute()
                # An exception may have ended since its id was read.
                yield from (document for document in found if document is not None)

    def one(self, exception_id: str) -> bytes | None:
        """Document of an exception, open or ended; None if it is not in the view. Raises as `open` does."""
        with _readable():
            self._check()
            return cast(bytes | None, self._client.hget(self._layout.hash(EXCEPTIONS, exception_id), "document"))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _check(self) -> None:
        position = read(cast(bytes | None, self._client.hget(self._layout.position, "position")) or b"")
        topics = f"{self._topic_prefix}{EXCEPTIONS}"
        way_out = "start tidegauge run with this redis.key_prefix, or leave redis.url out to read the topic"
        if position is None or not position.complete:
            got = "none" if position is None else "one that is being built"
            msg = f"redis {self._layout.position}: required a view of topic {topics}, got {got}; {way_out}"
            raise TidegaugeError(msg)
        if position.owner.prefix != self._topic_prefix:
            msg = f"redis {self._layout.position}: required a view of topic {topics}, got one of topics "
            msg += f"{position.owner}; correct kafka.topic_prefix or redis.key_prefix"
            raise UsageError(msg)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        msg = f"redis: required settings that redis-py takes, got {error}; correct them"
        raise UsageError(msg) from error
    except RedisError as error:
        msg = f"redis: required a Redis that answers, got {error}; start it, or correct redis.url, rights or secrets"
        raise TidegaugeError(msg) from error
