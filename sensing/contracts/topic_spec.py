"""Topic spec: name, event types, key, compaction, retention and view of one topic.

Every file of a topic ends with its spec; `sensing.contracts.topic_registry` lists all. The decoder, the numbers of
input topics, the JSON Schemas, the AsyncAPI document, ``topics create`` and ``check``, the order of output files, the
view in Redis and ``export`` follow from it.
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
        Without prefix.
    about
        Description in Markdown: the docstring of its file.
    structs
        Types of its messages.
    sent
        CloudEvents types of an output topic, each with the struct that is its data; empty for an input topic, whose
        structs have their ``event_type`` as tag.
    key
        Description of the message key.
    compacted
        Whether the latest record of a key is its whole state; then all its messages are of one struct.
    retention_days
        Default retention, which the owner of the topic may change; None: unlimited, which the engine requires.
    partitions
        Required number; None: any number.
    view
        Names in Redis; None: the topic is not in the view.
    """

    name: str
    about: str | None
    structs: StructTypes = ()
    sent: Mapping[str, type[msgspec.Struct]] = field(default_factory=dict)
    key: str = INPUT_KEY
    compacted: bool = False
    retention_days: int | None = None
    partitions: int | None = None
    view: View | None = None
    is_input: bool = True

    @property
    def events(self) -> dict[str, type[msgspec.Struct]]:
        """All event types of the topic with their structs."""
        return {event_type(struct): struct for struct in self.structs} if self.is_input else dict(self.sent)


def output(
    name: str, about: str | None, sent: Mapping[str, type[msgspec.Struct]], key: str, *,
    compacted: bool = False, retention_days: int | None = None, view: View | None = None,
) -> TopicSpec:  # fmt: skip
    """Spec of a topic that the engine writes."""
    structs = tuple(dict.fromkeys(sent.values()))
    return TopicSpec(
        name=name, about=about, structs=structs, sent=sent, key=key, compacted=compacted,
        retention_days=retention_days, view=view, is_input=False,
    )  # fmt: skip


def typed(prefix: str, names: Iterable[str], struct: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """CloudEvents types ``prefix.name`` that share one struct."""
    return {f"{prefix}.{name}": struct for name in names}


def event_type(struct: type[msgspec.Struct]) -> str:
    """The ``event_type`` of ``struct`` in messages."""
    return str(struct.__struct_config__.tag)
