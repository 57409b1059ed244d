"""Open exceptions by priority, from the view in Redis or from the topic. `tidegauge exceptions` calls it."""

import contextlib
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from flows.service.settings import RunSettings
from sensing.contracts.exceptions import ENDED, ExceptionState
from sensing.outputs import EXCEPTIONS
from sinks.latest_records import read_latest
from sinks.priority import priority
from sinks.view_entries import OPEN, OWNER, ROUTE
from sinks.view_reader import ViewReader

_decode = msgspec.json.Decoder(ExceptionState).decode


class Filter(NamedTuple):
    """What an exception must have to be listed; None: anything."""

    route: str | None = None
    severity: str | None = None
    exception_type: str | None = None
    owner: str | None = None
    sku: str | None = None
    location: str | None = None

    def passes(self, state: ExceptionState) -> bool:
        """Whether an exception is listed."""
        return all(wanted in (None, getattr(state, name)) for name, wanted in self._asdict().items())

    @property
    def queue(self) -> str:
        """The shortest queue in Redis that has every exception that passes."""
        if self.owner is not None:
            return f"{OWNER}{self.owner}"
        return OPEN if self.route is None else f"{ROUTE}{self.route}"


class Listed(NamedTuple):
    """An exception, and its document as it was published."""

    state: ExceptionState
    document: bytes


def list_open(settings: RunSettings, wanted: Filter) -> Iterator[Listed]:
    """Open exceptions that pass, the most urgent first. With ``redis.url`` they come from the view, else from Kafka.

    Raises
    ------
    TidegaugeError
        Redis or Kafka does not answer, or there is no view or topic.
    """
    redis = settings.redis.client_config()
    if redis is None:
        yield from _from_topic(settings, wanted)
        return
    with contextlib.closing(ViewReader(redis, settings.redis.key_prefix, settings.kafka.topic_prefix)) as view:
        yield from _passing(view.open(wanted.queue), wanted)


def find(settings: RunSettings, exception_id: str) -> bytes | None:
    """Document of one exception, open or ended; None if there is none of this id. Raises as `list_open` does."""
    redis = settings.redis.client_config()
    if redis is not None:
        with contextlib.closing(ViewReader(redis, settings.redis.key_prefix, settings.kafka.topic_prefix)) as view:
            return view.one(exception_id)
    wanted = exception_id.encode(errors="surrogateescape")
    return next((document for key, document in _documents(settings) if key == wanted), None)


def _from_topic(settings: RunSettings, wanted: Filter) -> Iterator[Listed]:
    found = list(_passing((document for _, document in _documents(settings)), wanted))
    # Equal priorities are in the order of Redis: by id, downwards.
    found.sort(key=lambda listed: listed.state.exception_id.encode(), reverse=True)
    found.sort(key=lambda listed: _rank(listed.state), reverse=True)
    yield from found


def _documents(settings: RunSettings) -> Iterator[tuple[bytes, bytes]]:
    with tempfile.TemporaryFile() as file:
        for key, _, document in read_latest(
            settings.kafka.client_config(), settings.kafka.topic_prefix, (EXCEPTIONS,), file
        ).of(EXCEPTIONS):
            yield key, document


def _passing(documents: Iterator[bytes], wanted: Filter) -> Iterator[Listed]:
    for document in documents:
        try:
            state = _decode(document)
            _rank(state)
        except (msgspec.MsgspecError, ValueError):
            continue  # It was not written by this engine, so it is not in the view either.
        if state.status not in ENDED and wanted.passes(state):
            yield Listed(state, document)


def _rank(state: ExceptionState) -> int:
    return priority(state.severity, state.money_base, state.deadline)
