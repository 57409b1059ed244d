"""Outbox: collects the output records of one machine, each with its running number and instant.

No number leaves with more digits than `sensing.published_numbers` allows, and none that is not finite.
"""

import contextlib
from collections.abc import Collection, Iterator

import msgspec

from sensing.outputs import OutputRecord, encode
from sensing.published_numbers import NotFiniteError, round_record


class Outbox:
    """Collects the outputs of one call; the running number continues over calls and is part of the machine's state."""

    def __init__(self, machine: int) -> None:
        self.machine = machine
        self.number = 0
        self.not_finite = 0
        """Records refused since a number that may not be null was NaN or infinite."""
        self._trace: str | None = None
        self.records: list[OutputRecord] = []

    @contextlib.contextmanager
    def tracing(self, trace: str | None) -> Iterator[None]:
        """Give all outputs inside this context a W3C traceparent; None: no trace."""
        self._trace = trace
        yield
        self._trace = None

    def put(
        self, instant: int, topic: str, kind: str, identity: str, subject: str, time: int, data: msgspec.Struct | None,
        attributes: dict[str, str] | None = None, rounded: Collection[str] = (),
    ) -> None:  # fmt: skip
        """Add one output; ``identity`` is entity + version, ``time`` the event time of the cause (UTC ms).

        Without ``data`` it is a tombstone: it deletes the subject from a compacted topic. ``rounded`` are fields of the
        data whose numbers are rounded already.
        """
        extensions = dict(attributes or {})
        if self._trace is not None:
            extensions["traceparent"] = self._trace
        body = b""
        if data is not None:
            try:
                round_record(data, rounded)
            except NotFiniteError:
                self.not_finite += 1
                return
            body = encode(data)
        self.records.append(
            OutputRecord(instant, self.machine, self.number, topic, kind, identity, subject, time, extensions, body)
        )
        self.number += 1

    def take(self) -> list[OutputRecord]:
        """Remove and return all outputs since the last call."""
        taken, self.records = self.records, []
        return taken
