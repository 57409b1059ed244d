"""Shared by commands: option type for instants, and readable errors."""

import contextlib
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import click

from flows.instants import INSTANT_TEXT, read_instant
from sinks.errors import TidegaugeError, UsageError


class Instant(click.ParamType[int]):
    """An instant in UTC ms, given as RFC 3339 with an offset, or as a date: its first instant in the default zone."""

    name = "T"

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read an instant."""
        if isinstance(value, int):
            return value
        instant = read_instant(value, self._zone)
        if instant is None:
            self.fail(f"required {INSTANT_TEXT}, got {value!r}", param, ctx)
        return instant


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Show errors without a traceback: usage errors end with exit code 2, failures and interrupts with 1."""
    try:
        yield
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    except TidegaugeError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt as error:
        msg = "stopped before the end; nothing was written"
        raise click.ClickException(msg) from error
