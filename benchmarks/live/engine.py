"""`tidegauge run` in a separate process, with access to its log, HTTP endpoint and processor time."""

import os
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.servers.process import HOST, Server, ServerError
from benchmarks.servers.use import Place

COMMAND = (sys.executable, "-c", "from flows.cli.main import main; main(prog_name='tidegauge')", "run")
SAMPLE_SECONDS = 0.05
POLL_SECONDS = 0.1


class Engine(Server):
    """The engine as a server process, on the topics and keys of a place.

    Parameters
    ----------
    settings
        Further settings by dotted name.
    until_end
        Read to the current end of all topics by event time, and stop.
    """

    def __init__(self, place: Place, settings: Mapping[str, object] | None = None, *, until_end: bool = False) -> None:
        super().__init__("engine", place.folder / "engine")
        given = {
            "kafka.bootstrap_servers": place.kafka,
            "kafka.topic_prefix": place.prefix,
            "kafka.group_id": f"{place.prefix}engine",
            "redis.url": place.redis,
            "redis.key_prefix": place.prefix,
            "http.port": self.port,
            "log.format": "json",
            "log.level": "debug",  # epochs of history are logged at this level
            **(settings or {}),
        }
        self._arguments = [part for name, value in given.items() for part in ("--set", f"{name}={value}")]
        if until_end:
            self._arguments += ["--until-end", "--event-time"]

    @property
    def address(self) -> str:
        """Address of its HTTP endpoint."""
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None, "the engine was started"
        return self._process.pid

    def _command(self) -> list[str]:
        # The engine must not inherit settings from the environment of the benchmark.
        others = [part for name in os.environ if name.startswith("TIDEGAUGE_") for part in ("-u", name)]
        return ["env", *others, *COMMAND, *self._arguments]

    def _answers(self) -> bool:
        return self.status("healthz") is not None

    def status(self, name: str) -> int | None:
        """HTTP status of a path; None without an answer."""
        try:
            with urllib.request.urlopen(f"{self.address}/{name}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def metrics(self) -> dict[str, float]:
        """Current values of all metrics, summed over labels."""
        with urllib.request.urlopen(f"{self.address}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    def said(self, event: str) -> list[dict[str, Any]]:
        """Log lines of one event."""
        lines = [orjson.loads(line) for line in self.log.read_bytes().splitlines() if line.startswith(b"{")]
        return [line for line in lines if line.get("event") == event]

    def ended(self, seconds_max: float) -> None:
        """Wait until the engine ends by itself.

        Raises
        ------
        ServerError
            The engine does not end in time, or ends with a code other than 0.
        """
        assert self._process is not None, "the engine was started"
        end = time.monotonic() + seconds_max
        while self._process.poll() is None and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        if (code := self._process.poll()) != 0:
            msg = f"engine: required its end with code 0 within {seconds_max:.0f} s, got {code}; its log ends with\n"
            raise ServerError(msg + self.log_tail())


class Epoch(NamedTuple):
    """End of an epoch: seconds since 1970, messages read up to there, and its length."""

    at: float
    read: int
    ms: float


def epochs(engine: Engine) -> list[Epoch]:
    """Epochs in which the engine read something, from its log."""
    found, read = [], 0
    for line in engine.said("epoch"):
        if line["records"]:
            read += line["records"]
            found.append(Epoch(datetime.fromisoformat(line["time"]).timestamp(), read, line["epoch_ms"]))
    return found


def await_read(engine: Engine, count: int, seconds_max: float) -> None:
    """Wait until the engine has read ``count`` messages and ended the epoch.

    Raises
    ------
    ServerError
        The engine has not read them in time.
    """
    end = time.monotonic() + seconds_max
    while time.monotonic() < end and engine.running:
        found = epochs(engine)
        if found and found[-1].read >= count:
            return
        time.sleep(POLL_SECONDS)
    msg = f"engine: required {count:,} messages read within {seconds_max:.0f} s, got {epochs(engine)[-1:]}; "
    raise ServerError(msg + f"its log ends with\n{engine.log_tail()}")


class Trail:
    """Processor time of a process over time, sampled until it ends; a context manager.

    Attributes
    ----------
    peak_rss_mib
        Largest resident memory seen.
    """

    def __init__(self, pid: int) -> None:
        self.peak_rss_mib = 0.0
        self._folder = Path(f"/proc/{pid}")
        self._samples: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Trail":
        """Start sampling."""
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop sampling."""
        self._stop.set()
        self._thread.join()

    def cpu_seconds(self, start: float, end: float) -> float:
        """Processor time of all threads between two instants, seconds since 1970."""
        times, spent = np.array(self._samples).T
        return float(np.interp(end, times, spent) - np.interp(start, times, spent))

    def _run(self) -> None:
        ticks = os.sysconf("SC_CLK_TCK")
        while not self._stop.wait(SAMPLE_SECONDS):
            try:
                # The name may contain spaces and brackets, so the fields are counted after it.
                stat = (self._folder / "stat").read_text().rpartition(")")[2].split()
                peak = (self._folder / "status").read_text().partition("VmHWM:")[2].split()
            except OSError:
                return
            if not peak:
                return  # The process has ended, but its parent has not read its exit code yet.
            self._samples.append((time.time(), (int(stat[11]) + int(stat[12])) / ticks))
            self.peak_rss_mib = float(peak[0]) / 1024
