"""A Redis server."""

from pathlib import Path

from redis import Redis
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError

from benchmarks.servers import install
from benchmarks.servers.process import HOST, Server


class RedisServer(Server):
    """A server whose address is a URL.

    A stop saves the data for the next start. A kill loses all changes after the last start.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__("redis", folder, port)
        self._program = install.redis()

    @property
    def address(self) -> str:
        """URL of database 0."""
        return f"redis://{HOST}:{self.port}/0"

    def _command(self) -> list[str]:
        settings = {"port": str(self.port), "bind": HOST, "dir": str(self.folder), "save": "3600 1", "databases": "16"}
        return [self._program, *(part for name, value in settings.items() for part in (f"--{name}", value))]

    def _answers(self) -> bool:
        try:
            with Redis.from_url(self.address, socket_timeout=1) as client:
                return bool(client.ping())
        except (BusyLoadingError, ConnectionError, TimeoutError):
            return False
