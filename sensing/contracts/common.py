"""Common parts of all input events: base structs, field types, and the limits that the types enforce.

Unknown fields are ignored, and new fields have defaults, so an old reader understands a new writer. A breaking change
is a new event type. All structs are decoded directly from JSON. Numeric strings are not numbers.
"""

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from sensing.contracts.currencies import CODES

SKU_BYTES_MAX = 64
LOCATION_BYTES_MAX = 40
ID_BYTES_MAX = 128
SUBJECT_BYTES_MAX = 128
UNIT_BYTES_MAX = 8
MESSAGE_BYTES_MAX = 1 << 20
NESTING_MAX = 256
QUANTITY_MIN = 0.0005
QUANTITY_MAX = 1e9
PRICE_MAX = 1e12
VERSION_MAX = 2**31 - 2
VERSION_LAST = 2**31 - 1

EventId = Annotated[
    str, Meta(min_length=1, max_length=ID_BYTES_MAX, description="Unique id of this event, up to 128 bytes.")
]
Id = Annotated[str, Meta(min_length=1, max_length=ID_BYTES_MAX, description="An identifier of up to 128 bytes.")]
Subject = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=SUBJECT_BYTES_MAX,
        description="Subject or id of what this engine published, up to 128 bytes.",
    ),
]
Sku = Annotated[str, Meta(min_length=1, max_length=SKU_BYTES_MAX, description="Stock keeping unit, up to 64 bytes.")]
Location = Annotated[
    str, Meta(min_length=1, max_length=LOCATION_BYTES_MAX, description="Stocking location, up to 40 bytes.")
]
Unit = Annotated[str, Meta(min_length=1, max_length=UNIT_BYTES_MAX, description="Unit of measure, up to 8 bytes.")]
Line = Annotated[
    str, Meta(min_length=1, max_length=SKU_BYTES_MAX, description="Line within its document, up to 64 bytes.")
]
Quantity = Annotated[
    float,
    Meta(
        gt=QUANTITY_MIN,
        le=QUANTITY_MAX,
        description="Quantity in unit_of_measure, kept in thousandths, half to even; what would round to 0 is refused.",
    ),
]
QuantityOrZero = Annotated[float, Meta(ge=0, le=QUANTITY_MAX, description="Quantity in unit_of_measure, zero allowed.")]
SignedQuantity = Annotated[
    float, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX, description="Change of quantity in unit_of_measure, signed.")
]
Version = Annotated[
    int, Meta(ge=1, le=VERSION_MAX, description="Version of the line; a higher one replaces a lower one.")
]
Revision = Annotated[int, Meta(ge=1, le=VERSION_MAX, description="Version of a record that this engine published.")]
Price = Annotated[float, Meta(ge=0, le=PRICE_MAX, description="Price per unit_of_measure in currency.")]
if TYPE_CHECKING:
    CurrencyCode = str
else:  # mypy wants literals to be written out.
    CurrencyCode = Literal[CODES]
Currency = Annotated[
    CurrencyCode, Meta(description="ISO 4217 currency code. Default: the item's currency, else the base currency.")
]
Text = Annotated[str, Meta(max_length=256, description="Free text of up to 256 characters.")]
Share = Annotated[float, Meta(ge=0, le=1, description="A share or a probability, 0 to 1.")]
PromisedDate = Annotated[dt.date, Meta(description="Local day on which the goods are to arrive.")]
ExpectedDate = Annotated[dt.date, Meta(description="Local day on which the goods are expected.")]
FirstDay = Annotated[dt.date, Meta(description="First local day.")]
LastDay = Annotated[dt.date, Meta(description="Last local day.")]
Days = Annotated[float, Meta(ge=0, le=3660, description="Duration in days.")]
EventTime = (
    Annotated[dt.datetime, Meta(tz=True, description="RFC 3339 with offset.")]
    | Annotated[int, Meta(ge=0, le=253402300799999, description="Milliseconds since 1970-01-01T00:00:00Z.")]
)

DEFAULT_UNIT = "EA"


class Event(msgspec.Struct, kw_only=True, gc=False, tag_field="event_type"):
    """Base of all input events: ``event_id``, ``event_type`` (the tag) and ``event_time``."""

    event_id: EventId
    event_time: EventTime


class ItemEvent(Event, kw_only=True, gc=False):
    """Base of events about one SKU at one location."""

    sku: Sku
    location: Location
