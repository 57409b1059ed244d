"""Settings from file, environment and flags: precedence, origin, and refusals."""

import re
from pathlib import Path

import pytest

from flows.service.settings import RunSettings
from flows.service.settings_load import load
from flows.service.settings_sources import FIELDS, TABLES, from_environment, section, variable_of
from sinks.errors import UsageError
from tests.flows.service.files import config


def test_without_anything_all_is_default() -> None:
    """No file is looked for; nothing has an origin."""
    resolved = load()
    assert (resolved.settings, resolved.origins) == (RunSettings(), {})


def test_flags_stand_above_the_environment_and_that_above_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each value comes from the highest place that gives it, and its origin says which."""
    file = config(tmp_path, '[http]\nport = 1\nhost = "::1"\n[kafka]\ngroup_id = "file"\ntopic_prefix = "p."\n')
    monkeypatch.setenv("TIDEGAUGE_HTTP__PORT", "2")
    monkeypatch.setenv("TIDEGAUGE_KAFKA__GROUP_ID", "environment")

    settings, origins = load(file, [("--set", "http.port", "3"), ("--set", "http.port", "4")])

    assert (settings.http.port, settings.http.host) == (4, "::1")
    assert (settings.kafka.group_id, settings.kafka.topic_prefix) == ("environment", "p.")
    assert origins == {
        ("http", "port"): "--set",
        ("http", "host"): f"{file}:3",
        ("kafka", "group_id"): "environment TIDEGAUGE_KAFKA__GROUP_ID",
        ("kafka", "topic_prefix"): f"{file}:6",
    }


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TIDEGAUGE_CONFIG is read where no file is given, and only there."""
    named = config(tmp_path, "[http]\nport = 1\n")
    other = tmp_path / "other.toml"
    other.write_text("")
    monkeypatch.setenv("TIDEGAUGE_CONFIG", str(named))

    assert load().settings.http.port == 1
    assert load(other).settings.http.port == RunSettings().http.port


def test_client_settings_may_be_written_in_every_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quoted, nested and inline names in the file, underscores in the environment, dots in flags: all are one table."""
    file = config(
        tmp_path,
        """
        [kafka.client]
        "socket.timeout.ms" = 1000
        socket.keepalive.enable = true
        [kafka]
        consumer = { "fetch.min.bytes" = 7 }
        [redis]
        url = "redis://h"
        [redis.client]
        socket_timeout = 1.5
        """,
    )
    monkeypatch.setenv("TIDEGAUGE_KAFKA__CLIENT__METADATA_MAX_AGE_MS", "5000")
    monkeypatch.setenv("TIDEGAUGE_KAFKA__CLIENT__LOG_LEVEL", "3")
    monkeypatch.setenv("TIDEGAUGE_REDIS__CLIENT__HEALTH_CHECK_INTERVAL", "30")

    settings, origins = load(
        file,
        [
            ("--set", "kafka.producer.linger.ms", "9"),
            ("--set", "redis.client.client_name", "a"),
            ("--set", "redis.client.socket_keepalive", "true"),
        ],
    )

    assert settings.kafka.client == {
        "socket.timeout.ms": "1000",
        "socket.keepalive.enable": "true",
        "metadata.max.age.ms": "5000",
        "log_level": "3",
    }
    assert (settings.kafka.consumer, settings.kafka.producer) == ({"fetch.min.bytes": "7"}, {"linger.ms": "9"})
    assert settings.redis.client == {
        "socket_timeout": 1.5, "health_check_interval": 30, "client_name": "a", "socket_keepalive": True,
    }  # fmt: skip
    assert origins["kafka", "client", "socket.keepalive.enable"] == f"{file}:4"
    assert origins["kafka", "consumer", "fetch.min.bytes"] == f"{file}:6"


@pytest.mark.parametrize("path", [path for path in FIELDS if path not in TABLES], ids=".".join)
def test_every_setting_has_its_variable(path: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment reaches every setting, and its variable leads back to it."""
    variable = f"TIDEGAUGE_{path[0].upper()}__{path[1].upper()}"
    assert variable_of(path) == variable
    monkeypatch.setenv(variable, "x")
    assert [(given.path, given.value, given.origin) for given in from_environment()] == [
        (path, "x", f"environment {variable}")
    ]


