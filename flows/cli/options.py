"""Shared by commands: option type for instants, and readable errors."""

import contextlib
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import click

from flows.instants import INSTANT_TEXT, read_instant
from flows.uri_reference import URI_REFERENCE, is_uri_reference
from sinks.errors import TidegaugeError, UsageError, of_system


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


class Position(click.ParamType[str]):
    """A position of an input event: topic:partition:offset."""

    name = "P"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a position."""
        # Loaded here: usage and help need none of the engine.
        from flows.input.skipping import POSITION_TEXT, is_position

        if not is_position(value):
            self.fail(f"required {POSITION_TEXT}, got {value!r}", param, ctx)
        return value


class UriReference(click.ParamType[str]):
    """A URI-reference that is not empty."""

    name = "URI"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a URI-reference."""
        if not is_uri_reference(value):
            self.fail(f"required {URI_REFERENCE}, got {value!r}", param, ctx)
        return value


class _Failure(click.ClickException):
    """An error of a run with its exit code."""

    def __init__(self, error: TidegaugeError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads it from the instance


@contextlib.contextmanager
def readable_errors() -> Iterator[None]:
    """Show errors as sentences, after the traceback of a defect; exit codes are those of `sinks.errors.EXIT_CODES`."""
    try:
        yield
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    except TidegaugeError as error:
        if error.trace:
            click.echo(error.trace, err=True)
        raise _Failure(error) from error
    except (OSError, MemoryError) as error:
        if isinstance(error, BrokenPipeError):
            raise  # Who reads our output has enough; click ends in silence.
        raise _Failure(of_system(error)) from error
    except KeyboardInterrupt as error:
        msg = "stopped before the end; nothing was written"
        raise click.ClickException(msg) from error
