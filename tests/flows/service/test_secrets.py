"""Secrets come only from environment variables and files, and never appear in outputs."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from flows.cli.main import main
from flows.service.secrets import MASK, SECRET_BYTES_MAX, has_password, is_secret, masked
from flows.service.settings import RunSettings
from flows.service.settings_load import load
from sinks.errors import UsageError
from tests.flows.service.files import config

SECRET = "hunter2-Zq9"  # what is searched for in everything that is written
SASL = '"security.protocol" = "SASL_PLAINTEXT"\n"sasl.mechanism" = "PLAIN"\n"sasl.username" = "u"\n'


def check(*arguments: object) -> Any:
    """Result of ``tidegauge run --check``."""
    return CliRunner().invoke(main, ["run", "--check", *map(str, arguments)])


@pytest.mark.parametrize(
    "name",
    [
        "sasl.password",
        "ssl.key.password",
        "ssl.keystore.password",
        "ssl.key.pem",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.assertion.private.key.pem",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.config",
    ],
)
@pytest.mark.parametrize("table", ["client", "consumer", "producer"])
def test_a_kafka_secret_in_a_file_or_flag_is_refused(tmp_path: Path, table: str, name: str) -> None:
    """The refusal names the way to give it, and does not repeat it."""
    way = (
        "required no secret among the settings, got one; put it into an environment variable or a file, "
        f'and set kafka.secrets."{name}" = "env:NAME" or "file:PATH"'
    )
    file = config(tmp_path, f'[kafka.{table}]\n"{name}" = "{SECRET}"\n')

    in_file = check("--config", file)
    in_flag = check("--set", f"kafka.{table}.{name}={SECRET}")

    assert (in_file.exit_code, in_flag.exit_code) == (2, 2)
    assert f"kafka.{table}.{name} ({file}:2): {way}" in in_file.stderr
    assert f"kafka.{table}.{name} (--set): {way}" in in_flag.stderr
    assert SECRET not in in_file.output + in_flag.output


@pytest.mark.parametrize("name", ["password", "ssl_password"])
def test_a_redis_secret_in_a_file_or_flag_is_refused(tmp_path: Path, name: str) -> None:
    """So are passwords among the keywords of the Redis client."""
    for arguments in (
        ("--config", config(tmp_path, f'[redis]\nurl = "redis://h"\n[redis.client]\n{name} = "{SECRET}"\n')),
        ("--set", f"redis.client.{name}={SECRET}"),
    ):
        result = check(*arguments)
        assert result.exit_code == 2
        assert f'and set redis.secrets.{name} = "env:NAME" or "file:PATH"' in result.stderr
        assert SECRET not in result.output


URLS = [
    f"redis://:{SECRET}@h:6379/0",
    f"redis://user:{SECRET}@h",
    f"rediss://user:p@ss{SECRET}@h",
    f"redis://h?password={SECRET}",
    f"rediss://h?db=1&ssl_password={SECRET}&socket_timeout=1",
    f"unix://user:{SECRET}@/run/redis.sock",
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_with_a_password_is_refused_in_a_file_or_flag(tmp_path: Path, url: str) -> None:
    """The refusal shows the URL with its password masked, and both ways out."""
    for arguments in (("--config", config(tmp_path, f'[redis]\nurl = "{url}"\n')), ("--redis-url", url)):
        result = check(*arguments)
        assert result.exit_code == 2
        assert "required no password in a file of settings or a flag, got " in result.stderr
        assert MASK in result.stderr
        assert "TIDEGAUGE_REDIS__URL, or the password alone as redis.secrets.password" in result.stderr
        assert SECRET not in result.output


@pytest.mark.parametrize("url", URLS)
def test_a_url_with_a_password_may_come_from_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reaches the client and is listed masked."""
    monkeypatch.setenv("TIDEGAUGE_REDIS__URL", url)
    result = check()

    assert result.exit_code == 0, result.stderr
    assert MASK in result.stdout
    assert SECRET not in result.output
    settings = load().settings
    assert (settings.redis.client_config() or {})["url"] == url
    assert any(SECRET in text for text in settings.secret_texts())
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize("url", [f"redis//u:{SECRET}@h", f"u:{SECRET}@h:6379", f"redis://u:{SECRET}@h:port", SECRET])
def test_a_url_that_is_none_is_refused_without_its_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What may be a password stays hidden even where the URL is none."""
    monkeypatch.setenv("TIDEGAUGE_REDIS__URL", url)
    result = check()
    assert result.exit_code == 2
    assert "redis.url (environment TIDEGAUGE_REDIS__URL): required redis://" in result.stderr
    assert SECRET not in result.output


def test_references_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables and files, whose last line end does not count, reach the clients and nothing else."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("KAFKA_PASSWORD", SECRET)
    file = config(
        tmp_path,
        f'[kafka.client]\n{SASL}[kafka.secrets]\n"sasl.password" = "env:KAFKA_PASSWORD"\n'
        f'[redis]\nurl = "redis://h"\n[redis.secrets]\npassword = "file:{tmp_path}/secret"\n',
    )
    result = check("--config", file)
    settings = load(file).settings

    assert result.exit_code == 0, result.stderr
    assert '"sasl.password" = "env:KAFKA_PASSWORD"' in result.stdout
    assert f"{MASK}, {file}:6" in result.stdout
    assert SECRET not in result.output + repr(settings) + settings.model_dump_json()
    assert settings.kafka.consumer_config()["sasl.password"] == SECRET
    assert settings.kafka.producer_config()["sasl.password"] == SECRET
    assert (settings.redis.client_config() or {})["password"] == SECRET
    assert settings.secret_texts() == [SECRET, SECRET]


def test_the_environment_may_give_client_secrets_directly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in a variable of its setting's name becomes a reference to that variable."""
    monkeypatch.setenv("TIDEGAUGE_KAFKA__CLIENT__SASL_PASSWORD", SECRET)
    monkeypatch.setenv("TIDEGAUGE_REDIS__CLIENT__PASSWORD", SECRET)
    file = config(tmp_path, f'[kafka.client]\n{SASL}[redis]\nurl = "redis://h"\n')
    result = check("--config", file)
    settings = load(file).settings

    assert result.exit_code == 0, result.stderr
    assert '"sasl.password" = "env:TIDEGAUGE_KAFKA__CLIENT__SASL_PASSWORD"' in result.stdout
    assert SECRET not in result.output
    assert settings.kafka.client_config()["sasl.password"] == SECRET
    assert (settings.redis.client_config() or {})["password"] == SECRET


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            SECRET,
            "required env:NAME (an environment variable) or file:PATH (a file with nothing else in it), got {}",
        ),
        ("env:", "required env:NAME (an environment variable)"),
        (
            "env:NO_SUCH",
            "required environment variable NO_SUCH with the secret in it, got an empty or no such variable",
        ),
        ("file:{tmp}/none", "required a file {tmp}/none with the secret in it, got No such file or directory"),
        ("file:{tmp}", "required a file {tmp} with the secret in it, got Is a directory"),
        (
            "file:{tmp}/empty",
            "required a file {tmp}/empty with nothing but the secret in it, up to 65,536 bytes of UTF-8",
        ),
        (
            "file:{tmp}/large",
            "required a file {tmp}/large with nothing but the secret in it, up to 65,536 bytes of UTF-8",
        ),
        ("file:{tmp}/binary", "required a file {tmp}/binary with nothing but the secret in it, up to 65,536 bytes of"),
    ],
)
def test_references_that_lead_nowhere_are_refused(tmp_path: Path, reference: str, message: str) -> None:
    """The refusal names variable or file; what is no reference may be the secret itself and is not shown."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "large").write_bytes(b"x" * (SECRET_BYTES_MAX + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    file = config(tmp_path, f'[kafka.secrets]\n"sasl.password" = "{reference.format(tmp=tmp_path)}"\n')
    with pytest.raises(UsageError) as error:
        load(file)
    expected = message.format(f"neither env: nor file:, shown as {MASK}", tmp=tmp_path)
    assert str(error.value).startswith(f"kafka.secrets.sasl.password ({file}:2): {expected}")
    assert SECRET not in str(error.value)


def test_an_error_of_a_library_does_not_repeat_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets that a library cannot use are told of by name."""
    monkeypatch.setenv("KEY", SECRET)
    file = config(tmp_path, '[kafka.client]\n"security.protocol" = "SSL"\n[kafka.secrets]\n"ssl.key.pem" = "env:KEY"\n')
    result = check("--config", file)
    assert result.exit_code == 2
    assert f"kafka.secrets.ssl.key.pem ({file}:4): librdkafka says: ssl.key.pem failed" in result.stderr
    assert SECRET not in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--set", f"kafka.password={SECRET}"),
        ("--set", f"passwords.{SECRET}x"),
        ("--set", f"={SECRET}"),
        ("--set", f"kafka.secrets.sasl.password={SECRET}"),
        ("--set", f"redis.secrets.password={SECRET}"),
        ("--set", f"kafka.client.https.proxy=http://u:{SECRET}@proxy"),
        ("--bootstrap-servers", f"u:{SECRET}@h:9092"),
    ],
)
def test_misplaced_secrets_are_not_repeated(arguments: tuple[str, str]) -> None:
    """Wherever else a secret is written by mistake, the refusal does not show it."""
    result = check(*arguments)
    assert result.exit_code == 2
    assert SECRET not in result.output


