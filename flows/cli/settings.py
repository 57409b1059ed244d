"""Options of commands that need settings: ``--config``, ``--set``, and short forms of some settings."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.cli.options import readable_errors

if TYPE_CHECKING:
    from flows.service.settings_load import Resolved

Flag = tuple[str, str, str]


def _assignment(_ctx: click.Context, option: click.Parameter, given: tuple[str, ...]) -> list[Flag]:
    parts = [text.partition("=") for text in given]
    if not all(name and equals for name, equals, _value in parts):
        # The text may hold a secret, so it is not shown.
        msg = "required SECTION.NAME=VALUE, got a text without a name or without ="
        raise click.BadParameter(msg, param=option)
    return [("--set", name.strip(), value) for name, _equals, value in parts]


def settings_options(**names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: adds ``--config``, ``--set`` and an option for each of ``names`` (parameter: dotted setting).

    The command is called with ``resolved``, the settings and their origins.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def called(config: Path | None, assignments: list[Flag], **arguments: Any) -> None:
            own = {name: arguments.pop(name) for name in names}
            flags = [(_option(name), names[name], value) for name, value in own.items() if value is not None]
            with readable_errors():
                command(resolved=_load(config, assignments + flags), **arguments)

        wrapped: Callable[..., None] = called
        for name, setting in reversed(names.items()):
            wrapped = click.option(_option(name), name, help=f"Same as --set {setting}=...")(wrapped)
        wrapped = click.option(
            "--set", "assignments", multiple=True, callback=_assignment, metavar="SECTION.NAME=VALUE",
            help="One setting, above environment and file; may be repeated. No secrets.",
        )(wrapped)  # fmt: skip
        return click.option(
            "--config", type=click.Path(path_type=Path), metavar="FILE",
            help="TOML file of settings. Default: the one that TIDEGAUGE_CONFIG names, if any.",
        )(wrapped)  # fmt: skip

    return decorate


kafka_options = settings_options(bootstrap_servers="kafka.bootstrap_servers", prefix="kafka.topic_prefix")
"""For commands that only need Kafka."""


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _load(config: Path | None, flags: list[Flag]) -> "Resolved":
    # Settings take a while to load; usage and help need none of them.
    from flows.service.settings_load import load

    return load(config, flags)
