"""Base of all sections of settings: base class, texts of legal values, and the error for a wrong value."""

from typing import Annotated, Literal, NamedTuple, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator
from pydantic.fields import FieldInfo


class Legal(NamedTuple):
    """Text of a setting's legal values, in ``Annotated``, for types and bounds that do not say it."""

    text: str


class Refusal(ValueError):
    """A wrong value: what was required, what was got (None: must not be shown), and the fix."""

    def __init__(self, required: str, got: str | None = None, fix: str = "") -> None:
        self.required = required
        self.got = got
        self.fix = fix
        super().__init__(required)


def required(field: FieldInfo) -> str:
    """Legal values of a setting, as text to follow "required"."""
    for mark in field.metadata:
        if isinstance(mark, Legal):
            return mark.text
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(get_args(field.annotation))
    kind = "a whole number" if field.annotation is int else "a number"
    bounds = {type(mark): mark for mark in field.metadata}
    low, high = bounds[Ge], bounds[Le]
    assert isinstance(low, Ge), "every number has a lower bound"
    assert isinstance(high, Le), "every number has an upper bound"
    return f"{kind} from {low.ge:,} to {high.le:,}"


class Section(BaseModel):
    """Base of a section: immutable, refuses unknown settings, and does not show values in pydantic's errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: object) -> object:
        if isinstance(value, bool):
            msg = "no setting is true or false"
            raise ValueError(msg)
        return value


def _property(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    msg = "a text, a number, true or false"
    raise Refusal(msg, f"a {type(value).__name__}")


Property = Annotated[str, BeforeValidator(_property)]
"""Value of a setting of librdkafka, as text."""