@pytest.mark.parametrize(
    "name",
    [
        "sasl.username",
        "ssl.certificate.pem",
        "ssl.ca.location",
        "ssl.key.location",
        "sasl.oauthbearer.token.endpoint.url",
    ],
)
def test_public_settings_are_no_secrets(name: str) -> None:
    """Names, certificates and places of keys may stand in a file."""
    assert not is_secret(name)


@pytest.mark.parametrize("text", ["DEFAULT:@SECLEVEL=1", "redis://h:6379/0", "redis://user@h", "a@b", "kafka/h@REALM"])
def test_ordinary_texts_are_no_secrets(text: str) -> None:
    """Cipher lists, principals and URLs with no more than a user name are left alone."""
    assert not has_password(text)


@example(user="", password="00000://")
@given(
    user=st.text("abcXYZ09._-", max_size=8),
    password=st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=8),
)
def test_every_password_of_a_url_is_found_and_masked(user: str, password: str) -> None:
    """Whatever the password, encoded or not, a URL that holds it is refused where it is exposed, and shown without."""
    url = f"redis://{user}:{password}@host:6379/0"
    assert has_password(url)
    assert masked(url) == f"redis://{user}:{MASK}@host:6379/0"


def test_settings_made_in_code_keep_the_rules() -> None:
    """A secret among client settings is refused however the settings come about."""
    with pytest.raises(ValueError, match="no secret among the settings"):
        RunSettings.model_validate({"kafka": {"client": {"sasl.password": SECRET}}})
