"""Markdown tables made from code: settings, metrics, events, topics, input types, detectors. `readme` writes them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec.structs import fields

from benchmarks import field_tables
from flows.service.kafka_topics import PARTITIONS, plans
from flows.service.metrics import described
from flows.service.settings_section import required
from flows.service.settings_sources import FIELDS, dotted
from flows.service.settings_sources import TABLES as CLIENT_TABLES
from sensing.contracts.asyncapi import TOMBSTONE
from sensing.contracts.exceptions import CHANGES, RESOLUTIONS, SEVERITIES
from sensing.contracts.input_types import INPUT_TYPES
from sensing.contracts.topic_registry import INPUTS, SPECS
from sensing.contracts.topic_spec import event_type
from sensing.detection.detector_registry import DETECTORS
from sensing.machine_settings import DAY_MINUTES


def settings() -> str:
    """One row per setting: name, default, legal values, meaning."""
    rows = []
    for path, field in FIELDS.items():
        default = "" if path in CLIENT_TABLES or field.default in (None, "") else f"`{field.default}`"
        rows.append((f"`{dotted(path)}`", default, required(field), field.description or ""))
    return _table(("setting", "default", "legal", "meaning"), rows)


def metrics() -> str:
    """One row per metric: name as it is exposed, type, labels, meaning."""
    rows = [
        (f"`{metric.name}{'_total' * (metric.kind == 'counter')}`", metric.kind, ", ".join(metric.labels), metric.help)
        for metric in described()
    ]
    return _table(("metric", "type", "labels", "meaning"), rows)


def topics() -> str:
    """One row per topic: name, direction, partitions, topic settings. Required values are bold."""
    rows = []
    for plan in plans():
        partitions = f"**{plan.partitions}**" if plan.partitions else f"{PARTITIONS}"
        settings = [f"**{name}={value}**" for name, value in plan.required.items()]
        settings += [f"{name}={value}" for name, value in plan.initial.items()]
        rows.append((f"`{plan.name}`", "in" if SPECS[plan.name].is_input else "out", partitions, ", ".join(settings)))
    return _table(("topic", "", "partitions", "settings"), rows)


def events() -> str:
    """One row per event type: topic, type, required fields besides its id, first line of its description."""
    rows = []
    for topic, structs in INPUTS.items():
        for struct in structs:
            required = ", ".join(f"`{field.encode_name}`" for field in fields(struct)[1:] if field.required)
            meaning = " ".join((struct.__doc__ or "").partition("\n\n")[0].split()).replace("``", "`")
            rows.append((topic, f"`{event_type(struct)}`", required, meaning))
    return _table(("topic", "event type", "required fields", "meaning"), rows)


def detectors() -> str:
    """One row per detector: type, opening and closing rule, route and informed roles, deadlines by severity."""
    rows = [
        (
            f"`{detector.name}`",
            detector.opens,
            detector.ends,
            ", ".join((f"**{detector.route}**", *detector.inform)),
            " / ".join(_duration(minutes) for minutes in detector.deadline_minutes),
        )
        for detector in DETECTORS.values()
    ]
    return _table(("exception", "opens when", "ends when", "**decides**, is told", " / ".join(SEVERITIES)), rows)


def changes() -> str:
    """One row per event type of exceptions: what a record of it says."""
    rows = [(f"`exception.{change}`", meaning) for change, meaning in CHANGES.items()]
    return _table(("event type", "what has changed"), [*rows, (f"`{SPECS['exceptions'].tombstone}`", TOMBSTONE)])


def resolutions() -> str:
    """One row per way in which exceptions end."""
    return _table(("resolution", "how it ended"), [(f"`{name}`", meaning) for name, meaning in RESOLUTIONS.items()])


def inputs() -> str:
    """One row per type of input event: machine that applies it, effect, fields without effect yet."""
    rows = [
        (f"`{name}`", row.routed_to, row.effect, ", ".join(f"`{field}`" for field in row.unused))
        for name, row in INPUT_TYPES.items()
    ]
    return _table(("input", "goes to", "does", "accepted and not used yet"), rows)


def _duration(minutes: int) -> str:
    return f"{minutes // DAY_MINUTES} d" if minutes % DAY_MINUTES == 0 else f"{minutes / 60:g} h"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


class Table(NamedTuple):
    """A table made from code and the file that shows it."""

    file: str
    make: Callable[[], str]


TABLES: dict[str, Table] = {
    "settings": Table("flows/README.md", settings),
    "metrics": Table("flows/README.md", metrics),
    "events": Table("sensing/contracts/README.md", events),
    "inputs": Table("sensing/contracts/README.md", inputs),
    "topics": Table("sensing/contracts/README.md", topics),
    "changes": Table("sensing/contracts/README.md", changes),
    "resolutions": Table("sensing/contracts/README.md", resolutions),
    "fields": Table("sensing/contracts/FIELDS.md", field_tables.fields),
    "detectors": Table("sensing/contracts/README.md", detectors),
}
"""All tables by the name of their markers."""
