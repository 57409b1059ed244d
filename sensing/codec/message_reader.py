"""Message reader: decodes messages to events or faults. The typed decoder takes most, the careful decoder the rest."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Union

import msgspec
import numpy as np
from msgspec import inspect
from numpy.typing import NDArray

from sensing.codec.careful_decoder import Event, examine, too_much
from sensing.codec.cloudevents import spliced
from sensing.codec.contract_fields import fields_of
from sensing.codec.decode_options import DecodeOptions
from sensing.codec.fault import Fault
from sensing.codec.identifiers import fits
from sensing.codec.instants import EPOCH, INSTANT_MAX, INSTANT_MIN, instant, instants
from sensing.codec.message_block import Headers
from sensing.contracts.common import NESTING_MAX
from sensing.contracts.topic_registry import INPUTS
from sensing.contracts.topic_spec import event_type

SHALLOW_BYTES = 2 * NESTING_MAX
"""A message up to this length cannot be nested too deeply: every level needs two bytes."""

BACKSLASH = ord("\\")
DELETE = 0x7F


class _Identifiers:
    """Checks the identifiers of one event type, for messages with more than plain ASCII."""

    def __init__(self, struct: type[msgspec.Struct]) -> None:
        fields = fields_of(struct)
        named = {field.name: field.bytes_max for field in fields if field.bytes_max is not None}
        self._values = attrgetter(*named)
        self._bytes_max = tuple(named.values())
        containers = inspect.ListType | inspect.DictType | inspect.StructType
        self._nested = any(isinstance(field.type, containers) for field in fields)

    def fit(self, event: Event) -> bool:
        """Whether all identifiers are valid. False means "not sure": ``examine`` decides."""
        return not self._nested and fits(self._values(event), self._bytes_max)


class Reader:
    """Reads the messages of one topic. It has no state."""

    def __init__(self, topic: str) -> None:
        structs = INPUTS[topic]
        self._types = {event_type(struct): struct for struct in structs}
        self._decode = msgspec.json.Decoder[Any](Union[structs]).decode  # noqa: UP007 - a union made at run time
        self._identifiers = {struct: _Identifiers(struct) for struct in structs}

    def read(
        self, values: Sequence[bytes], headers: Sequence[Headers], doubtful: Sequence[bool], options: DecodeOptions
    ) -> tuple[list[Event | Fault], NDArray[np.int64]]:
        """An event or a fault for every message, and the event times (UTC ms, 0 if there is none).

        ``doubtful`` flags the messages that only the careful decoder may read.
        """
        verdicts = self._verdicts(values, headers, doubtful, options)
        times = instants([EPOCH if isinstance(verdict, Fault) else verdict.event_time for verdict in verdicts])
        for i in np.flatnonzero((times < INSTANT_MIN) | (times > INSTANT_MAX)).tolist():
            verdict = verdicts[i]
            if isinstance(verdict, Fault) or verdict.event_time is None:
                continue
            verdict = verdicts[i] = examine(self._types, values[i], headers[i], options)
            times[i] = 0 if isinstance(verdict, Fault) else instant(verdict.event_time)
        return verdicts, times

    def _verdicts(
        self, values: Sequence[bytes], all_headers: Sequence[Headers], all_doubtful: Sequence[bool],
        options: DecodeOptions,
    ) -> list[Event | Fault]:  # fmt: skip
        verdicts: list[Event | Fault] = []
        for value, headers, doubtful in zip(values, all_headers, all_doubtful, strict=True):
            if doubtful:
                verdicts.append(examine(self._types, value, headers, options))
                continue
            try:
                text = spliced(value, headers) if headers else value
                verdict = (len(text) > SHALLOW_BYTES and too_much(value)) or self._decode(text)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                # The careful decoder finds the same fault and describes it better.
                verdict = examine(self._types, value, headers, options)
            else:
                if text is not value or not text.isascii() or BACKSLASH in text or DELETE in text:
                    verdict = self._with_texts_checked(verdict, value, headers, options)
            verdicts.append(verdict)
        return verdicts

    def _with_texts_checked(
        self, verdict: Event | Fault, value: bytes, headers: Headers, options: DecodeOptions
    ) -> Event | Fault:
        """Check what the typed decoder does not: UTF-8 of skipped fields, limits in bytes, control and other marks."""
        if isinstance(verdict, Fault) or (_is_utf8(value) and self._identifiers[verdict.__class__].fit(verdict)):
            return verdict
        return examine(self._types, value, headers, options)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
