"""Finds or installs what the servers need: Java and Kafka's jars, redis-server.

``python -m benchmarks.servers.install``, a step of ``make test``, installs what is missing: Debian packages if it runs
as root, the jars by Maven into the Python environment. It never fails. Tests and benchmarks name what is still missing.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

POM = Path(__file__).with_name("pom.xml")
JAVA_MIN = 17
JAVA_PACKAGES = ("openjdk-21-jre-headless", "openjdk-17-jre-headless", "default-jre-headless")
JAVA_FOLDERS = Path("/usr/lib/jvm")
NO_SERVICES = Path("/usr/sbin/policy-rc.d")
SECONDS_MAX = 600


class Missing(Exception):
    """A program is not installed. The text says how to install it."""


def java() -> str:
    """The first Java that is new enough, in JAVA_HOME, on PATH, or in Debian's folder.

    Raises
    ------
    Missing
        When there is none.
    """
    named = [Path(os.environ["JAVA_HOME"], "bin", "java")] if os.environ.get("JAVA_HOME") else []
    on_path = shutil.which("java")
    found = []
    for path in [*named, *([Path(on_path)] if on_path else []), *sorted(JAVA_FOLDERS.glob("*/bin/java"))]:
        version = java_version(path)
        if version is not None and version >= JAVA_MIN:
            return str(path)
        found.append(f"{version or 'none that runs'} in {path}")
    msg = f"Kafka: required Java {JAVA_MIN} or later, got {', '.join(found) or 'none'}; install it, {hint('java')}"
    raise Missing(msg)


def java_version(path: Path) -> int | None:
    """Major version of a Java program; None if it does not run."""
    with contextlib.suppress(OSError):
        done = subprocess.run([path, "-version"], capture_output=True, text=True, check=False)
        if not done.returncode and (found := re.search(r'version "(\d+)', done.stderr)):
            return int(found[1])
    return None


def kafka_jars() -> Path:
    """Folder of the broker's jars, in the Python environment.

    Raises
    ------
    Missing
        The jars are missing.
    """
    folder = jars_folder()
    if not folder.is_dir():
        install = "python -m benchmarks.servers.install"
        msg = f"Kafka: required its jars in {folder}, got none; run {install}, which needs Maven: {hint('maven')}"
        raise Missing(msg)
    return folder


def redis() -> str:
    """The redis-server on PATH.

    Raises
    ------
    Missing
        When there is none.
    """
    found = shutil.which("redis-server")
    if found is None:
        msg = f"Redis: required redis-server on PATH, got none; install it, {hint('redis-server')}"
        raise Missing(msg)
    return found


def hint(what: str) -> str:
    """How to install a program."""
    debian = {"java": "openjdk-17-jre-headless"}.get(what, what)
    other = {"java": "openjdk@21", "redis-server": "redis"}.get(what, what)
    return f"for example: apt install {debian}, or brew install {other}"


def jars_folder() -> Path:
    """Folder for the jars of the broker's version."""
    version = re.search(r"<artifactId>kafka_2.13</artifactId>\s*<version>(.+?)</version>", POM.read_text())
    assert version is not None
    return Path(sys.prefix) / f"kafka-{version[1]}"


def bring_jars(folder: Path) -> None:
    """Download the jars with Maven. The folder appears when it is complete.

    Raises
    ------
    Missing
        There is no Maven, or it fails.
    """
    maven = shutil.which("mvn")
    if maven is None:
        msg = f"Kafka: required Maven, which brings its jars, got none; install it, {hint('maven')}"
        raise Missing(msg)
    part = folder.with_name(f"{folder.name}.{os.getpid()}")
    goal = [maven, "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    try:
        run([*goal, f"-DoutputDirectory={part}"])
        # Another run may have created the folder meanwhile; its jars are the same.
        with contextlib.suppress(OSError):
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def run(command: list[str]) -> None:
    """Run a command of bounded duration.

    Raises
    ------
    Missing
        The command fails. The text has the end of its output.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(str(error)) from error
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
        msg = f"{' '.join(command)}: required exit code 0, got {done.returncode}\n{said}"
        raise Missing(msg)


def lacks(find: Callable[[], object]) -> bool:
    """Whether a program is missing."""
    try:
        find()
    except Missing:
        return True
    return False


def install_packages() -> None:
    """Install Debian's packages of what is missing.

    Raises
    ------
    Missing
        The installation fails.
    """
    wanted = ["redis-server"] if lacks(redis) else []
    if not jars_folder().is_dir() and shutil.which("mvn") is None:
        wanted.append("maven")
    need_java = lacks(java)
    if not (wanted or need_java) or shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    run(["apt-get", "update"])
    if need_java:
        wanted.insert(0, next(name for name in JAVA_PACKAGES if name == JAVA_PACKAGES[-1] or is_there(name)))
    click.echo(f"Installing {', '.join(wanted)} for the tests' servers")
    with without_services():
        run(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends", *wanted])


def is_there(package: str) -> bool:
    """Whether Debian has a package. Its lists also have names without a package, which others refer to."""
    command = ["apt-get", "install", "--simulate", "--no-install-recommends", package]
    return not subprocess.run(command, capture_output=True, check=False).returncode


@contextlib.contextmanager
def without_services() -> Iterator[None]:
    """Keep Debian from starting services of the packages that it installs."""
    if NO_SERVICES.exists():
        yield
        return
    NO_SERVICES.write_text("#!/bin/sh\nexit 101\n")
    NO_SERVICES.chmod(0o755)
    try:
        yield
    finally:
        NO_SERVICES.unlink()


def bring_kafka() -> None:
    """Download the jars if they are missing."""
    folder = jars_folder()
    if not folder.is_dir():
        click.echo(f"Bringing Kafka's jars into {folder} (once)")
        bring_jars(folder)


def main() -> None:
    """Install what is missing and report what could not be installed."""
    steps: tuple[Callable[[], object], ...] = (install_packages, bring_kafka, java, redis)
    for step in steps:
        try:
            step()
        except Missing as error:
            click.echo(f"The tests that need a server will skip, and fail in CI. {error}", err=True)


if __name__ == "__main__":
    main()
