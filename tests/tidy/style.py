"""House rules about single files: sizes, suppressed checks, words, docstrings of tests."""

import ast
import re
from collections.abc import Iterator

from tests.tidy.sources import Source

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
KERNEL_LINES_MAX = 70
COLUMNS_MAX = 120
KERNELS = ("kernel", "lean_kernel")

Function = ast.FunctionDef | ast.AsyncFunctionDef

# The brackets around one letter, here and below, keep a rule from matching its own text.
UNFINISHED = re.compile(r"\b([T]ODO|[F]IXME|[X]XX)\b")
SUPPRESSED = re.compile(r"#\s*(noqa|type:\s*ignore|pragma|mypy:|ruff:)")
REASONED = re.compile(r"#\s*(noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*|type: ignore\[[a-z-]+(, ?[a-z-]+)*\])\s*(#|-)\s*\w+ \w+")
HOSTS = re.compile(
    r"(?i)\b(pypi\.|pythonhosted\.|npmjs\.|repo1?\.maven\.|crates\.io|(deb|security)\.debian\.|archive\.ubuntu\.)"
    r"|--(extra-)?index-url|--[f]ind-links"
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(root|work|home/\w+|Users/\w+|tmp/\w+|opt/wheels)\b")


def functions(source: Source) -> Iterator[Function]:
    """All functions and methods of a file, nested ones too."""
    return (node for node in ast.walk(source.tree) if isinstance(node, Function))


def is_kernel(function: Function) -> bool:
    """Whether a function is compiled: decorated with one of ``KERNELS``."""
    return any(ast.unparse(decorator).split("(")[0].split(".")[-1] in KERNELS for decorator in function.decorator_list)


def length(function: Function) -> int:
    """Lines from ``def`` to the end, without the docstring, whose length is not limited."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def sizes(source: Source) -> list[str]:
    """Files, functions and lines that are too long."""
    lines = source.text.splitlines()
    found = [
        source.at(number, f"{len(line)} columns. Fix: break the line at {COLUMNS_MAX}")
        for number, line in enumerate(lines, 1)
        if len(line) > COLUMNS_MAX
    ]
    if len(lines) > FILE_LINES_MAX:
        found.append(source.at(1, f"{len(lines)} lines. Fix: one idea per file, at most {FILE_LINES_MAX} lines"))
    for function in functions(source):
        limit = KERNEL_LINES_MAX if is_kernel(function) else FUNCTION_LINES_MAX
        if length(function) > limit:
            found.append(
                source.at(function.lineno, f"{function.name} has {length(function)} lines. Fix: split it at {limit}")
            )
    return found


def words(source: Source) -> list[str]:
    """Unfinished work, registry hosts and paths of one machine, in any text file."""
    rules = (
        (UNFINISHED, "unfinished work. Fix: finish it, or write it down where the project keeps its issues"),
        (HOSTS, "a package registry. Fix: name the package only; where it comes from is the user's setting"),
        (MACHINE_PATHS, "a path of one machine. Fix: use a path from the checkout, or tmp_path"),
    )
    return [
        source.at(number, f"{match[0]!r} is {finding}")
        for number, line in enumerate(source.text.splitlines(), 1)
        for rule, finding in rules
        if (match := rule.search(line))
    ]


def suppressions(source: Source) -> list[str]:
    """Suppressed checks without a code or without a reason."""
    return [
        source.at(number, "a suppressed check. Fix: give its code and, after another #, the reason in words")
        for number, line in enumerate(source.text.splitlines(), 1)
        if SUPPRESSED.search(line) and not REASONED.search(line)
    ]


def promises(source: Source) -> list[str]:
    """Tests without a docstring."""
    return [
        source.at(function.lineno, f"{function.name} has no docstring. Fix: state the promise that it tests")
        for function in functions(source)
        if function.name.startswith("test_") and source.path.startswith("tests/") and not ast.get_docstring(function)
    ]
