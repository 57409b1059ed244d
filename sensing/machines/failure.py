"""Failure of a machine, with the events that it was applying. Shard and ledger raise it, the error boundary reports it.

An exception inside a machine is a defect, and the same events would cause it again at every start. So the failure names
them: the operator can pass them over. It is pickled on its way from a worker process, as its message and its events.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sensing.codec.event_record import TOPICS, InfrequentEvent
from sensing.codec.text_table import EventTexts

SHOWN_MAX = 3


class EventPlace(NamedTuple):
    """Position of an event in the input, and its id; the id is empty if it was not decoded."""

    topic: str
    partition: int
    offset: int
    event_id: str = ""

    @property
    def position(self) -> str:
        """The position as the setting ``engine.skip`` has it."""
        return f"{self.topic}:{self.partition}:{self.offset}"

    def __str__(self) -> str:
        """Position and id."""
        return f"{self.position} (event_id {self.event_id!r})" if self.event_id else self.position


class MachineFailure(Exception):
    """What failed, and the ``events`` that caused it: one, the first and last of a range, or none."""

    def __init__(self, text: str, events: tuple[EventPlace, ...] = ()) -> None:
        super().__init__(text, events)
        self.events = events

    def __str__(self) -> str:
        """Say what failed."""
        return str(self.args[0])


def place_of_record(record: Any, texts: EventTexts) -> EventPlace:
    """Position of a record."""
    return EventPlace(TOPICS[record["topic"]], int(record["partition"]), int(record["offset"]), texts.event_id)


def place_of_infrequent(message: InfrequentEvent) -> EventPlace:
    """Position of an infrequent event."""
    return EventPlace(TOPICS[message.topic], message.partition, message.offset, message.event.event_id)


def failed_event(place: EventPlace, error: Exception) -> MachineFailure:
    """The failure of one event."""
    return MachineFailure(f"{place} failed: {summary(error)}", (place,))


def failed_range(first: EventPlace, last: EventPlace, count: int, error: Exception) -> MachineFailure:
    """The failure of one of several events, which could not be found."""
    text = (
        f"one of {count} events, from {first} to {last}, failed: {summary(error)}; which one is not known: applied one "
        "by one after the failure, none failed again"
    )
    return MachineFailure(text, (first, last))


def failed_work(work: str, rows: Iterable[str], error: Exception) -> MachineFailure:
    """The failure of work that no single event caused, such as the close of a day, for some SKU-locations."""
    names = list(rows)
    more = f" and {len(names) - SHOWN_MAX} more" if len(names) > SHOWN_MAX else ""
    shown = f" for {', '.join(names[:SHOWN_MAX])}{more}" if names else ""
    return MachineFailure(
        f"{work}{shown} failed: {summary(error)}; it follows from all events of these rows, so look there for one with "
        "an extreme value"
    )


def first_failing(count: int, attempt: Callable[[int], object]) -> int | None:
    """The first of ``count`` items for which ``attempt`` raises; None if there is none."""
    for at in range(count):
        try:
            attempt(at)
        except Exception:
            return at
    return None


def summary(error: Exception) -> str:
    """Type and text of an exception."""
    return f"{type(error).__name__}: {error}"
