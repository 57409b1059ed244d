"""``tidegauge export``: what is true now, from Kafka to files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.cli.options import readable_errors

if TYPE_CHECKING:
    from flows.export import Form


class ClientSetting(click.ParamType[tuple[str, str]]):
    """A setting of librdkafka, NAME=VALUE."""

    name = "NAME=VALUE"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split a setting."""
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not (name and equals):
            self.fail(f"required NAME=VALUE, such as security.protocol=SSL, got {value!r}", param, ctx)
        return name, text


@click.command()
@click.option(
    "--output", "output_folder", type=click.Path(path_type=Path), required=True,
    help="Folder for the files; made where it is missing, refused where it is not empty.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["parquet", "ndjson"]), default="parquet", show_default=True,
    help="Tables with flat columns, or the documents as they are, one a line.",
)  # fmt: skip
@click.option("--all", "ended", is_flag=True, help="Exceptions that have ended as well, not only the open ones.")
@click.option("--bootstrap-servers", default="localhost:9092", show_default=True, help="Brokers: HOST:PORT,...")
@click.option("--prefix", default="", help="What stands before the names of the topics.")
@click.option("--client", type=ClientSetting(), multiple=True, help="A setting of librdkafka; may be repeated.")
def export(
    output_folder: Path, form: "Form", ended: bool, bootstrap_servers: str, prefix: str, client: list[tuple[str, str]]
) -> None:
    """Write current planning parameters and open exceptions to files, as they are in the compacted topics now."""
    from flows.export import export as run

    with readable_errors():
        done = run(dict(client) | {"bootstrap.servers": bootstrap_servers}, prefix, output_folder, form, ended=ended)
    left_out = f"; {done.foreign:,} records of others left out" if done.foreign else ""
    click.echo(
        f"planning parameters of {done.parameters:,} SKU-locations and {done.exceptions:,} exceptions in "
        f"{output_folder}{left_out}",
        err=True,
    )