def test_variables_of_no_setting_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a section or outside of any; what has no section is none of ours."""
    monkeypatch.setenv("TIDEGAUGE_ENGIN__SHARDS", "4")
    monkeypatch.setenv("TIDEGAUGE_HTTP__PROT", "4")
    monkeypatch.setenv("TIDEGAUGE_OTHER", "4")
    monkeypatch.setenv("TIDEGAUGE_HTTP", "4")
    with pytest.raises(UsageError) as error:
        load()
    assert str(error.value).splitlines() == [
        "2 settings cannot be used:",
        "  engin.shards (environment TIDEGAUGE_ENGIN__SHARDS): there is no such setting; "
        "did you mean engine.shards or engine.skew_hours?",
        "  http.prot (environment TIDEGAUGE_HTTP__PROT): there is no such setting; "
        "did you mean http.port or http.host?",
    ]


def test_every_setting_is_described() -> None:
    """Every setting has a description, one sentence."""
    assert all((field.description or "").endswith(".") for field in FIELDS.values())
    assert {path[0] for path in FIELDS} == {"kafka", "redis", "engine", "http", "log"}
    assert all(section(path[0]).__doc__ for path in FIELDS)


REFUSED = [
    ("[http]\nport = 70000", "http.port ({file}:2): required a whole number from 0 to 65,535, got 70000"),
    ("[http]\nport = true", "http.port ({file}:2): required a whole number from 0 to 65,535, got True"),
    ("[http]\nport = 'x'", "http.port ({file}:2): required a whole number from 0 to 65,535, got 'x'"),
    ("[http]\nhost = ''", "http.host ({file}:2): required a host name or an address of this machine, got ''"),
    ("[log]\nlevel = 'loud'", "log.level ({file}:2): required one of debug, info, warning, error, got 'loud'"),
    ("[engine]\nepoch_seconds = 20", "engine.epoch_seconds ({file}:2): required a number from 0.05 to 10, got 20"),
    ("[engine]\ndead_band = nan", "engine.dead_band ({file}:2): required a number from 0 to 1, got nan"),
    (
        "[engine]\ntime_zone = 'Mars'",
        "engine.time_zone ({file}:2): required a name of the IANA time zone database, such as Europe/London, "
        "got 'Mars'",
    ),
    (
        "[engine]\nquiet_until = 2020-01-01T00:00:00",
        "engine.quiet_until ({file}:2): required a date or RFC 3339 with an offset, "
        "such as 2011-12-10T00:00:00Z, got '2020-01-01T00:00:00'",
    ),
    (
        "[engine]\nhorizon_days = 20\nline_horizon_days = 10",
        "engine (settings): required engine.line_horizon_days of at least engine.horizon_days, which is 20, got 10; "
        "late versions of forgotten lines would count twice",
    ),
    (
        "[engine]\nshards = 2\nsink_partitions = 4",
        "engine (settings): required engine.sink_partitions of at most engine.shards + 1, which is 3, got 4; "
        "others would have nothing to send",
    ),
    (
        "[kafka]\nbootstrap_servers = 'here'",
        "kafka.bootstrap_servers ({file}:2): required HOST:PORT, or several with commas between them, got 'here'",
    ),
    ("[kafka]\ntopic_prefix = 'a b'", "kafka.topic_prefix ({file}:2): required up to 100 of A-Z a-z 0-9 . _ -"),
    ("[kafka]\ngroup_id = ''", "kafka.group_id ({file}:2): required a name, got none"),
    ("[kafka]\nclient = 3", "kafka.client ({file}:2): required a table of librdkafka settings, got a int"),
    ("kafka = 3", "kafka ({file}:1): required a section with settings in it, got a value"),
    (
        "[kafka.client]\n'debug' = []",
        "kafka.client.debug ({file}:2): required a text, a number, true or false, got a list",
    ),
    (
        "[redis]\nurl = 'redis://h'\n[redis.client]\ndb = []",
        "redis.client.db ({file}:4): required a text, a number, true or false, got a list",
    ),
    (
        "[redis]\nurl = 'http://h'",
        "redis.url ({file}:2): required redis://HOST:PORT/DB, rediss:// (TLS) or unix:// with a path, got 'http://h'",
    ),
    ("[redis]\nurl = 'redis://h:x'", "redis.url ({file}:2): required redis://HOST:PORT/DB, rediss:// (TLS) or unix://"),
    (
        "[kafka.consumer]\n'enable.auto.commit' = true",
        "kafka.consumer.enable.auto.commit ({file}:2): required false, which the engine sets itself: "
        "the engine keeps its own offsets, and commits them for lag tools only, got a value; remove it",
    ),
    (
        "[kafka.client]\n'bootstrap.servers' = 'a:1'",
        "kafka.client.bootstrap.servers ({file}:2): required kafka.bootstrap_servers instead, got a client setting; "
        "remove it and set kafka.bootstrap_servers",
    ),
    (
        "[kafka.producer]\n'transactional.id' = 'a'",
        "kafka.producer.transactional.id ({file}:2): required no value: the engine names its transactions itself, "
        "got one; remove it",
    ),
    (
        "[redis.client]\ndecode_responses = true",
        "redis.client.decode_responses ({file}:2): required no value: the view is read as bytes, got one; remove it",
    ),
    ("[http]\nprot = 1", "http.prot ({file}:2): there is no such setting; did you mean http.port or http.host?"),
    ("[htpp]\nport = 1", "htpp.port ({file}:2): there is no such setting; did you mean http.port or http.host?"),
    ("[reddis]", "reddis ({file}:1): there is no such setting; did you mean redis or redis.url?"),
    ("[http.tls]\nx.y = 1", "http.tls.x.y ({file}:2): there is no such setting; there are host, port"),
    ("xyzzy = 1", "xyzzy ({file}:1): there is no such setting; there are kafka, redis, engine, http, log"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text.splitlines()[-1] for text, _ in REFUSED])
def test_what_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """A refusal names the setting, file and line, what is legal and what was got."""
    file = config(tmp_path, text)
    with pytest.raises(UsageError) as error:
        load(file)
    assert str(error.value).startswith(message.format(file=file))


def test_all_refusals_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One start shows all that is wrong, wherever it was given, in order of the names."""
    file = config(tmp_path, "[http]\nport = -1\n[engin]\nshards = 4\n")
    monkeypatch.setenv("TIDEGAUGE_LOG__LEVEL", "loud")
    with pytest.raises(UsageError) as error:
        load(file, [("--set", "engine.shards", "many")])
    assert str(error.value).splitlines() == [
        "4 settings cannot be used:",
        f"  engin.shards ({file}:4): there is no such setting; did you mean engine.shards or engine.skew_hours?",
        "  engine.shards (--set): required a whole number from 1 to 256, got 'many'",
        f"  http.port ({file}:2): required a whole number from 0 to 65,535, got -1",
        "  log.level (environment TIDEGAUGE_LOG__LEVEL): required one of debug, info, warning, error, got 'loud'",
    ]


