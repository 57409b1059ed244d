"""A server as a child process that never outlives its parent."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TypeVar

HOST = "127.0.0.1"
START_SECONDS_MAX = 90.0
STOP_SECONDS_MAX = 30.0
LOG_TAIL_LINES = 40

# The watcher kills the server's process group when its own standard input ends, that is when its parent has ended.
WATCHER = ("sh", "-c", 'cat >/dev/null; kill -KILL "-$0"')


class ServerError(Exception):
    """A server did not start or stop. The text ends with the end of its log."""


class Server(ABC):
    """One server on this machine with a port, a data folder and a log of its own.

    Port and data stay the same over any number of stops and starts.

    Parameters
    ----------
    name
        Name in messages and reports.
    folder
        Folder of data and log; created if missing.
    port
        By default a free one.
    """

    def __init__(self, name: str, folder: Path, port: int | None = None) -> None:
        self.name = name
        self.port = port or free_port()
        self.folder = folder
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    @abstractmethod
    def address(self) -> str:
        """Address for clients."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Prepare files that the server needs; returns the command that starts it."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether the server works. Called once its port is open."""

    @property
    def running(self) -> bool:
        """Whether the server has a process, which may not answer yet."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start the server and wait until it answers.

        Raises
        ------
        ServerError
            The server ends, or does not answer within ``START_SECONDS_MAX``. Nothing is left running.
        """
        assert not self.running, f"{self.name} runs already"
        command = self._command()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            self._watcher = watch(self._process)
            self._wait_until_it_answers()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End the server as an operator would (SIGTERM), also a paused one. Does nothing if it does not run."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired as error:
            self.kill()
            msg = f"{self.name}: required an end within {STOP_SECONDS_MAX:.0f} s of SIGTERM, got none and killed it"
            msg += f"; its log ends with\n{self.log_tail()}"
            raise ServerError(msg) from error
        except BaseException:
            self.kill()
            raise
        self._forget()

    def kill(self) -> None:
        """End the server as a crash would (SIGKILL). Does nothing if it does not run."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._forget()

    def restart(self) -> None:
        """Stop the server and start it again on the same port and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Suspend the server (SIGSTOP). Connections stay open, but nothing answers."""
        assert self.running, f"{self.name} does not run"
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue a paused server (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def log_tail(self) -> str:
        """The last lines of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def remove_data(self) -> None:
        """Remove everything in the folder but the log."""
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != self.log:
                path.unlink()

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            assert self._process is not None
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _forget(self) -> None:
        """Release the process and its watcher. The watcher ends first, so that it cannot kill a reused process id."""
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.communicate()
        self._process = self._watcher = None

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + START_SECONDS_MAX
        while self.running and time.monotonic() < end:
            if port_is_open(self.port) and self._answers():
                return
            time.sleep(0.05)
        got = "no answer" if self.running else "its end"
        msg = f"{self.name}: required an answer at {self.address} within {START_SECONDS_MAX:.0f} s, got {got}"
        msg += f"; its log ends with\n{self.log_tail()}"
        raise ServerError(msg)


def watch(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    """Start a watcher that kills a process and its session when this process ends in any way.

    The caller must kill the watcher once the process has ended.
    """
    return subprocess.Popen([*WATCHER, str(process.pid)], stdin=subprocess.PIPE, start_new_session=True)


Kind = TypeVar("Kind", bound=Server)


@contextlib.contextmanager
def running(server: Kind) -> Iterator[Kind]:
    """Start a server. At the end stop it in any state and remove its data; the log stays."""
    try:
        yield server.start()
    finally:
        server.kill()
        server.remove_data()


def free_port() -> int:
    """A free port, below the range of ports for outgoing connections.

    In that range another program could get the port while its server is down.
    """
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with contextlib.suppress(OSError), socket.create_server((HOST, port)):
            return port
    msg = f"required a free port of 20000 to 31999 on {HOST}, got none in 100 tries"
    raise ServerError(msg)


def port_is_open(port: int) -> bool:
    """Whether a process listens on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False
