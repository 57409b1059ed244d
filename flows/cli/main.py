"""The command ``tidegauge``: one file per subcommand, loaded only when it is called."""

from collections.abc import Callable
from importlib.metadata import version

import click


def _demo() -> click.Command:
    from flows.cli.demo import demo

    return demo


def _export() -> click.Command:
    from flows.cli.export import export

    return export


def _load() -> click.Command:
    from flows.cli.load import load

    return load


def _replay() -> click.Command:
    from flows.cli.replay import replay

    return replay


def _run() -> click.Command:
    from flows.cli.run import run

    return run


def _schemas() -> click.Command:
    from flows.cli.schemas import schemas

    return schemas


def _topics() -> click.Command:
    from flows.cli.topics import topics

    return topics


COMMANDS: dict[str, tuple[Callable[[], click.Command], str]] = {
    "demo": (_demo, "Watch the engine on real orders with a simulated supply side."),
    "export": (_export, "Write current parameters and open exceptions from Kafka to files."),
    "load": (_load, "Load a folder of event files into Kafka topics."),
    "replay": (_replay, "Replay a folder of event files: exceptions and planning parameters out."),
    "run": (_run, "Run the engine on Kafka topics, with a view in Redis."),
    "schemas": (_schemas, "Write the JSON Schemas and the AsyncAPI document of all topics."),
    "topics": (_topics, "Make and check the Kafka topics."),
}


class LazyGroup(click.Group):
    """Knows its commands by name and text, so that help needs none of them loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        return COMMANDS[cmd_name][0]() if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"tidegauge {version('tidegauge')}")
        ctx.exit()


@click.command(cls=LazyGroup, context_settings={"max_content_width": 120})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def main() -> None:
    """Sense demand in streams of business events: what to act on, and what to plan with."""
