"""What a run to the end has found and where it is, in a few lines. `tidegauge replay`, `demo` and `run --until-end` end
with them.
"""

from collections.abc import Mapping
from pathlib import Path

from sensing.outputs import AUDIT, DEAD_LETTERS, EXCEPTIONS, PARAMETERS
from sinks.finished_files import PARAMETERS_FILE


def replay_summary(rows: int, problems: Mapping[str, int], written: Mapping[str, int], folder: Path) -> list[str]:
    """Lines about the results of a replay; dead letters are last.

    Parameters
    ----------
    rows
        SKU-locations in the parameter table.
    problems
        Problems opened, by exception type.
    written
        Lines of every output file by topic.
    """

    def records(topic: str) -> str:
        return f"{counted(written.get(topic, 0), 'record')} in {folder / topic}.ndjson"

    return [
        f"problems: {sum(problems.values()):,}{_by_type(problems)}; {records(EXCEPTIONS)}",
        f"planning parameters: {counted(rows, 'SKU-location')} in {folder / PARAMETERS_FILE}; {records(PARAMETERS)}",
        f"audit: {records(AUDIT)}",
        dead_letters(written.get(DEAD_LETTERS, 0), f"{folder / DEAD_LETTERS}.ndjson"),
    ]


def dead_letters(count: int, where: str) -> str:
    """The line about dead letters; without any there is nothing to see."""
    return f"dead letters: {count:,}, see {where}" if count else "dead letters: none"


def _by_type(problems: Mapping[str, int]) -> str:
    ranked = sorted(problems.items(), key=lambda found: (-found[1], found[0]))
    return f" ({', '.join(f'{name} {count:,}' for name, count in ranked)})" if ranked else ""


def counted(number: int, what: str) -> str:
    """A number of things, in the plural but for one."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
