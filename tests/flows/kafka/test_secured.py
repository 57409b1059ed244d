"""Every command on a broker that asks for TLS and a password, with a Redis that asks for a user, through one file."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from benchmarks.servers import install
from benchmarks.servers.kafka import KafkaServer
from benchmarks.servers.process import HOST, free_port
from benchmarks.servers.redis import RedisServer
from tests.flows.kafka.service import MAIN, ROOT
from tests.flows.kafka.shop import write_lines
from tests.machines.business import business
from tests.servers.fixtures import serving

PASSWORD = "correct-horse"
STORE_PASSWORD = "battery-staple"
CONFIG = """
[kafka]
bootstrap_servers = "{address}"

[kafka.client]
security.protocol = "SASL_SSL"
ssl.ca.location = "{certificate}"
sasl.mechanism = "PLAIN"
sasl.username = "tidegauge"

[kafka.secrets]
sasl.password = "file:{secret}"

[redis]
url = "{redis}"

[redis.client]
username = "tidegauge"

[redis.secrets]
password = "env:REDIS_PASSWORD"

[engine]
shards = 2
sink_partitions = 2

[http]
port = 0
"""


def keytool(*arguments: str) -> None:
    """Java's own tool for keys and certificates."""
    program = Path(install.java()).resolve().with_name("keytool")
    subprocess.run([program, *arguments, "-storepass", STORE_PASSWORD], check=True, capture_output=True)


class SecuredKafka(KafkaServer):
    """A broker with a second listener, which asks for TLS and a password; the first one is for the test itself."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        keys, self.certificate = folder / "keys.p12", folder / "certificate.pem"
        name = ("-alias", "broker", "-keystore", str(keys))
        subject = ("-dname", "CN=broker", "-ext", f"san=ip:{HOST}", "-keyalg", "RSA", "-validity", "2")
        keytool("-genkeypair", *name, *subject, "-storetype", "PKCS12")
        keytool("-exportcert", *name, "-rfc", "-file", str(self.certificate))
        port, controller, self.secured = free_port(), f"{HOST}:{free_port()}", f"{HOST}:{free_port()}"
        login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        open_listener = f"PLAINTEXT://{HOST}:{port}"
        super().__init__(
            folder,
            {
                "listeners": f"{open_listener},SECURED://{self.secured},CONTROLLER://{controller}",
                "controller.quorum.voters": f"1@{controller}",
                "advertised.listeners": f"{open_listener},SECURED://{self.secured}",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL",
                "listener.name.secured.sasl.enabled.mechanisms": "PLAIN",
                "listener.name.secured.plain.sasl.jaas.config": f'{login} user_tidegauge="{PASSWORD}";',
                "ssl.keystore.location": str(keys),
                "ssl.keystore.type": "PKCS12",
                "ssl.keystore.password": STORE_PASSWORD,
            },
            port=port,
        )


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[SecuredKafka]:
    """A broker that asks for TLS and a password."""
    with serving(SecuredKafka, tmp_path / "kafka") as server:
        assert isinstance(server, SecuredKafka)
        yield server


def call(config: Path, *arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run ``tidegauge`` with a file of settings; what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGAUGE_")}
    command = [sys.executable, "-c", f"{before}\n{MAIN}", *arguments, "--config", str(config)]
    return subprocess.run(
        command, cwd=ROOT, env=environment | {"REDIS_PASSWORD": PASSWORD}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip


def test_every_command_logs_in(secured: SecuredKafka, own_redis: RedisServer, root: Path, tmp_path: Path) -> None:
    """Topics are made, filled, worked on and exported over TLS with a password; the view is kept by its own user.

    No secret is printed or logged.
    """
    (rule,) = re.findall(r"ACL SETUSER tidegauge on >PASSWORD ([^`\n]+)", (root / "sinks" / "README.md").read_text())
    secret, config, input_folder = tmp_path / "secret", tmp_path / "tidegauge.toml", tmp_path / "input"
    secret.write_text(PASSWORD + "\n")
    text = CONFIG.format(
        address=secured.secured, certificate=secured.certificate, secret=secret, redis=own_redis.address
    )
    config.write_text(text)
    write_lines(input_folder, business(seed=5, days=20))
    with Redis.from_url(own_redis.address) as client:
        client.execute_command("ACL", "SETUSER", "tidegauge", "on", f">{PASSWORD}", *rule.split())
        client.execute_command("ACL", "SETUSER", "default", "off")
    said = ""
    for arguments in (
        ("topics", "create"),
        ("load", str(input_folder)),
        ("run", "--check"),
        ("run", "--until-end", "--event-time"),
        ("export", "--output", str(tmp_path / "out")),
        ("topics", "check"),
    ):
        done = call(config, *arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        said += done.stdout + done.stderr
    assert PASSWORD not in said
    assert "**********" in said
    assert (tmp_path / "out" / "planning-parameters.parquet").exists()
    with Redis.from_url(own_redis.address, username="tidegauge", password=PASSWORD) as client:
        assert list(client.scan_iter(match="tidegauge:parameters:*", count=1000))

    secret.write_text("wrong\n")
    for command in (("topics", "check"), ("run", "--until-end", "--event-time")):
        refused = call(config, *command)
        assert refused.returncode == 1, refused
        assert "uthentication failed" in refused.stdout + refused.stderr
