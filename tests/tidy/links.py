"""House rule about documents: the target of every relative link and anchor exists."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from tests.tidy.sources import Source

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def without_code(text: str) -> str:
    """The text with code blocks emptied; every line keeps its number."""
    return FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)


def anchors(text: str) -> set[str]:
    """Anchors that GitHub gives the headings of a text."""
    found: set[str] = set()
    for heading in HEADING.findall(without_code(text)):
        words = LINK.sub(lambda link: link[0].partition("](")[0].lstrip("!["), heading)
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        repeats = sum(1 for known in found if re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", known))
        found.add(f"{anchor}-{repeats}" if repeats else anchor)
    return found


def links(source: Source) -> Iterator[tuple[int, str]]:
    """Line and target of every link to a file or an anchor of the checkout."""
    for number, line in enumerate(without_code(source.text).splitlines(), 1):
        yield from ((number, link) for link in LINK.findall(line) if not ELSEWHERE.match(link))


def broken_links(source: Source, paths: set[str], texts: Mapping[str, str]) -> list[str]:
    """Links of a document without a target.

    Parameters
    ----------
    paths
        All files and folders of the checkout.
    texts
        Text of every document, by path.
    """
    found = []
    for number, link in links(source):
        target, _, anchor = link.partition("#")
        path = _normal(PurePosixPath(source.path).parent / target) if target else source.path
        if path not in paths:
            found.append(source.at(number, f"no file {path}. Fix: correct the link {link}"))
        elif anchor and anchor not in anchors(texts.get(path, "")):
            found.append(source.at(number, f"no heading #{anchor} in {path}. Fix: correct the link {link}"))
    return found


def _normal(path: PurePosixPath) -> str:
    """A path without ``..``. A path that leaves the checkout matches no file."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
