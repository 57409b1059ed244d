"""CloudEvents 1.0: what stands around an output record, whatever carries it.

``attributes`` are the context attributes in their order; the JSON form puts the data beside them in one object, a
transport with headers carries them there. ``recordedtime`` is the only one that may differ between two runs over the
same input.
"""

import orjson

from sensing.codec.instants import rfc3339
from sensing.outputs import OutputRecord

SOURCE = "tidegauge"
CONTENT_TYPE = "application/json"


def attributes(record: OutputRecord, recorded: str) -> dict[str, str]:
    """Context attributes of a record produced at ``recorded`` (RFC 3339); extensions last, in order of their names."""
    context = {"specversion": "1.0", "id": record.id, "source": SOURCE, "type": record.type}
    if record.subject:
        context["subject"] = record.subject
    context["time"] = rfc3339(record.time)
    context["datacontenttype"] = CONTENT_TYPE
    context["recordedtime"] = recorded
    context.update(sorted(record.attributes.items()))
    return context


def seal_json(record: OutputRecord, recorded: str) -> bytes:
    """The record in the JSON form, without a line end; its data is JSON already and is put in as it is."""
    return orjson.dumps({**attributes(record, recorded), "data": orjson.Fragment(record.data)})
