"""Writes tables into README.md, between ``<!-- bench:NAME -->`` and ``<!-- /bench -->``: nobody types figures.

Tables that are made from code stand between ``<!-- code:NAME -->`` and ``<!-- /code -->`` in the same way.
"""

import re
from collections.abc import Iterable

from benchmarks.harness import Result
from benchmarks.tables import TABLES


def render(text: str, results: Iterable[Result]) -> str:
    """Return ``text`` with the table of every result in its place; of two results of one benchmark the later one stays.

    Raises
    ------
    ValueError
        A result has no marker in the text.
    """
    for result in results:
        text = _fill(text, "bench", result.name, block_of(result))
    return text


def render_code(text: str) -> str:
    """Return ``text`` with all tables that are made from code as they are now.

    Raises
    ------
    ValueError
        A table has no marker in the text.
    """
    for name, table in TABLES.items():
        text = _fill(text, "code", name, f"\n{table()}\n\n")
    return text


def _fill(text: str, kind: str, name: str, table: str) -> str:
    block = re.compile(rf"(<!-- {kind}:{re.escape(name)} -->\n).*?(<!-- /{kind} -->)", re.DOTALL)
    place = block.search(text)
    if place is None:
        msg = (
            f"README.md: required the lines '<!-- {kind}:{name} -->' and '<!-- /{kind} -->' "
            f"around the table {name!r}, found none; add them"
        )
        raise ValueError(msg)
    return text[: place.end(1)] + table + text[place.start(2) :]


def block_of(result: Result) -> str:
    """Markdown of one result: figures, then what they were measured with."""
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
    """Write a figure for reading: thousands apart, three significant digits below 100."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
