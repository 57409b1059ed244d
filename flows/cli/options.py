"""What commands share: instants as options, and errors as a person should see them."""

import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import NoReturn
from zoneinfo import ZoneInfo

import click

from flows.errors import TidegaugeError, UsageError


class Instant(click.ParamType[int]):
    """An instant in UTC ms, given as RFC 3339 with an offset, or as a date: its first instant in the default zone."""

    name = "T"

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read an instant."""
        if isinstance(value, int):
            return value
        try:
            if len(value) == len("2011-12-10"):
                instant = dt.datetime.combine(dt.date.fromisoformat(value), dt.time(), self._zone)
            else:
                instant = dt.datetime.fromisoformat(value)
        except ValueError:
            self._refuse(value, param, ctx)
        if instant.tzinfo is None:
            self._refuse(value, param, ctx)
        return (instant - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)

    def _refuse(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
        self.fail(
            f"required a date or RFC 3339 with an offset, such as 2011-12-10T00:00:00Z, got {value!r}", param, ctx
        )


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Usage errors end the command with code 2, failures and interrupts with 1, each with its text alone."""
    try:
        yield
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    except TidegaugeError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt as error:
        msg = "stopped before the end; nothing was written"
        raise click.ClickException(msg) from error
