"""Links of the documents have targets, shown commands exist, and the README is short."""

import re
from pathlib import Path, PurePosixPath

import click
import pytest

from flows.cli.main import main
from tests.tidy.links import anchors, broken_links
from tests.tidy.sources import Source, text_sources, tracked_paths

README_LINES_MAX = 220


def documents(root: Path) -> list[Source]:
    """All Markdown files that git knows."""
    return [source for source in text_sources(root) if source.path.endswith(".md")]


def test_every_link_leads_somewhere(root: Path) -> None:
    """Every relative link names a file or folder of the checkout, every anchor a heading of its file."""
    files = tracked_paths(root)
    paths = {*files, *(str(folder) for file in files for folder in PurePosixPath(file).parents)}
    sources = documents(root)
    texts = {source.path: source.text for source in sources}
    findings = [finding for source in sources for finding in broken_links(source, paths, texts)]
    assert not findings, "\n" + "\n".join(findings)
    assert {"README.md", "CHANGELOG.md", "flows/README.md", "benchmarks/RESULTS.md"} <= set(texts)


def test_the_readme_is_short(root: Path) -> None:
    """A newcomer reads it in two minutes; what is longer has a document of its own."""
    lines = (root / "README.md").read_text().splitlines()
    assert len(lines) <= README_LINES_MAX, f"README.md has {len(lines)} lines. Fix: move details to where it links"


USES = re.compile(r"(?:^|`|/)tidegauge ([a-z]+)([^`\n|#]*)", re.MULTILINE)


def test_commands_are_as_documented(root: Path) -> None:
    """Every command that a document shows exists, with the options that it shows."""
    context = click.Context(main)
    shown = set()
    for source in documents(root):
        for name, rest in USES.findall(source.text):
            command = main.get_command(context, name)
            assert command is not None, f"{source.path}: tidegauge {name}"
            if isinstance(command, click.Group) and rest.split():
                command = command.get_command(context, rest.split()[0])
                assert command is not None, f"{source.path}: tidegauge {name}{rest}"
            known = {option for parameter in command.params for option in parameter.opts}
            options = set(re.findall(r"--[a-z-]+", rest))
            assert options <= known, f"{source.path}: tidegauge {name}{rest}"
            shown |= {name} | options
    assert {"demo", "replay", "run", "topics", "load", "export", "schemas", "--until-end", "--sample"} <= shown


TEXTS = {"README.md": "# Top\n\n## The *view* in `Redis`\n\n## Same\n\n## Same\n", "flows/README.md": "# Running\n"}
PATHS = {*TEXTS, "flows", "flows/cli/main.py"}


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("README.md", "a [b](nowhere.md)", "README.md:1: no file nowhere.md"),
        ("README.md", "ok\n\n![p](flows/p.svg)", "README.md:3: no file flows/p.svg"),
        ("flows/README.md", "[x](../README.md#gone)", "flows/README.md:1: no heading #gone in README.md"),
        ("README.md", "[x](#same-2)", "no heading #same-2 in README.md"),
        ("README.md", "[x](../outside)", "no file ../outside"),
    ],
)
def test_broken_links_are_found(path: str, text: str, expected: str) -> None:
    """A link to no file and one to no heading are named with their line and what to do."""
    (finding,) = broken_links(Source(path, text), PATHS, TEXTS)
    assert expected in finding
    assert "Fix: correct the link" in finding


@pytest.mark.parametrize(
    "text",
    [
        "[x](flows/README.md#running) [y](flows) [z](#the-view-in-redis) [same](#same-1)",
        "[out](https://example.org/nowhere.md) [mail](mailto:a@example.org)",
        "```\n[x](nowhere.md)\n```\n",
    ],
)
def test_good_links_are_left_alone(text: str) -> None:
    """Links that lead somewhere, to other hosts, or that are code are no findings."""
    assert broken_links(Source("README.md", text), PATHS, TEXTS) == []


def test_headings_in_code_are_no_anchors() -> None:
    """A comment of a shell block is no heading."""
    assert anchors("# One\n\n```\n# two\n```\n\n# Three\n") == {"one", "three"}
