"""Files that the house rules apply to."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGES = ("flows", "sensing", "sinks", "benchmarks", "tests")


@dataclass(frozen=True)
class Source:
    """One text file: its path from the top of the checkout, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Syntax tree of a Python file."""
        return ast.parse(self.text)

    @property
    def module(self) -> str:
        """Dotted name of a Python file; a package's ``__init__`` has the name of the package."""
        return self.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    def at(self, line: int, finding: str) -> str:
        """Text of a finding, with path and line, so that editors can jump to it."""
        return f"{self.path}:{line}: {finding}"


def python_sources(root: Path) -> list[Source]:
    """All Python files of the house, new ones that git does not know yet included."""
    paths = sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return [Source(path.relative_to(root).as_posix(), path.read_text()) for path in paths]


def tracked_paths(root: Path) -> list[str]:
    """Paths that git knows, from the top of the checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True)
    return [path for path in listed.stdout.decode().split("\0") if path and (root / path).exists()]


def text_sources(root: Path) -> list[Source]:
    """All tracked text files."""
    contents = [(path, (root / path).read_bytes()) for path in tracked_paths(root)]
    return [Source(path, content.decode()) for path, content in contents if b"\0" not in content[:8192]]
