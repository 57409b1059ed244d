"""CloudEvents 1.0 envelope of output records: context attributes, and the structured JSON form.

The file sink writes the JSON form. The Kafka sink writes the attributes as headers (binary mode). Only
``recordedtime`` may differ between two runs over the same input.
"""

import orjson

from sensing.codec.instants import rfc3339
from sensing.outputs import OutputRecord

SOURCE = "tidegauge"
"""Default of the setting ``engine.ce_source``: who produces the events."""
CONTENT_TYPE = "application/json"


def attributes(record: OutputRecord, recorded: str, source: str = SOURCE) -> dict[str, str]:
    """Context attributes of a record written at ``recorded`` (RFC 3339). Extensions are last, sorted by name."""
    context = {"specversion": "1.0", "id": record.id, "source": source, "type": record.type}
    if record.subject:
        context["subject"] = record.subject
    context["time"] = rfc3339(record.time)
    context["datacontenttype"] = CONTENT_TYPE
    context["recordedtime"] = recorded
    context.update(sorted(record.attributes.items()))
    return context


def to_structured_json(record: OutputRecord, recorded: str, source: str = SOURCE) -> bytes:
    """The record as a CloudEvent in structured JSON, without a line end. Its data is JSON and is copied unparsed."""
    return orjson.dumps({**attributes(record, recorded, source), "data": orjson.Fragment(record.data)})
