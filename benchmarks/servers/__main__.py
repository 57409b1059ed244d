"""Runs a Kafka and a Redis on their usual ports until Ctrl-C, for trying things out: ``make servers``."""

import contextlib
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.servers.install import Missing
from benchmarks.servers.kafka import LASTING, KafkaServer
from benchmarks.servers.process import ServerError, port_is_open, running
from benchmarks.servers.redis import RedisServer

KAFKA_PORT, REDIS_PORT = 9092, 6379


def main() -> int:
    """Run both servers with new data, which is deleted at the end; returns the exit code."""
    taken = [port for port in (KAFKA_PORT, REDIS_PORT) if port_is_open(port)]
    if taken:
        print(
            f"ports: required {KAFKA_PORT} and {REDIS_PORT} to be free, got a server on {taken[0]}; stop it, or use it"
        )
        return 1
    with tempfile.TemporaryDirectory(prefix="tidegauge-servers-") as name, contextlib.ExitStack() as stack:
        try:
            for server in (
                KafkaServer(Path(name) / "kafka", java_options=LASTING, port=KAFKA_PORT),
                RedisServer(Path(name) / "redis", port=REDIS_PORT),
            ):
                print(f"{server.name}: {stack.enter_context(running(server)).address}", flush=True)
        except (Missing, ServerError) as error:
            print(error)
            return 1
        print("Ctrl-C ends both, and what they hold.", flush=True)
        signal.pause()
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
