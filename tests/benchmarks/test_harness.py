"""Results of benchmarks are complete, and tables in documents agree with them."""

import json
import re
import sys
import types
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import harness, readme, tables
from benchmarks.__main__ import main
from benchmarks.servers.install import Missing

MACHINE = harness.Machine(cpu="a processor", cpus=2, system="Linux x86_64")
RESULT = harness.Result(
    name="example",
    size="full",
    seed=1,
    sizes={"rows": 50_000},
    figures={"events_per_second": 1234567.8, "row_bytes": 1016, "close_us": 4.5678, "verdict": "exact"},
    answer_sha256="0123456789abcdef",
    peak_rss_mib=123.4,
    started="2026-01-05T10:00:00+00:00",
    revision=None,
    machine=MACHINE,
    versions={"python": "3.12.1"},
)


def plant(monkeypatch: pytest.MonkeyPatch, returned: dict[str, object]) -> None:
    """Put a benchmark named ``planted`` in place that returns ``returned``."""
    module = types.ModuleType("benchmarks.planted")
    module.run = lambda size: returned  # type: ignore[attr-defined]  # a module made here has no attributes yet
    monkeypatch.setitem(sys.modules, "benchmarks.planted", module)


def test_discovers_modules_that_run(tmp_path: Path) -> None:
    """A module is a benchmark if it defines ``run``; nothing is imported to find out."""
    (tmp_path / "one.py").write_text('"""First line.\n\nMore."""\nimport nowhere\ndef run(size): ...\n')
    (tmp_path / "tool.py").write_text("def walk(size): ...\n")
    assert harness.discover(tmp_path) == {"one": "First line."}
    assert "generate" in harness.discover()
    assert not {"harness", "workloads", "ndjson", "readme"} & set(harness.discover())


def test_result_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are kept apart from answer, seed and sizes; machine and versions are added; numpy values are numbers."""
    plant(
        monkeypatch, {"answer": [1, 2], "seed": 3, "sizes": {"rows": np.int64(4)}, "rate_per_second": np.float64(5.5)}
    )
    result = harness.measure("planted", "smoke")
    assert (result.seed, result.sizes, result.figures) == (3, {"rows": 4}, {"rate_per_second": 5.5})
    assert result.machine.cpus >= 1
    assert result.peak_rss_mib > 1
    assert {"python", "numpy", "numba", "river", "bytewax"} <= set(result.versions)


def test_answer_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure without an answer is refused: nobody could see that a speed-up changed it."""
    plant(monkeypatch, {"rate_per_second": 1.0})
    with pytest.raises(ValueError, match="must return the key 'answer'"):
        harness.measure("planted", "smoke")


def test_groups_of_figures_are_flattened() -> None:
    """Figures in a group carry its name."""
    assert harness.flat({"a": 1, "coverage": {"0.95": 0.94, "by": {"x": 2}}}) == {
        "a": 1,
        "coverage.0.95": 0.94,
        "coverage.by.x": 2,
    }


def test_a_server_that_is_not_installed_is_missing_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for everything gets what can run here; the text says what to install."""
    plant(monkeypatch, {})

    def run(_size: str) -> dict[str, object]:
        msg = "Redis: required redis-server"
        raise Missing(msg)

    monkeypatch.setattr(sys.modules["benchmarks.planted"], "run", run)
    with pytest.raises(harness.MissingInput, match="benchmark 'planted': Redis: required redis-server"):
        harness.measure("planted", "smoke")


def test_missing_input_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark without its input says where it looked; that fails the command only if it was asked for by name."""
    plant(monkeypatch, {"missing": "no data in /nowhere"})
    with pytest.raises(harness.MissingInput, match="'planted': no data in /nowhere"):
        harness.measure("planted", "smoke")

    def missing(name: str, size: str) -> harness.Result:
        raise harness.MissingInput(name + size)

    monkeypatch.setattr(harness, "run_isolated", missing)
    assert CliRunner().invoke(main, []).exit_code == 0
    assert CliRunner().invoke(main, ["generate"]).exit_code == 1


def test_answer_hash_sees_values_only() -> None:
    """The hash depends on values, not on the order of keys or the kind of list."""
    assert harness.answer_sha256({"a": 1, "b": [1.5]}) == harness.answer_sha256({"b": np.array([1.5]), "a": 1})
    assert harness.answer_sha256({"a": 1}) != harness.answer_sha256({"a": 2})
    assert harness.answer_sha256(b"x") != harness.answer_sha256("x")


