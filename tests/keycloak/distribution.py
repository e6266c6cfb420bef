"""The official Keycloak: fetched once by Maven into `~/.cache/scp-portal`, started with the shipped realm."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import requests

from scp_portal.embedded.processes import exclusive
from tests.keycloak.handle import Keycloak

VERSION = "26.7.5"
"""The newest 26.x published as a distribution; `docker-compose.yml` starts the same."""

ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
CACHE = Path.home() / ".cache" / "scp-portal"
REALM_FILE = Path(__file__).resolve().parents[2] / "keycloak" / "scp-realm.json"
OLDEST_JAVA = 17
START_SECONDS = 480
STOP_SECONDS = 20
GUARD = """
starter=$1; shift
"$@" & server=$!
while kill -0 "$starter" 2>/dev/null && kill -0 "$server" 2>/dev/null; do sleep 1; done
kill -0 "$starter" 2>/dev/null || kill -KILL 0
"""
"""Runs the server and ends it, Java and all, when the tests were killed and could not."""

BUILT = "built-by-tests"
ADMIN_NAME = "test-admin"
PORTAL_URL = "http://localhost:8000"
SECRET_NAMES = ("OIDC_CLIENT_SECRET", "KEYCLOAK_PROVISIONER_SECRET", "CORE_CLIENT_SECRET")
HOW_TO = f"These tests need Java {OLDEST_JAVA}+ and Maven (apt install openjdk-17-jdk-headless maven), or KEYCLOAK_URL."


class Missing(Exception):
    """What is not there, as a sentence for people."""


def java_home() -> str:
    """A Java that is new enough: JAVA_HOME's, or the one on the path. Raises Missing."""
    candidates = [os.environ.get("JAVA_HOME", ""), *_on_path("java")]
    for home in filter(None, candidates):
        told = subprocess.run([f"{home}/bin/java", "-version"], capture_output=True, text=True, check=False).stderr
        version = re.search(r'version "(\d+)', told)
        if version and int(version[1]) >= OLDEST_JAVA:
            return home
    raise Missing(f"No Java {OLDEST_JAVA} or newer was found. {HOW_TO}")


def _on_path(name: str) -> list[str]:
    found = shutil.which(name)
    return [str(Path(found).resolve().parent.parent)] if found else []


def distribution(java: str) -> Path:
    """The unpacked distribution in the cache folder; fetched by Maven the first time. Raises Missing."""
    home = CACHE / f"keycloak-{VERSION}"
    if (home / "bin" / "kc.sh").exists():
        return home
    if shutil.which("mvn") is None:
        raise Missing(f"Maven was not found. {HOW_TO}")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
        environment = {**os.environ, "JAVA_HOME": java}
        fetched = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        archives = list(Path(folder).glob("*.zip"))
        if not archives:
            raise Missing(f"Maven could not fetch {ARTIFACT}: {fetched.stdout[-500:]}")
        with zipfile.ZipFile(archives[0]) as archive:
            archive.extractall(folder)
        unpacked = Path(folder) / f"keycloak-{VERSION}"
        (unpacked / "bin" / "kc.sh").chmod(0o755)
        unpacked.rename(home)
    return home


@dataclass(frozen=True)
class Started:
    """A server of ours: how to reach it, and how to end it."""

    keycloak: Keycloak
    process: subprocess.Popen[bytes]
    folder: Path

    def stop(self) -> None:
        """Ask the whole group to end (Keycloak's script has Java as a child), and insist after a while."""
        until = time.monotonic() + STOP_SECONDS
        self._signal(signal.SIGTERM)
        while self._signal(0) and time.monotonic() < until:
            self.process.poll()
            time.sleep(0.1)
        self._signal(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        shutil.rmtree(self.folder)

    def _signal(self, number: int) -> bool:
        """Whether there was anybody to signal."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return False
        return True


def start() -> Started:
    """Start the distribution on a free port with the shipped realm; answers once the realm does. Raises Missing."""
    java = java_home()
    home = distribution(java)
    folder = Path(tempfile.mkdtemp(prefix="portal-keycloak-"))
    work = _private_copy(home, folder)
    port, management = _free_port(), _free_port()
    given = {name: f"only-for-tests-{secrets.token_hex(8)}" for name in SECRET_NAMES}
    password = secrets.token_hex(16)
    environment = {
        **os.environ,
        **given,
        "JAVA_HOME": java,
        "JAVA_OPTS_KC_HEAP": "-Xms96m -Xmx448m",
        # For a server that lives a minute: start fast rather than run fast.
        "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
        "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN_NAME,
        "KC_BOOTSTRAP_ADMIN_PASSWORD": password,
        "PORTAL_URL": PORTAL_URL,
        "PORTAL_INTERNAL_URL": PORTAL_URL,
    }
    command = [
        str(work / "bin" / "kc.sh"),
        "start-dev",
        "--import-realm",
        "--db=dev-mem",
        "--http-host=127.0.0.1",
        f"--http-port={port}",
        f"--http-management-port={management}",
        "--cache=local",
    ]
    with (folder / "log").open("wb") as log:
        guarded = ["sh", "-c", GUARD, "guard", str(os.getpid()), *command]
        process = subprocess.Popen(guarded, env=environment, stdout=log, stderr=log, start_new_session=True)
    started = Started(Keycloak(f"http://127.0.0.1:{port}", ADMIN_NAME, password, given), process, folder)
    _wait(started)
    _keep_build(work, home)
    return started


def _private_copy(home: Path, folder: Path) -> Path:
    """The distribution with data and configuration of its own; the libraries, which are never written, are a link."""

    def left_out(where: str, names: list[str]) -> set[str]:
        return {"data"} | ({"lib"} if Path(where).name == "lib" else set())

    work = folder / "keycloak"
    shutil.copytree(home, work, ignore=left_out)
    (work / "lib" / "lib").symlink_to(home / "lib" / "lib")
    (work / "data" / "import").mkdir(parents=True)
    shutil.copy2(REALM_FILE, work / "data" / "import" / REALM_FILE.name)
    return work


def _keep_build(work: Path, home: Path) -> None:
    """The first start in development mode builds the server for half a minute; the next ones find it built."""
    built, kept = work / "lib" / "quarkus", home / "lib" / "quarkus"
    with exclusive(CACHE / "build.lock"):
        if (kept / BUILT).exists():
            return
        fresh = Path(tempfile.mkdtemp(dir=CACHE))
        shutil.copytree(built, fresh, dirs_exist_ok=True)
        (fresh / BUILT).touch()
        kept.rename(CACHE / f"{fresh.name}-old")
        fresh.rename(kept)
    shutil.rmtree(CACHE / f"{fresh.name}-old")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(started: Started) -> None:
    address = f"{started.keycloak.issuer}/.well-known/openid-configuration"
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if started.process.poll() is not None:
            break
        with contextlib.suppress(requests.RequestException):
            if requests.get(address, timeout=5).status_code == 200:
                return
        time.sleep(0.5)
    tail = (started.folder / "log").read_text(errors="replace")[-3000:]
    started.stop()
    raise RuntimeError(f"Keycloak did not start:\n{tail}")
