"""``tidegauge export``: current parameters and open exceptions, from Kafka to files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.cli.settings import kafka_options

if TYPE_CHECKING:
    from flows.export import Form
    from flows.service.settings_load import Resolved


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
@kafka_options
def export(resolved: "Resolved", output_folder: Path, form: "Form", ended: bool) -> None:
    """Write current planning parameters and open exceptions to files, as they are in the compacted topics now."""
    # Kafka's client and Arrow take a while to load; usage and help need none of them.
    from flows.export import export as run
    from sensing.outputs import EXCEPTIONS, PARAMETERS

    kafka = resolved.settings.kafka
    done = run(kafka.client_config(), kafka.topic_prefix, output_folder, form, ended=ended)
    left_out = f"; {done.foreign:,} records of others left out" if done.foreign else ""
    rows = dict(done.rows)
    written = f"planning parameters of {rows.pop(PARAMETERS):,} SKU-locations and {rows.pop(EXCEPTIONS):,} exceptions"
    written += "".join(f", {count:,} {topic}" for topic, count in rows.items())
    click.echo(f"{written} in {output_folder}{left_out}", err=True)
