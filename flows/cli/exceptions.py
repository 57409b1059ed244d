"""``tidegauge exceptions``: open exceptions by priority, and one exception in full."""

import textwrap
from typing import TYPE_CHECKING, Any, get_args

import click

from flows.cli.settings import settings_options
from sinks.errors import UsageError

if TYPE_CHECKING:
    from flows.service.settings_load import Resolved
    from sensing.contracts.exceptions import ExceptionState

COLUMNS = 80
_ROW = "{:<8}  {:<18}  {:<20}  {:<16}  {:>10}"
"""Severity, type, SKU and location, deadline (UTC), money: 80 columns."""

with_servers = settings_options(
    bootstrap_servers="kafka.bootstrap_servers", prefix="kafka.topic_prefix", redis_url="redis.url"
)


class _Choice(click.ParamType[str]):
    """A value of a type of the contract, or the name of a detector; they are loaded when an option is given."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a value."""
        from sensing.contracts import exceptions as contract
        from sensing.detection.detector_registry import DETECTORS

        names = list(DETECTORS) if self.name == "Type" else get_args(getattr(contract, self.name))
        chosen: str = click.Choice(names).convert(value, param, ctx)
        return chosen


@click.group()
def exceptions() -> None:
    """Show open exceptions: what to act on, the most urgent first.

    They come from the view in Redis where redis.url is set, else from the topic exceptions.
    """


@exceptions.command(name="list")
@click.option("--route", type=_Choice("Route"), help="Only those of a role, such as buyer.")
@click.option("--severity", type=_Choice("Severity"), help="Only those of a severity, such as high.")
@click.option("--type", "exception_type", type=_Choice("Type"), help="Only those of a type, such as order_surge.")
@click.option("--owner", help="Only those of a person.")
@click.option("--sku", help="Only those of an item.")
@click.option("--location", help="Only those of a location.")
@click.option("--json", "as_json", is_flag=True, help="The documents as they were published, one a line.")
@with_servers
def list_(resolved: "Resolved", as_json: bool, **wanted: Any) -> None:
    """List open exceptions by priority: severity, then money, then deadline."""
    # The engine takes a second to load; usage and help need none of it.
    from flows.exception_list import Filter, list_open

    count = 0
    for count, listed in enumerate(list_open(resolved.settings, Filter(**wanted)), 1):
        if as_json:
            click.echo(listed.document.replace(b"\n", b" "))
            continue
        if count == 1:
            click.echo(_ROW.format("SEVERITY", "TYPE", "SKU/LOCATION", "DEADLINE (UTC)", "MONEY"))
        click.echo("\n".join(lines(listed.state)))
    if not as_json:
        click.echo(f"{count:,} open exception{'' if count == 1 else 's'}", err=True)


@exceptions.command()
@click.argument("exception_id", metavar="ID")
@with_servers
def show(resolved: "Resolved", exception_id: str) -> None:
    """Show one exception with all its fields, open or ended."""
    import orjson

    from flows.exception_list import find

    document = find(resolved.settings, exception_id)
    if document is None:
        msg = f"exception {exception_id}: required an id of the list, got one that is not there; "
        msg += "see tidegauge exceptions list"
        raise UsageError(msg)
    click.echo(orjson.dumps(orjson.loads(document), option=orjson.OPT_INDENT_2))


def lines(state: "ExceptionState") -> list[str]:
    """An exception as lines of at most 80 columns: the row, its id with status and owner, its reason."""
    place = "/".join(part for part in (state.sku, state.location) if part) or "-"
    deadline = "-" if state.deadline is None else state.deadline[:16].replace("T", " ")
    row = _ROW.format(state.severity, _cut(state.exception_type, 18), _cut(place, 20), deadline, _money(state))
    owner = f", {state.owner}" if state.owner else ""
    about = f"{state.exception_id} ({state.status}, {state.route}{owner})"
    return [
        row.rstrip(),
        *textwrap.wrap(_plain(about), COLUMNS, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False),
        *textwrap.wrap(_plain(state.reason), COLUMNS, initial_indent="  ", subsequent_indent="  "),
    ]


def _money(state: "ExceptionState") -> str:
    return "-" if state.money_base is None else f"{_amount(state.money_base)} {state.base_currency or ''}".rstrip()


def _amount(money: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if money >= limit:
            return f"{money / (1e3 if unit == 'k' else limit):.4g}{unit}"
    return f"{money:.0f}"


def _cut(text: str, width: int) -> str:
    text = _plain(text)
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _plain(text: str) -> str:
    """The text without control characters, which a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
