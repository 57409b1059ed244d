"""An Apache Kafka broker (KRaft: broker and controller in one process)."""

import subprocess
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from benchmarks.servers import install
from benchmarks.servers.process import HOST, Server, ServerError, free_port

CLUSTER = "dGlkZWdhdWdlLXRlc3RzIQ"
QUICK = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Java options for a fast start, for tests, which start many brokers: serial collector, first compiler tier only."""
LASTING = ("-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
"""Java options for speed under load, as in Kafka's own scripts."""
# By default Kafka logs a line per partition. Error messages show the tail of the log, which must hold more than these.
LOG_OPTIONS = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.BrokerLifecycleManager=info",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
# A killed broker may come back when its session has ended.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# A quarter of the heap is set aside for compaction otherwise.
log.cleaner.dedupe.buffer.size=16777216
# Messages carry the times of their events, which may be years ago; what is older than a week is removed otherwise.
log.retention.ms=-1
"""


class KafkaServer(Server):
    """A broker of one node. Clients take its address as ``bootstrap.servers``. It creates no topics by itself.

    Parameters
    ----------
    properties
        Further broker settings, as in server.properties.
    java_options
        Heap, collector and compiler: ``QUICK`` or ``LASTING``.
    port
        By default a free one.
    """

    def __init__(
        self, folder: Path, properties: dict[str, str] | None = None, java_options: tuple[str, ...] = QUICK,
        port: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__("kafka", folder, port)
        self._start = java_command("kafka.Kafka", options=java_options)
        self._file = folder / "server.properties"
        self._data = folder / "data"
        text = PROPERTIES.format(host=HOST, port=self.port, controller_port=free_port(), data=self._data)
        self._file.write_text(text + "".join(f"{name}={value}\n" for name, value in (properties or {}).items()))

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.port}"

    def _command(self) -> list[str]:
        if not self._data.exists():
            format_data = java_command("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(self._file))
            done = subprocess.run(format_data, capture_output=True, text=True, check=False)
            if done.returncode:
                msg = f"kafka: required a formatted data folder, got\n{done.stdout}{done.stderr}"
                raise ServerError(msg)
        return [*self._start, str(self._file)]

    def _answers(self) -> bool:
        """Whether every partition has a leader. A restarted broker takes over its partitions one by one."""
        try:
            found = admin(self.address).list_topics(timeout=2)
        except KafkaException:
            return False
        return bool(found.brokers) and all(
            partition.leader >= 0 for topic in found.topics.values() for partition in topic.partitions.values()
        )


def java_command(main: str, *arguments: str, options: tuple[str, ...] = QUICK) -> list[str]:
    """The command that runs one of Kafka's programs.

    Raises
    ------
    Missing
        Java or Kafka's jars are not installed.
    """
    return [install.java(), *options, *LOG_OPTIONS, "-cp", f"{install.kafka_jars()}/*", main, *arguments]


def admin(address: str) -> AdminClient:
    """A client that creates, describes and deletes topics. It does not log to the terminal.

    Keep it until its futures are done, since they are cancelled with it.
    """
    return AdminClient({"bootstrap.servers": address, "log_level": 0})
