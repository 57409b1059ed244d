"""CloudEvents 1.0 envelope of output records: context attributes, and the structured JSON form.

Sinks for files write the JSON form; the Kafka sink writes the attributes as headers (binary mode). ``recordedtime`` is
the only attribute that may differ between two runs over the same input.
"""

import datetime as dt
from functools import lru_cache

import orjson

from sensing.outputs import OutputRecord

SOURCE = "tidegauge"
CONTENT_TYPE = "application/json"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@lru_cache(maxsize=1024)  # Outputs of one close have the same time; formatting it is a third of the cost.
def timestamp(instant: int) -> str:
    """An instant (UTC ms) as RFC 3339 in UTC with milliseconds."""
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
    """The record as a CloudEvent in structured JSON, without a line end. Its data is JSON already and is not parsed."""
    return orjson.dumps({**attributes(record, recorded), "data": orjson.Fragment(record.data)})
