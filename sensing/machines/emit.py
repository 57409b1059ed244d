"""Outputs of one machine: numbered, stamped with the instant."""

import msgspec

from sensing.outputs import OutputRecord, encode


class Outbox:
    """Collects the outputs of one ``apply``; the running number outlives it and is part of the machine's state."""

    def __init__(self, machine: int) -> None:
        self.machine = machine
        self.number = 0
        self.records: list[OutputRecord] = []

    def put(
        self, instant: int, topic: str, kind: str, identity: str, subject: str, time: int, data: msgspec.Struct,
        attributes: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Add one output; ``identity`` is entity + version, ``time`` the event time of the cause (UTC ms)."""
        self.records.append(
            OutputRecord(
                instant, self.machine, self.number, topic, kind, identity, subject, time, attributes or {}, encode(data)
            )
        )
        self.number += 1

    def take(self) -> list[OutputRecord]:
        """All outputs since the last call."""
        taken, self.records = self.records, []
        return taken
