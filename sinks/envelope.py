"""CloudEvents 1.0: what stands around an output record, whatever carries it.

``attributes`` are the context attributes in their order; the JSON form puts the data beside them in one object, a
transport with headers carries them there. ``recordedtime`` is the only one that may differ between two runs over the
same input.
"""

import datetime as dt
from functools import lru_cache

import orjson

from sensing.outputs import OutputRecord

SOURCE = "tidegauge"
CONTENT_TYPE = "application/json"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@lru_cache(maxsize=1024)  # Outputs of one close share their time, and this is a third of the cost of sealing.
def timestamp(instant: int) -> str:
    """RFC 3339 in UTC with milliseconds of an instant in UTC ms."""
    return (_EPOCH + dt.timedelta(milliseconds=instant)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def attributes(record: OutputRecord, recorded: str) -> dict[str, str]:
    """Context attributes of a record produced at ``recorded`` (RFC 3339); extensions last, in order of their names."""
    context = {"specversion": "1.0", "id": record.id, "source": SOURCE, "type": record.type}
    if record.subject:
        context["subject"] = record.subject
    context["time"] = timestamp(record.time)
    context["datacontenttype"] = CONTENT_TYPE
    context["recordedtime"] = recorded
    context.update(sorted(record.attributes.items()))
    return context


def seal_json(record: OutputRecord, recorded: str) -> bytes:
    """The record in the JSON form, without a line end; its data is JSON already and is put in as it is."""
    return orjson.dumps({**attributes(record, recorded), "data": orjson.Fragment(record.data)})
