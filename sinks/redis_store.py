"""Redis store of the view: a Lua script writes a batch and its position atomically. The view updater calls it.

The script compares the position in Redis with the one that the caller wrote last. If they differ, it changes nothing:
the view was emptied, rewound, or is written by another process. So position and content always belong together,
whenever the connection or Redis fails. If an answer is lost, the next call finds out.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, cast

import msgspec
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from sensing.contracts.topic_registry import viewed
from sensing.outputs import EXCEPTIONS
from sinks.errors import UsageError
from sinks.view_entries import Entry, Layout

DEFAULTS: dict[str, Any] = {"socket_timeout": 5.0, "socket_connect_timeout": 5.0, "socket_keepalive": True}
SCAN_COUNT = 512

_GUARD = """
if (redis.call('HGET', KEYS[1], 'position') or '') ~= ARGV[1] then return {-1, 0, 0} end
"""

# KEYS: position, open set, then a hash per entry. ARGV: position expected, new position, build, whether to publish
# changes, then an entry per hash. An entry is refused if this build has already seen a later run, or a later version of
# the same run. Entries of other builds do not count. Bytes are compared one by one, since Lua in Redis compares strings
# by the locale of the server. A Redis without free memory refuses the first write of a script and lets later ones pass.
# So the first write is one that needs memory; otherwise the script would only delete.
_APPLY = (
    _GUARD
    + """
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
redis.call('HSET', KEYS[1], 'at', redis.call('TIME')[1])
local applied, deleted, refused = 0, 0, 0
for i = 5, #ARGV do
  local key = KEYS[i - 2]
  local member, lineage, version, score, ttl, channel, message, fields = unpack(cmsgpack.unpack(ARGV[i]))
  local had = redis.call('HMGET', key, 'build', 'lineage', 'version')
  local known = lineage ~= '' and had[1] == ARGV[3]
  local same = known and had[2] == lineage
  if known and ((same and version < tonumber(had[3])) or (not same and before(lineage, had[2]))) then
    refused = refused + 1
  else
    redis.call('DEL', key)
    if #fields == 0 then
      deleted = deleted + 1
    else
      redis.call('HSET', key, 'build', ARGV[3], 'lineage', lineage, 'version', version, unpack(fields))
      if ttl > 0 then redis.call('PEXPIRE', key, ttl) end
      applied = applied + 1
    end
    if score ~= '' then
      redis.call('ZADD', KEYS[2], score, member)
    elseif member ~= '' then
      redis.call('ZREM', KEYS[2], member)
    end
    if ARGV[4] == '1' and not (same and version == tonumber(had[3])) then
      redis.call('PUBLISH', channel, message)
    end
  end
end
redis.call('HSET', KEYS[1], 'position', ARGV[2])
return {applied, deleted, refused}
"""
)

# KEYS: position, open set, then hashes. ARGV: position expected, build, then the id of each hash in the open set.
_SWEEP = (
    _GUARD
    + """
local swept = 0
for i = 3, #KEYS do
  if redis.call('HGET', KEYS[i], 'build') ~= ARGV[2] then
    swept = swept + redis.call('DEL', KEYS[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
end
return {swept, 0, 0}
"""
)


class Done(NamedTuple):
    """Outcomes of the entries of a batch."""

    applied: int
    deleted: int
    refused: int


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
        self._apply = self._client.register_script(_APPLY)
        self._sweep = self._client.register_script(_SWEEP)

    def position(self) -> tuple[bytes, float]:
        """The stored position (empty: none), and its age in seconds by the clock of Redis."""
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.hmget(self._layout.position, "position", "at")
            pipeline.time()
            (kept, at), (now, _) = pipeline.execute()
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
        keys: list[str | bytes] = [self._layout.position, self._layout.open, *(entry.hash for entry in entries)]
        packed = (msgspec.msgpack.encode(tuple(entry)[1:]) for entry in entries)
        return _answer(self._apply(keys, [expected, position, build, int(tell), *packed]))

    def sweep(self, expected: bytes, build: str) -> int:
        """Delete hashes of other builds and return their number. Raises as `apply` does."""
        swept = 0
        for spec in reversed(viewed()):
            pattern = _escape(self._layout.hash(spec.name, "")) + "*"
            found = cast(Iterator[bytes], self._client.scan_iter(match=pattern, count=SCAN_COUNT))
            swept += self._sweep_keys(expected, build, found)
        # Ids without a hash: the hash has expired, or somebody deleted it.
        ids = self._client.zscan_iter(self._layout.open, count=SCAN_COUNT)
        prefix = self._layout.hash(EXCEPTIONS, "").encode()
        return swept + self._sweep_keys(expected, build, (prefix + member for member, _ in ids))

    def tell(self, message: bytes) -> None:
        """Publish a message on all channels, on that of exceptions last."""
        for spec in reversed(viewed()):
            self._client.publish(self._layout.channel(spec.name), message)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _sweep_keys(self, expected: bytes, build: str, found: Iterator[bytes]) -> int:
        start = len(self._layout.hash(EXCEPTIONS, "").encode())
        swept = 0
        while page := list(islice(found, SCAN_COUNT)):
            members = [key[start:] for key in page]
            keys: list[str | bytes] = [self._layout.position, self._layout.open, *page]
            swept += _answer(self._sweep(keys, [expected, build, *members])).applied
        return swept


def _answer(counts: Any) -> Done:
    if counts[0] < 0:
        raise MovedError
    return Done(*counts)


def _escape(text: str) -> str:
    """Pattern that matches exactly this text."""
    return "".join(f"\\{letter}" if letter in "*?[]\\" else letter for letter in text)
