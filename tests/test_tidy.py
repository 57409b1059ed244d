"""The house rules as tests. Every rule has canaries: texts that break it, which test the rule itself."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tidy import imports, style, whole
from tests.tidy.sources import Source, python_sources, text_sources, tracked_paths

Rule = Callable[[Source], list[str]]
FILE_RULES: tuple[Rule, ...] = (
    imports.directions,
    imports.purity,
    imports.demo,
    style.sizes,
    style.suppressions,
    style.promises,
)
WHOLE_RULES = (whole.untested_kernels, whole.dead_modules)


def report(findings: list[str]) -> str:
    """One finding a line."""
    return "\n" + "\n".join(findings)


@pytest.fixture(scope="module")
def sources(root: Path) -> list[Source]:
    """All Python files, whose syntax trees are made once for all rules."""
    return python_sources(root)


@pytest.mark.parametrize("rule", FILE_RULES, ids=lambda rule: rule.__name__)
def test_every_file(rule: Rule, sources: list[Source]) -> None:
    """Every Python file keeps the rules about single files."""
    findings = [finding for source in sources for finding in rule(source)]
    assert not findings, report(findings)


@pytest.mark.parametrize("rule", WHOLE_RULES, ids=lambda rule: rule.__name__)
def test_all_files_together(rule: Callable[[list[Source]], list[str]], sources: list[Source]) -> None:
    """Every kernel has its test and every module its user."""
    findings = rule(sources)
    assert not findings, report(findings)


def test_words(root: Path) -> None:
    """No text file holds unfinished work, a package registry or a path of one machine."""
    findings = [finding for source in text_sources(root) for finding in style.words(source)]
    assert not findings, report(findings)


def test_top_level_is_fixed(root: Path) -> None:
    """The top of the checkout has the expected entries and no others."""
    findings = whole.top_level(tracked_paths(root))
    assert not findings, report(findings)


def lines_of(count: int) -> str:
    """Body of a function of ``count`` lines."""
    return "    x = 1\n" * count


CANARIES: list[tuple[Rule, str, str, str]] = [
    (
        imports.directions,
        "sensing/demand/a.py",
        "from flows import topology",
        "sensing.demand may not know flows.topology",
    ),
    (imports.directions, "sensing/contracts/a.py", "import sensing.jit", "sensing.contracts may not know sensing.jit"),
    (
        imports.directions,
        "sensing/supply/a.py",
        "from sensing.demand import models",
        "may not know sensing.demand.models",
    ),
    (imports.directions, "sensing/state/a.py", "from . import rows", "sensing.state may not know"),
    (
        imports.directions,
        "sensing/supply/a.py",
        "import sensing.codec.message_reader",
        "may not know sensing.codec.message_reader",
    ),
    (imports.directions, "sensing/codec/a.py", "from sensing.state import zones", "may not know sensing.state.zones"),
    (imports.directions, "sensing/new/a.py", "def f():\n    import sensing.jit", "no room is named sensing.new.a"),
    (imports.directions, "sinks/a.py", "from sensing.machines.shard import ShardMachine", "sinks may not know"),
    (imports.directions, "flows/a.py", "from benchmarks import workloads", "flows may not know benchmarks.workloads"),
    (imports.directions, "benchmarks/a.py", "import tests.oracles", "benchmarks may not know tests.oracles"),
    (imports.directions, "extras/a.py", "x = 1", "no room is named extras.a"),
    (
        imports.demo,
        "flows/a.py",
        "from flows.demo.inputs import write_inputs",
        "flows.a may not know flows.demo.inputs",
    ),
    (imports.purity, "sensing/a.py", "import time", "time is not known to be"),
    (imports.purity, "sensing/a.py", "from os import environ", "os.environ is not known to be"),
    (imports.purity, "sensing/a.py", "import bytewax.operators as op", "bytewax.operators is not known to be"),
    (imports.purity, "sensing/a.py", "x = hash('a')", "hash() in the pure core"),
    (imports.purity, "sensing/a.py", "x = open('a')", "open() in the pure core"),
    (imports.purity, "sensing/a.py", "x = dt.datetime.now(dt.UTC)", ".now in the pure core"),
    (imports.purity, "sensing/a.py", "x = np.random.default_rng(1)", ".random in the pure core"),
    (imports.purity, "sensing/kernel_cache.py", "import socket", "socket is not known to be"),
    (style.sizes, "flows/a.py", "x = 1\n" * 401, "a.py:1: 401 lines"),
    (style.sizes, "flows/a.py", "x = 1" + " " * 116, "a.py:1: 121 columns"),
    (style.sizes, "flows/a.py", "def f():\n" + lines_of(60), "f has 61 lines. Fix: split it at 60"),
    (style.sizes, "flows/a.py", "@kernel\ndef f():\n" + lines_of(70), "f has 71 lines. Fix: split it at 70"),
    (style.words, "README.md", "so far\n" + "TO" + "DO: more", "README.md:2: 'TO" + "DO' is unfinished work"),
    (style.words, "Makefile", "pip install --index" + "-url x", "package registry"),
    (style.words, "README.md", "https://py" + "pi.org/simple", "package registry"),
    (style.words, "flows/a.py", "x = '/ro" + "ot/data'", "path of one machine"),
    (style.words, "flows/a.py", "x = '/ho" + "me/ann/data'", "path of one machine"),
    (style.suppressions, "flows/a.py", "x = 1  # no" + "qa", "suppressed check"),
    (style.suppressions, "flows/a.py", "x = 1  # no" + "qa: E501", "suppressed check"),
    (style.suppressions, "flows/a.py", "x = 1  # type" + ": ignore[attr-defined]", "suppressed check"),
    (style.suppressions, "flows/a.py", "x = 1  # type" + ": ignore  # no code", "suppressed check"),
    (style.promises, "tests/a.py", "def test_a():\n    pass", "a.py:1: test_a has no docstring"),
]


@pytest.mark.parametrize(("rule", "path", "text", "expected"), CANARIES)
def test_rules_find_their_canaries(rule: Rule, path: str, text: str, expected: str) -> None:
    """Each rule finds the text that breaks it, once, and says where and what to do."""
    findings = rule(Source(path, text))
    assert len(findings) == 1
    assert expected in findings[0]
    assert findings[0].startswith(f"{path}:")


GOOD: list[tuple[Rule, str, str]] = [
    (
        imports.directions,
        "sensing/demand/a.py",
        "from sensing.demand.b import c\nfrom sensing.state import rows\nimport os",
    ),
    (imports.directions, "sensing/supply/a.py", "from sensing.demand.distribution import quantile"),
    (imports.directions, "sensing/machines/a.py", "from sensing.codec.event_record import Batch"),
    (imports.directions, "sensing/supply/a.py", "from sensing.codec.event_record import THOUSANDTHS"),
    (imports.directions, "sensing/state/a.py", "from sensing.codec.instants import rfc3339"),
    (imports.demo, "flows/cli/a.py", "from flows.demo.inputs import write_inputs"),
    (imports.purity, "sensing/a.py", "import numpy as np\nfrom datetime import UTC, datetime\nfrom sensing import jit"),
    (imports.purity, "sensing/kernel_cache.py", "import os\nx = os.environ"),
    (imports.purity, "flows/a.py", "import time\nx = time.time()"),
    (style.sizes, "flows/a.py", 'def f():\n    """One.\n' + "\n" * 80 + '    """\n' + lines_of(59)),
    (style.sizes, "flows/a.py", "@kernel\ndef f():\n" + lines_of(69)),
    (style.sizes, "flows/a.py", "@lean_kernel\ndef f():\n" + lines_of(69)),
    (style.words, "README.md", "see https://example.org/wo" + "rk/home and the ro" + "ot/ of things"),
    (style.suppressions, "flows/a.py", "x = 1  # no" + "qa: E501 - a table reads better"),
    (style.suppressions, "flows/a.py", "x = 1  # type" + ": ignore[attr-defined]  # made at run time"),
    (style.promises, "tests/a.py", 'def test_a():\n    """It holds."""'),
]


@pytest.mark.parametrize(("rule", "path", "text"), GOOD)
def test_rules_leave_good_code_alone(rule: Rule, path: str, text: str) -> None:
    """No rule reports text that keeps it."""
    assert rule(Source(path, text)) == []


def test_whole_rules_find_their_canaries() -> None:
    """The rules find an unknown top-level entry, a kernel without a test and an unused module, and nothing else."""
    kernel = Source("sensing/a.py", "@kernel\ndef lonely(x):\n    return x\n")
    lean = Source("sensing/a.py", "@lean_kernel\ndef lonely(x):\n    return x\n")
    test = Source("tests/test_a.py", "from sensing.a import lonely\n")
    user = Source("flows/cli/main.py", "from sensing import a\n")

    assert whole.top_level(["README.md", "notes/a.md"])[0].startswith("notes:1: not part of the house")
    assert whole.top_level(["README.md", "flows/a.py"]) == []
    assert "no test names the kernel lonely" in whole.untested_kernels([kernel])[0]
    assert "no test names the kernel lonely" in whole.untested_kernels([lean])[0]
    assert whole.untested_kernels([kernel, test]) == []
    assert "nothing imports sensing.a" in whole.dead_modules([kernel, test])[0]
    assert whole.dead_modules([kernel, user]) == []


def test_tracked_files_are_seen(root: Path) -> None:
    """The rules look at real files: this one among them."""
    assert "tests/test_tidy.py" in {source.path for source in text_sources(root) + python_sources(root)}
