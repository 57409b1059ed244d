"""``python -m benchmarks [NAME ...] [--smoke|--full] [--json]``, ``list``, ``readme [RESULT.json ...]``, ``example``,
``cases [FOLDER]``.

Without a name all benchmarks run, each in its own process. ``--json`` prints a list of results, for ``readme`` to take:
it puts them into RESULTS.md and renews all tables that are made from code. ``example`` replays an item of the demo and
renews the picture and the records in README.md. ``cases`` replays small cases and prints what came out; it has options
of its own (``cases --help``).
"""

import sys
import tempfile
from pathlib import Path

import click
import msgspec

from benchmarks import cases, example, harness, picture, readme


def table(result: harness.Result) -> str:
    """Text of one result for a terminal."""
    about = [("size", result.size), ("seed", result.seed), *result.sizes.items()]
    rows = [
        *((name, readme.figure(value)) for name, value in result.figures.items()),
        ("peak_rss_mib", readme.figure(result.peak_rss_mib)),
        ("answer", result.answer_sha256[:12]),
    ]
    width = max(len(name) for name, _ in rows)
    head = f"{result.name} ({', '.join(f'{name} {value}' for name, value in about if value is not None)})"
    return "\n".join([head, *(f"  {name:<{width}}  {value:>14}" for name, value in rows)])


def write_readme(paths: tuple[str, ...]) -> None:
    """Put the results of the given JSON files, and the tables made from code, into the documents."""
    results = [
        result for path in paths for result in msgspec.json.decode(Path(path).read_bytes(), type=list[harness.Result])
    ]
    readme.write(harness.ROOT, results)


def write_example() -> None:
    """Replay the example; put its picture and its records into the documents."""
    with tempfile.TemporaryDirectory() as folder:
        replayed = example.replay_example(Path(folder))
    example.write_example(replayed, harness.ROOT, picture.draw(replayed))


def measure(names: tuple[str, ...], size: str, as_json: bool) -> bool:
    """Run benchmarks one after another and print their results; return whether none failed."""
    known = harness.discover()
    unknown = [name for name in names if name not in known]
    if unknown:
        msg = f"no benchmark named {', '.join(unknown)}; there are: {', '.join(known)}"
        raise click.UsageError(msg)
    results, failed = [], False
    for name in names or known:
        try:
            results.append(harness.run_isolated(name, size))
        except (harness.MissingInput, RuntimeError) as error:
            print(error, file=sys.stderr)
            # Without names, benchmarks without input are skipped. A benchmark asked for by name must run.
            failed |= bool(names) or isinstance(error, RuntimeError)
            continue
        if not as_json:
            print(table(results[-1]), flush=True)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(results)).decode())
    elif results:
        used = ", ".join(f"{name} {version}" for name, version in results[0].versions.items())
        where = results[0].machine
        print(f"{where.cpu}, {where.cpus} CPUs, {where.system}; {used}; revision {results[0].revision}")
    return not failed


@click.command(help=__doc__)
@click.argument("names", nargs=-1)
@click.option("--smoke", "size", flag_value="smoke", default="smoke", help="Seconds: does it run (the default).")
@click.option("--full", "size", flag_value="full", help="Minutes: the figures to publish.")
@click.option("--json", "as_json", is_flag=True, help="Print results as a JSON list.")
def main(names: tuple[str, ...], size: str, as_json: bool) -> None:
    """Dispatch on the first name."""
    match names:
        case ("list",):
            for name, about in harness.discover().items():
                print(f"{name:<20} {about}")
        case ("readme", *paths):
            write_readme(tuple(paths))
        case ("example",):
            write_example()
        case _:
            sys.exit(0 if measure(names, size, as_json) else 1)


if __name__ == "__main__":
    program = "python -m benchmarks"
    if sys.argv[1:2] == ["cases"]:
        cases.main(sys.argv[2:], prog_name=f"{program} cases")
    main(prog_name=program)
