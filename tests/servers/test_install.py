"""Programs that the servers need are found, installed if possible, and otherwise named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.servers import install
from benchmarks.servers.install import Missing


def script(folder: Path, name: str, text: str) -> Path:
    """A program of a few shell lines."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def fake_java(folder: Path, version: str) -> Path:
    """A Java that knows its version only."""
    return script(folder, "java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is installed; the folder is all of its PATH."""
    path = tmp_path / "bin"
    path.mkdir()
    for name in ("sh", "env", "cat", "mkdir"):
        (path / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(install, "JAVA_FOLDERS", tmp_path / "jvm")
    monkeypatch.setattr(install, "NO_SERVICES", tmp_path / "policy-rc.d")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    return path


@pytest.mark.parametrize(("text", "expected"), [("17.0.15", 17), ("1.8.0_402", 1), ("21-ea", 21), ("25", 25)])
def test_versions_of_java_are_read(tmp_path: Path, text: str, expected: int) -> None:
    """The first number of a version counts."""
    assert install.java_version(fake_java(tmp_path, text)) == expected


def test_the_first_java_that_fits_is_taken(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAVA_HOME comes before PATH, PATH before Debian's folders; what is too old or does not run is passed over."""
    debian = fake_java(tmp_path / "jvm" / "java-17" / "bin", "17.0.1")
    on_path = fake_java(bare, "11.0.2")
    named = fake_java(tmp_path / "named" / "bin", "25")
    assert install.java() == str(debian)

    fake_java(bare, "21")
    assert install.java() == str(on_path)

    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "named"))
    assert install.java() == str(named)
    script(named.parent, "java", "exit 1")
    assert install.java() == str(on_path)


def test_what_is_missing_is_named_with_the_fix(bare: Path, tmp_path: Path) -> None:
    """Each message says what is required, what is there, and what to install."""
    with pytest.raises(Missing, match=r"Java 17 or later, got none; install it, for example: apt install openjdk-17-"):
        install.java()
    fake_java(bare, "11.0.2")
    with pytest.raises(Missing, match=r"Java 17 or later, got 11 in .*/bin/java; install it"):
        install.java()
    script(bare, "java", "exit 1")
    with pytest.raises(Missing, match=r"got none that runs in .*/bin/java; install it"):
        install.java()
    with pytest.raises(Missing, match=r"required redis-server on PATH, got none; .*apt install redis-server"):
        install.redis()
    with pytest.raises(Missing, match=r"required its jars in .*kafka-\d.*, got none; run python -m benchmarks"):
        install.kafka_jars()
    with pytest.raises(Missing, match=r"required Maven, which brings its jars, got none; .*apt install maven"):
        install.bring_jars(tmp_path / "jars")


def test_jars_appear_when_all_are_there(bare: Path, tmp_path: Path) -> None:
    """A Maven that fails leaves no folder and is quoted; one that does its work leaves the folder it filled."""
    folder = tmp_path / "environment" / "kafka"
    folder.parent.mkdir()
    script(bare, "mvn", 'for last; do :; done; mkdir -p "${last#*=}"; echo no such artifact; exit 1')
    with pytest.raises(Missing, match=r"(?s)copy-dependencies .*: required exit code 0, got 1\nno such artifact"):
        install.bring_jars(folder)
    assert list(folder.parent.iterdir()) == []

    script(bare, "mvn", 'for last; do :; done; mkdir -p "${last#*=}"; echo jar > "${last#*=}/kafka.jar"')
    install.bring_jars(folder)
    install.bring_jars(folder)
    assert [path.relative_to(folder.parent).as_posix() for path in folder.parent.rglob("*.jar")] == ["kafka/kafka.jar"]


def test_packages_are_installed_without_their_services(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, Debian's packages of what is missing are installed, the newest Java there is, and no service starts."""
    calls, policy = tmp_path / "calls", tmp_path / "policy-rc.d"
    script(
        bare,
        "apt-get",
        f"""case "$*" in
        *--simulate*) [ "$4" = openjdk-17-jre-headless ] ;;
        *) echo "apt-get $*" >> {calls}; [ "$1" = update ] || cat {policy} >> {calls} ;;
        esac""",
    )
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    install.install_packages()
    assert not calls.exists()

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    install.install_packages()
    assert calls.read_text().splitlines() == [
        "apt-get update",
        "apt-get install -y --no-install-recommends openjdk-17-jre-headless redis-server maven",
        "#!/bin/sh",
        "exit 101",
    ]
    assert not policy.exists()


def test_a_machine_that_starts_no_services_stays_so(bare: Path, tmp_path: Path) -> None:
    """Where somebody has told Debian what to start, that is left alone."""
    policy = script(tmp_path, "policy-rc.d", "exit 0")
    with install.without_services():
        assert policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert policy.exists()


def test_nothing_is_installed_twice(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where everything is there, neither Debian nor Maven is asked."""
    for name in ("apt-get", "mvn"):
        script(bare, name, f"echo {name} > {tmp_path / 'asked'}")
    fake_java(bare, "21")
    script(bare, "redis-server", "")
    install.jars_folder().mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    install.main()

    assert not (tmp_path / "asked").exists()


def test_what_cannot_be_installed_is_said(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Installing never fails: it says what the tests will lack, and that they fail in CI."""
    script(bare, "apt-get", "echo no network; exit 100")
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    install.main()

    said = capsys.readouterr().err
    assert said.count("The tests that need a server will skip, and fail in CI. ") == 4
    assert "apt-get update: required exit code 0, got 100\nno network" in said
    assert "apt install openjdk-17-jre-headless" in said


def test_a_command_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that does not answer does not hold the tests for ever."""
    monkeypatch.setattr(install, "SECONDS_MAX", 0.1)
    with pytest.raises(Missing, match=r"timed out after 0\.1 seconds"):
        install.run(["sleep", "60"])


INNER = """
def test_inner(redis):
    assert {outcome}
"""


def run_inner(tmp_path: Path, root: Path, outcome: str, **environment: str) -> str:
    """Output of a pytest run of one test that wants a Redis."""
    file = tmp_path / "test_inner.py"
    file.write_text(INNER.format(outcome=outcome))
    command = [sys.executable, "-m", "pytest", "-p", "tests.servers.fixtures", "-p", "no:cacheprovider", "-ra", "-c",
               str(tmp_path / "pytest.ini"), "--basetemp", str(tmp_path / "base"), str(file)]  # fmt: skip
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    inherited = {name: value for name, value in os.environ.items() if name not in ("CI", "REDIS_URL")}
    done = subprocess.run(command, cwd=root, env=inherited | environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_without_a_server_tests_skip_and_in_ci_fail(tmp_path: Path, root: Path) -> None:
    """A developer's tests that lack a server are skipped and say why; in CI they fail."""
    reason = "required redis-server on PATH, got none"
    here = run_inner(tmp_path, root, "True", PATH=str(tmp_path))
    assert "1 skipped" in here
    assert reason in here

    in_ci = run_inner(tmp_path, root, "True", PATH=str(tmp_path), CI="true")
    assert "1 error" in in_ci
    assert reason in in_ci


def test_given_servers_are_used(tmp_path: Path, root: Path) -> None:
    """Where the environment names a server, none is started and nothing needs to be installed."""
    outcome = "redis == 'redis://elsewhere'"
    assert "1 passed" in run_inner(tmp_path, root, outcome, PATH=str(tmp_path), REDIS_URL="redis://elsewhere")


@pytest.mark.servers
def test_a_failure_shows_the_end_of_the_log(tmp_path: Path, root: Path) -> None:
    """Under a test that failed stands what the server it used said; nothing of it where the test passed."""
    assert "Ready to accept connections" in run_inner(tmp_path, root, "False")
    assert "Ready to accept connections" not in run_inner(tmp_path, root, "True")