def test_runs_in_its_own_process() -> None:
    """The smoke size of the generator runs twice with the same answer, in little memory."""
    first, second = (harness.run_isolated("generate", "smoke") for _ in range(2))
    assert first.answer_sha256 == second.answer_sha256
    assert first.peak_rss_mib < 300
    assert first.figures["bytes_per_line"] == second.figures["bytes_per_line"]


def test_failing_benchmark_is_reported() -> None:
    """A benchmark that fails says so with the end of its output."""
    with pytest.raises(RuntimeError, match=r"'nowhere' \(smoke\) ended with code 1"):
        harness.run_isolated("nowhere", "smoke")


def test_command_prints_table_and_json() -> None:
    """The command prints a table or JSON, and names what there is when asked for what there is not."""
    run = CliRunner().invoke
    table = run(main, ["generate", "--smoke"])
    results = json.loads(run(main, ["generate", "--json"]).output)
    unknown = run(main, ["nowhere"])
    assert table.exit_code == 0
    assert "lines_per_second" in table.output
    assert [result["name"] for result in results] == ["generate"]
    assert "generate" in run(main, ["list"]).output
    assert unknown.exit_code == 2
    assert "there are: " in unknown.output


def plant_documents(root: Path) -> None:
    """Put every document that has generated tables below ``root``, with nothing in them."""
    for file in (readme.RESULTS, *readme.documents()):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        names = [name for name, table in tables.TABLES.items() if table.file == file]
        (root / file).write_text("".join(f"<!-- code:{name} -->\n<!-- /code -->\n" for name in names))
    (root / readme.RESULTS).write_text("<!-- bench:example -->\n<!-- /bench -->\n")


def test_command_writes_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``readme RESULT.json`` replaces the table of that benchmark, and all tables that are made from code."""
    monkeypatch.setattr(harness, "ROOT", tmp_path)
    plant_documents(tmp_path)
    (tmp_path / "result.json").write_bytes(msgspec.json.encode([RESULT]))
    done = CliRunner().invoke(main, ["readme", str(tmp_path / "result.json")])
    assert done.exit_code == 0
    assert "| close us | 4.57 |" in (tmp_path / readme.RESULTS).read_text()
    written = (tmp_path / "flows/README.md").read_text()
    assert "| `http.port` | `9464` | a whole number from 0 to 65,535 | " in written
    assert "| `tidegauge_dead_letters_total` | counter | reason | Events refused, by reason. |" in written
    contracts = (tmp_path / "sensing/contracts/README.md").read_text()
    assert "| `audit` | out | 4 | **cleanup.policy=delete**, retention.ms=31536000000 |" in contracts
    assert "| orders | `order.placed` | `event_time`, `sku`, `location`, `quantity` | A line was ordered." in contracts


@pytest.mark.parametrize("file", readme.documents())
def test_tables_made_from_code_are_those_of_the_code(file: str, root: Path) -> None:
    """The documents name every setting, metric, event type and topic as the code has them."""
    text = (root / file).read_text()
    assert text == readme.render_code(text, file), f"{file} is stale. Fix: python -m benchmarks readme"


def test_every_table_of_results_has_its_benchmark(root: Path) -> None:
    """A benchmark whose table has a place in RESULTS.md exists."""
    shown = set(re.findall(r"<!-- bench:(\w+) -->", (root / readme.RESULTS).read_text()))
    assert shown <= set(harness.discover())


def test_tables_are_replaced_in_place() -> None:
    """Only the table of the result changes, and rendering twice changes nothing more."""
    text = "before\n<!-- bench:other -->\nkept\n<!-- /bench -->\n<!-- bench:example -->\nold\n<!-- /bench -->\nafter\n"
    once = readme.render(text, [RESULT])
    assert once == readme.render(once, [RESULT])
    assert once.startswith("before\n<!-- bench:other -->\nkept\n<!-- /bench -->\n")
    assert once.endswith("<!-- /bench -->\nafter\n")
    assert "old" not in once
    for row in (
        "| events per second | 1,234,568 |",
        "| row bytes | 1,016 |",
        "| close us | 4.57 |",
        "| verdict | exact |",
    ):
        assert row in once
    assert "`python -m benchmarks example --full`: rows 50,000. a processor, 2 CPUs" in once


def test_a_document_without_marker_is_refused() -> None:
    """A table that has no place in its document is not dropped silently."""
    with pytest.raises(ValueError, match=r"benchmarks/RESULTS.md: required the lines '<!-- bench:example -->'"):
        readme.render("no place\n", [RESULT])
    with pytest.raises(ValueError, match=r"flows/README.md: required the lines '<!-- code:settings -->'"):
        readme.render_code("no place\n", "flows/README.md")
