"""First hour: how long a new user waits for compiled kernels, for the first exceptions and for a service that is ready.

Every command is a process of its own. At full size the folder of compiled kernels is empty at first, as after an
installation. The demo replays its orders from files (smoke: the last 40 days). Then the same events are loaded into
Kafka, and `tidegauge run --until-end --event-time` reads them. Last, a service starts on topics with current orders and
becomes ready. Kernels that are compiled after the first step are counted: a user would wait for them unannounced.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.live import benchmark_topics, traffic
from benchmarks.live.engine import COMMAND, Engine
from benchmarks.live.traffic import Rows
from benchmarks.servers.process import ServerError, running
from benchmarks.servers.use import Place, serving
from sensing.kernel_cache import parent_folder
from sensing.outputs import EXCEPTIONS
from sinks.topic_tail import Tail

SEED = 11
DEMO = {"smoke": ["--days", "40"], "full": []}
ROWS = Rows(established=100, young=900)
SECONDS_MAX = 900.0
POLL_SECONDS = 0.05
PROGRAM = COMMAND[:-1]


def run(size: str) -> dict[str, object]:
    """Measure the commands in the order in which a new user calls them."""
    with serving() as place:
        if size == "full":
            os.environ["NUMBA_CACHE_DIR"] = str(place.folder / "kernels")
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", "flows.cli.warm_up"], check=True, capture_output=True)
        compile_seconds = time.monotonic() - started
        compiled = _compiled()
        demo = place.folder / "demo"
        figures = {
            "compile_seconds": compile_seconds,
            "compiled_kernels": compiled,
            "demo": _demo(demo, DEMO[size]),
            "kafka": _until_end(place.part("history"), demo / "input"),
            "service": _service(place.part("service")),
        }
        later = _compiled() - compiled
        lines = sum(file.read_bytes().count(b"\n") for file in (demo / "input").iterdir())
        return {
            "seed": SEED,
            "sizes": {"demo_lines": lines, "service_rows": ROWS.count},
            **figures,
            "kernels_compiled_later": later,
            "answer": benchmark_topics.digest(place._replace(prefix=f"{place.prefix}history."), [EXCEPTIONS]),
        }


def _demo(folder: Path, options: list[str]) -> dict[str, float]:
    """Seconds from the command to the first line of progress with exceptions, and to its end."""
    command = [*PROGRAM, "demo", "--output", str(folder), *options]
    started, first = time.monotonic(), 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not first and "exception records" in line and " 0 exception records" not in line:
                first = time.monotonic() - started
    assert process.returncode == 0, f"the demo ended with {process.returncode}"
    return {"first_exceptions_seconds": first, "end_seconds": time.monotonic() - started}


def _until_end(place: Place, folder: Path) -> dict[str, float]:
    """Seconds of the load, and from the start of the run to the first exception in Kafka and to its end."""
    kafka = ["--set", f"kafka.bootstrap_servers={place.kafka}", "--set", f"kafka.topic_prefix={place.prefix}"]
    subprocess.run([*PROGRAM, "topics", "create", *kafka], check=True, capture_output=True)
    started = time.monotonic()
    subprocess.run([*PROGRAM, "load", str(folder), *kafka], check=True, capture_output=True)
    loaded = time.monotonic() - started
    tail = Tail({"bootstrap.servers": place.kafka}, place.prefix, [EXCEPTIONS])
    tail.start({topic: state.low for topic, state in tail.look().items()})
    started = time.monotonic()
    with running(Engine(place, {"engine.time_zone": "Europe/London"}, until_end=True)) as engine:
        first = _await(lambda: bool(tail.read(1, POLL_SECONDS)), engine) - started
        engine.ended(SECONDS_MAX)
    tail.close()
    return {"load_seconds": loaded, "first_exception_seconds": first, "end_seconds": time.monotonic() - started}


def _service(place: Place) -> dict[str, float]:
    """Seconds from the start of a service to its first answer to a probe and to its readiness."""
    benchmark_topics.make(place, 4)
    benchmark_topics.fill_orders(place, [traffic.history(ROWS, time.time_ns() // 1_000_000, SEED)])
    started = time.monotonic()
    with running(Engine(place)) as engine:
        answers = time.monotonic() - started
        ready = _await(lambda: engine.status("readyz") == 200, engine) - started
    return {"first_answer_seconds": answers, "ready_seconds": ready}


def _await(condition: Callable[[], bool], engine: Engine) -> float:
    """Wait for a condition while the engine runs; returns when it held (monotonic seconds).

    Raises
    ------
    ServerError
        The condition did not hold in time.
    """
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end:
        if condition():
            return time.monotonic()
        if not engine.running:
            break
        time.sleep(POLL_SECONDS)
    msg = f"engine: required an answer within {SECONDS_MAX:.0f} s, got none; its log ends with\n{engine.log_tail()}"
    raise ServerError(msg)


def _compiled() -> int:
    return sum(1 for _ in parent_folder().rglob("*.nbc"))
