"""Container and compose file agree with the commands. The tests run no container engine."""

import json
import re
import tomllib
from pathlib import Path

import click
import pytest

from flows.cli.main import main
from flows.service.settings_load import load

NAMED = re.compile(r"^ +(TIDEGAUGE_\w+): (\S+)$", re.MULTILINE)


@pytest.fixture
def compose(root: Path) -> str:
    """The compose file."""
    return (root / "docker-compose.yml").read_text()


@pytest.fixture
def dockerfile(root: Path) -> str:
    """The Dockerfile."""
    return (root / "Dockerfile").read_text()


def parse(arguments: list[str]) -> None:
    """Let click read a whole command line without running it."""
    context: click.Context = click.Context(main)
    command: click.Command = main
    while isinstance(command, click.Group):
        name, *arguments = arguments
        found = command.get_command(context, name)
        assert found is not None, name
        command = found
    command.make_context(command.name, arguments)


def test_every_command_is_one(compose: str, dockerfile: str) -> None:
    """Command lines of all services, and the default of the image, are whole commands."""
    commands = [json.loads(found) for found in re.findall(r"^ +command: (\[.*\])$", compose, re.MULTILINE)]
    commands += [json.loads(found) for found in re.findall(r"^CMD (\[.*\])$", dockerfile, re.MULTILINE)]

    assert len(commands) == 6
    assert ["run", "--until-end", "--event-time"] in commands
    for command in commands:
        parse(command)


def test_a_wrong_command_would_be_found() -> None:
    """The check above finds commands and options that do not exist."""
    with pytest.raises(AssertionError, match="fly"):
        parse(["fly"])
    with pytest.raises(click.NoSuchOption, match="--until-never"):
        parse(["run", "--until-never"])


@pytest.mark.parametrize("sample", [False, True])
def test_every_setting_is_one(compose: str, monkeypatch: pytest.MonkeyPatch, sample: bool) -> None:
    """Settings of the services are legal; those of the sample keep apart from the live engine's."""
    live, own = (part for part in re.split(r"^x-sample", compose, flags=re.MULTILINE))
    for name, value in NAMED.findall(live) + (NAMED.findall(own) if sample else []):
        monkeypatch.setenv(name, value)

    settings = load().settings

    assert settings.kafka.bootstrap_servers == "kafka:19092"
    assert settings.http.host == "0.0.0.0"
    assert settings.kafka.topic_prefix == ("sample." if sample else "")
    assert settings.redis.url is not None
    assert settings.redis.url.get_secret_value() == f"redis://redis:6379/{int(sample)}"
    assert settings.engine.time_zone == ("Europe/London" if sample else "UTC")


def test_the_port_is_that_of_the_engine(compose: str, dockerfile: str) -> None:
    """The default port is the one that is published, probed, scraped and exposed."""
    port = load().settings.http.port
    assert f'"127.0.0.1:{port}:{port}"' in compose
    assert f"http://127.0.0.1:{port}/{{probe}}') for probe in ('startupz', 'livez')" in compose
    assert f'"engine:{port}"' in compose
    assert f"EXPOSE {port}\n" in dockerfile


def test_images_are_pinned(compose: str) -> None:
    """Every image but our own has a version."""
    images = set(re.findall(r"^ +image: (\S+)$", compose, re.MULTILINE)) - {"tidegauge"}
    assert len(images) == 3
    assert all(re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+(-\w+)?", image) for image in images)


def test_nothing_listens_beyond_this_machine(compose: str) -> None:
    """Ports are published on the loopback address alone: nothing here asks for a password."""
    published = re.findall(r"^ +ports: \[(.*)\]$", compose, re.MULTILINE)
    assert len(published) == 4
    assert all(port.startswith('"127.0.0.1:') for ports in published for port in ports.split(", "))


def test_the_image_holds_what_is_installed(root: Path, dockerfile: str) -> None:
    """Every package of the distribution is let into the build and copied, and the pinned versions with them."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    packages = {name.split(".")[0] for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    files = {"pyproject.toml", "constraints.txt", project["project"]["readme"]}
    let_in = {line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (.*) \S+$", dockerfile, re.MULTILINE) for word in line.split()}

    assert packages | files == let_in == copied
