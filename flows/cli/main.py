"""The command ``tidegauge``: one file per subcommand, loaded only when it is called."""

from importlib import import_module
from importlib.metadata import version

import click

COMMANDS = {
    "demo": "Watch the engine on real orders with a simulated supply side.",
    "exceptions": "Show open exceptions, the most urgent first.",
    "export": "Write current parameters and open exceptions from Kafka to files.",
    "load": "Load a folder of event files into Kafka topics.",
    "replay": "Replay a folder of event files: exceptions and planning parameters out.",
    "run": "Run the engine on Kafka topics, with a view in Redis.",
    "schemas": "Write the JSON Schemas and the AsyncAPI document of all topics.",
    "topics": "Make and check the Kafka topics.",
}
"""Each is the function of its name in the module of its name."""


class LazyGroup(click.Group):
    """Knows its commands by name and text, so that help needs none of them loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"flows.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


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
