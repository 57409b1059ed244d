"""Exceptions of an earlier run: the compacted topic ``exceptions`` as it is when a run begins.

The service job reads them, and the first source group sends them to the machines before any order. So a run without
saved state ends what it does not find again, and keeps decisions.
"""

import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sensing.codec.event_record import BEFORE_ALL, ExceptionPublished, InfrequentEvent, Topic
from sensing.contracts.exceptions import ExceptionState
from sensing.outputs import EXCEPTIONS
from sinks.latest_records import read_latest


def read_earlier(client: Mapping[str, Any], prefix: str) -> list[ExceptionState]:
    """Read the exceptions that are in the topic, in the order of their ids; what this engine did not write is skipped.

    Raises
    ------
    TidegaugeError
        There is no such topic, it must not be read, or the brokers do not answer.
    """
    with tempfile.TemporaryFile() as file:
        records = read_latest(client, prefix, (EXCEPTIONS,), file).of(EXCEPTIONS)
        return [state for record in records if (state := state_of(record.value)) is not None]


def state_of(value: bytes) -> ExceptionState | None:
    """State of an exception in the topic; None if this engine did not write it.

    An earlier version of the engine may have written other details. They are left out, so that the exception ends.
    """
    try:
        fields = msgspec.json.decode(value, type=dict[str, Any])
        try:
            return msgspec.convert(fields, ExceptionState)
        except msgspec.ValidationError:
            return msgspec.convert(fields | {"details": None}, ExceptionState)
    except msgspec.MsgspecError:
        return None


def as_notices(states: Sequence[ExceptionState]) -> list[InfrequentEvent]:
    """Notices for the machines."""
    return [
        InfrequentEvent(ExceptionPublished(state.sku, state), BEFORE_ALL, BEFORE_ALL, Topic.DECISIONS, 0, 0)
        for state in states
    ]
