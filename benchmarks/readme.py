"""Writes generated blocks of the Markdown files: benchmark results, tables made from code, records of the example.

A block is between two markers: ``<!-- bench:NAME -->`` and ``<!-- /bench -->`` around the result of a benchmark,
``code`` around a table made from code, ``run`` around a record of the example's replay.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.harness import Result
from benchmarks.tables import TABLES

README = "README.md"
RESULTS = "benchmarks/RESULTS.md"
PICTURE = "benchmarks/example.svg"


def write(root: Path, results: Iterable[Result]) -> None:
    """Renew RESULTS.md with the given results, and every table made from code.

    Raises
    ------
    ValueError
        A block has no markers in its file.
    """
    texts = {RESULTS: render((root / RESULTS).read_text(), results)}
    texts |= {file: render_code((root / file).read_text(), file) for file in documents()}
    for file, text in texts.items():
        (root / file).write_text(text)


def documents() -> list[str]:
    """Files with tables made from code."""
    return sorted({table.file for table in TABLES.values()})


def render(text: str, results: Iterable[Result]) -> str:
    """The text of RESULTS.md with all results. Of two results of a benchmark the later one is used."""
    for result in results:
        text = fill(text, RESULTS, "bench", result.name, block_of(result))
    return text


def render_code(text: str, file: str) -> str:
    """The text of ``file`` with its tables generated again from the code."""
    for name, table in TABLES.items():
        if table.file == file:
            text = fill(text, file, "code", name, f"\n{table.make()}\n\n")
    return text


def fill(text: str, file: str, kind: str, name: str, block: str) -> str:
    """The text of ``file`` with one generated block replaced.

    Raises
    ------
    ValueError
        The text has no markers for it.
    """
    pattern = re.compile(rf"(<!-- {kind}:{re.escape(name)} -->\n).*?(<!-- /{kind} -->)", re.DOTALL)
    place = pattern.search(text)
    if place is None:
        msg = (
            f"{file}: required the lines '<!-- {kind}:{name} -->' and '<!-- /{kind} -->' "
            f"around the generated block {name!r}, found none; add them"
        )
        raise ValueError(msg)
    return text[: place.end(1)] + block + text[place.start(2) :]


def block_of(result: Result) -> str:
    """Markdown of one result: figures, then sizes, machine and versions."""
    rows = [f"| {name.replace('_', ' ')} | {figure(value)} |" for name, value in result.figures.items()]
    rows.append(f"| peak memory, MiB | {figure(result.peak_rss_mib)} |")
    sizes = ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in result.sizes.items())
    used = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    run = f"`python -m benchmarks {result.name} --{result.size}`" + (f": {sizes}" if sizes else "")
    about = (
        f"{run}. {result.machine.cpu}, {result.machine.cpus} CPUs, {result.machine.system}; {used}; "
        f"revision {result.revision or 'unknown'}, {result.started[:10]}; answer `{result.answer_sha256[:12]}`."
    )
    return "\n".join(["", "| figure | value |", "|---|---:|", *rows, "", f"<sub>{about}</sub>", "", ""])


def figure(value: float | str) -> str:
    """A figure as text: thousands separated, three significant digits below 100."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
