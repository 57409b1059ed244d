"""Topic spec: name, event types, key, compaction, retention and view of one topic.

Every file of a topic ends with its spec, and `sensing.contracts.topic_registry` lists all specs. The following are
derived from them: decoder, numbers of input topics, JSON Schemas, AsyncAPI document, ``topics create`` and ``check``,
order of output files, view in Redis, ``export``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

StructTypes = tuple[type[msgspec.Struct], ...]

INPUT_KEY = "Any. Events of one line may arrive in any order and over several partitions; the sku is a good key."


@dataclass(frozen=True, kw_only=True)
class View:
    """Names of a compacted topic in Redis: prefix of its hashes, and channel of its changes."""

    hash: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class TopicSpec:
    """One topic.

    Parameters
    ----------
    name
        Name without prefix.
    about
        Description in Markdown: the docstring of its file.
    structs
        Types of its messages.
    sent
        CloudEvents types of an output topic, each with the struct that is its data; empty for an input topic, whose
        structs have their ``event_type`` as tag.
    summaries
        What a record says that has an event type, where the type is more than the name of its struct.
    key
        Description of the message key.
    tombstone
        CloudEvents type of its records without a value, which delete a key; None: there are none.
    compacted
        Whether the topic is compacted: the latest record of a key is its whole state. All messages have one struct.
    retention_days
        Default retention in days, which the owner of the topic may change. None: the engine requires unlimited
        retention.
    partitions
        Required number; None: any number.
    view
        Names in Redis; None: the topic is not in the view.
    """

    name: str
    about: str | None
    structs: StructTypes = ()
    sent: Mapping[str, type[msgspec.Struct]] = field(default_factory=dict)
    summaries: Mapping[str, str] = field(default_factory=dict)
    key: str = INPUT_KEY
    compacted: bool = False
    tombstone: str | None = None
    retention_days: int | None = None
    partitions: int | None = None
    view: View | None = None
    is_input: bool = True

    @property
    def events(self) -> dict[str, type[msgspec.Struct]]:
        """All event types of the topic with their structs."""
        return {event_type(struct): struct for struct in self.structs} if self.is_input else dict(self.sent)

    @property
    def published(self) -> list[str]:
        """All CloudEvents types of an output topic, that of its tombstones included."""
        return [*self.sent, *([self.tombstone] if self.tombstone else [])]


def output(
    name: str, about: str | None, sent: Mapping[str, type[msgspec.Struct]], key: str, *,
    compacted: bool = False, tombstone: str | None = None, retention_days: int | None = None, view: View | None = None,
    summaries: Mapping[str, str] | None = None,
) -> TopicSpec:  # fmt: skip
    """Spec of a topic that the engine writes."""
    structs = tuple(dict.fromkeys(sent.values()))
    return TopicSpec(
        name=name, about=about, structs=structs, sent=sent, key=key, compacted=compacted, tombstone=tombstone,
        retention_days=retention_days, view=view, summaries=summaries or {}, is_input=False,
    )  # fmt: skip


def typed(prefix: str, names: Iterable[str], struct: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """CloudEvents types ``prefix.name`` that share one struct."""
    return {f"{prefix}.{name}": struct for name in names}


def event_type(struct: type[msgspec.Struct]) -> str:
    """The ``event_type`` of ``struct`` in messages."""
    return str(struct.__struct_config__.tag)
