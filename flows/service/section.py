"""What all sections of settings have in common."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator

from flows.service.legal import Refusal


class Section(BaseModel):
    """A section: fixed once read, knows all its settings, never shows a value in an error of its own accord."""

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
"""Value of a setting of librdkafka, which takes texts only."""
