"""Field types of output records that several structs share, and how a field is described.

What a field means is stated once, in the `Meta` of its type; `sensing.contracts.schemas` publishes it. Formats, ranges
and bounds are stated for readers of the schema alone: decoding our own records does not check them.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from sensing.contracts.decisions import Label, Verdict
from sensing.contracts.number_kinds import Ratio
from sensing.contracts.reference import DECIMALS_MAX

CAUSES_MAX = 8
"""Events that a record names at most."""


def about(description: str, values: Mapping[Any, str] | None = None, **schema: Any) -> Meta:
    """What a field means: description, the meaning of each of its ``values``, and other keywords of the schema.

    The description is empty for a type that fields share and describe themselves.
    """
    if values is not None:
        description += "".join(f" `{value}`: {meaning}." for value, meaning in values.items())
    return Meta(description=description or None, extra_json_schema=schema)


VERDICTS: dict[Verdict, str] = {
    "acknowledge": "somebody works on it",
    "approve": "the proposal is right",
    "reject": "no problem, or not to be executed",
    "override": "a value of the proposal is replaced",
    "label": "what the problem was",
    "release": "the held order line is right, or overrides end",
}
LABELS: dict[Label, str] = {
    "confirmed": "a real problem",
    "expected": "real, and known before",
    "false_alarm": "no problem",
    "new_trend": "it will stay so",
}

Instant = Annotated[str, about("", format="date-time")]
"""RFC 3339, UTC."""
Day = Annotated[str, about("", format="date")]
"""Local day of the location, YYYY-MM-DD."""
Count = Annotated[int, about("", minimum=0)]
Share = Annotated[Ratio, about("", minimum=0, maximum=1)]
"""A probability or a share of a whole."""

Decimals = Annotated[
    int,
    about("Decimals of quantities of the item's base unit, in this record.", minimum=0, maximum=DECIMALS_MAX),
]
Decider = Annotated[str | None, about("Who made `decision`, as the decision names them; null: none was made.")]
DeciderRole = Annotated[str | None, about("Role in which `decision` was made; null: none was made.")]
DecidedAt = Annotated[Instant | None, about("Event time of `decision`; null: none was made.")]
DecisionReason = Annotated[str | None, about("Why `decision` was made, in the words of who made it; null: not said.")]
ItemName = Annotated[str | None, about("Name of the item; null: master data name none.")]
Family = Annotated[str | None, about("Family of the item; null: master data name none.")]
Category = Annotated[str | None, about("Category of the item; null: master data name none.")]
Strategic = Annotated[bool, about("Whether master data call the item strategic.")]
Regulated = Annotated[bool, about("Whether master data call the item regulated.")]
Region = Annotated[str | None, about("Region of the location; null: master data name none.")]
