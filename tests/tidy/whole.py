"""House rules about all files together."""

import re
from collections.abc import Iterable

from flows.cli.main import COMMANDS
from tests.tidy.imports import imported
from tests.tidy.sources import Source
from tests.tidy.style import functions, is_kernel

TOP = frozenset(
    {"benchmarks", "flows", "sensing", "sinks", "tests", ".ci", ".gitattributes", ".gitignore"}
    | {"CHANGELOG.md", "Makefile", "README.md", "constraints.txt", "pyproject.toml"}
    | {".dockerignore", "Dockerfile", "docker-compose.yml"}
)
ENTRIES = frozenset({"flows.cli.main", "flows.cli.warm_up", *(f"flows.cli.{command}" for command in COMMANDS)})
"""Modules that are started by name: the command in pyproject.toml, its subcommands, and a step of `make`."""


def top_level(paths: Iterable[str]) -> list[str]:
    """Entries of the checkout that are not part of the house."""
    strangers = sorted({path.split("/")[0] for path in paths} - TOP)
    return [f"{name}:1: not part of the house. Fix: put it into one of {', '.join(sorted(TOP))}" for name in strangers]


def untested_kernels(sources: list[Source]) -> list[str]:
    """Kernels that no test names. A test must compare each with an oracle."""
    named = set(re.findall(r"\w+", "\n".join(source.text for source in sources if source.path.startswith("tests/"))))
    return [
        source.at(
            function.lineno, f"no test names the kernel {function.name}. Fix: compare it with a slow, obvious oracle"
        )
        for source in sources
        if not source.path.startswith("tests/")
        for function in functions(source)
        if is_kernel(function) and function.name not in named
    ]


def dead_modules(sources: list[Source]) -> list[str]:
    """Modules of the product that the product does not import."""
    product = [source for source in sources if source.path.split("/")[0] in ("flows", "sensing", "sinks")]
    # ``from a.b import c`` uses a.b, and a.b.c if that is a module.
    used = {name for source in product for _, name in imported(source)}
    used |= {name.rpartition(".")[0] for name in used}
    return [
        source.at(1, f"nothing imports {source.module}. Fix: use it or remove it")
        for source in product
        if not source.path.endswith(("__init__.py", "__main__.py")) and source.module not in used | ENTRIES
    ]
