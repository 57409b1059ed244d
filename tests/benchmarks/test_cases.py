"""`python -m benchmarks cases`: which cases run, what is printed about them, and how it ends."""

from pathlib import Path

from click.testing import CliRunner

from benchmarks.cases import main


def printed(*arguments: str, code: int = 0) -> str:
    """Output of the command."""
    done = CliRunner().invoke(main, list(arguments))
    assert done.exit_code == code, done.output
    return done.output


def test_a_case_is_printed_with_everything_that_came_out() -> None:
    """Outcomes, dead letters with an example, exceptions with their life, rows with stock and parameters."""
    text = printed("--only", "confirmation-in-two-dates", "--only", "same-item-twice")
    assert text.index("=== confirmation-in-two-dates") < text.index("=== same-item-twice")
    for part in (
        "suppliers  read 5  absorbed 5", "supplier_delay E/DC", "opened low 2026-02-11T09:00", "row E/DC",
        "on hand 169", "reorder point", "published version", "row W/SHOP", "2026-01-20 27",
    ):  # fmt: skip
        assert part in text
    assert "as of       status" not in text


def test_history_lists_published_parameters() -> None:
    """With --history every publication of a row is a line."""
    text = printed("--only", "confirmation-in-two-dates", "--history")
    lines = [line for line in text.splitlines() if line.startswith("  2026-")]
    assert "reorder point" in text
    assert len(lines) > 3
    assert all("proposed" in line for line in lines)


def test_a_folder_of_files_is_one_case(tmp_path: Path) -> None:
    """Dead letters are grouped by reason, with topic, partition and offset of the first; a bad input is exit code 1."""
    (tmp_path / "orders.ndjson").write_bytes(b'{"event_id": 1}\nnonsense\n')
    text = printed(str(tmp_path))
    assert "dead letters 2" in text
    assert "not_json 1, e.g. orders:0:1 field None: required" in text
    (tmp_path / "orders.ndjson").rename(tmp_path / "dreams.ndjson")
    assert "failed: " in printed(str(tmp_path), code=1)


def test_an_unknown_case_is_named_with_those_there_are() -> None:
    """The message lists the cases of the folder."""
    done = printed("--only", "nothing", code=2)
    assert "no case named nothing" in " ".join(done.split())
    assert "epoch-seconds" in done