def test_long_values_are_cut(tmp_path: Path) -> None:
    """An error shows the start of what it got, not pages of it."""
    with pytest.raises(UsageError, match=r"got 'x{79}\.\.\.$"):
        load(config(tmp_path, f"[log]\nlevel = '{'x' * 5000}'"))


def test_a_missing_underscore_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that lacks an underscore is refused, unless Kubernetes made it."""
    monkeypatch.setenv("TIDEGAUGE_HTTP_PORT", "tcp://10.0.0.7:9464")
    monkeypatch.setenv("TIDEGAUGE_SERVICE_HOST", "10.0.0.7")
    assert load().settings == RunSettings()

    monkeypatch.setenv("TIDEGAUGE_HTTP_PORT", "9999")
    with pytest.raises(UsageError) as error:
        load()
    assert str(error.value) == (
        "http.port (environment TIDEGAUGE_HTTP_PORT): required two underscores after the section, got one; "
        "name it TIDEGAUGE_HTTP__PORT"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "required a file of settings, got No such file or directory; give the path of one"),
        (b"[http]\nport 1", "required TOML (toml.io), got Expected '=' after a key"),
        (b"\xff", "required TOML (toml.io), got 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, message: str
) -> None:
    """Its path and the flag or the variable that named it are in the error."""
    file = tmp_path / "engine.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as error:
        load(file)
    assert str(error.value).startswith(f"--config {file}: {message}")

    monkeypatch.setenv("TIDEGAUGE_CONFIG", str(file))
    with pytest.raises(UsageError) as error:
        load()
    assert str(error.value).startswith(f"TIDEGAUGE_CONFIG {file}: {message}")


def test_the_documented_settings_file_works(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What flows/README.md shows as a file of settings is one."""
    (example,) = re.findall(r"```toml\n(.*?)```", (root / "flows" / "README.md").read_text(), re.DOTALL)
    (tmp_path / "redis").write_text("pw")
    monkeypatch.setenv("KAFKA_PASSWORD", "pw")

    settings = load(config(tmp_path, example.replace("/run/secrets", str(tmp_path)))).settings

    assert settings.kafka.consumer_config()["sasl.password"] == "pw"
    assert (settings.redis.client_config() or {})["username"] == "tidegauge"


def test_what_the_libraries_refuse_is_refused(tmp_path: Path) -> None:
    """Names and values that only the clients can judge are tried, all of them, without connecting to anything."""
    file = config(
        tmp_path,
        """
        [kafka.client]
        "no.such" = 1
        "socket.timeout.ms" = -1
        [kafka.producer]
        "linger.ms" = "soon"
        [redis]
        url = "redis://h"
        [redis.client]
        no_such = 1
        """,
    )
    with pytest.raises(UsageError) as error:
        load(file)
    assert str(error.value).splitlines() == [
        "4 settings cannot be used:",
        f'  kafka.client.no.such ({file}:3): librdkafka says: No such configuration property: "no.such"',
        f'  kafka.client.socket.timeout.ms ({file}:4): librdkafka says: Configuration property "socket.timeout.ms" '
        "value -1 is outside allowed range 10..300000",
        f"  kafka.producer.linger.ms ({file}:6): librdkafka says: Invalid value for configuration property "
        '"queue.buffering.max.ms"',
        f"  redis.client.no_such ({file}:10): redis-py says: "
        "AbstractConnection.__init__() got an unexpected keyword argument 'no_such'",
    ]


def test_what_does_not_fit_together_in_a_client_is_refused(tmp_path: Path) -> None:
    """What is wrong with no single setting is told of the table."""
    file = config(tmp_path, '[kafka.client]\n"security.protocol" = "SASL_PLAINTEXT"\n"sasl.mechanism" = "PLAIN"\n')
    with pytest.raises(UsageError) as error:
        load(file)
    assert str(error.value) == ("kafka.client (settings): librdkafka says: sasl.username and sasl.password must be set")
