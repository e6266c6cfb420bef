"""The README's two commands, as a new user types them: in a fresh clone, in a folder with a space in its name."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from scp_portal.embedded.processes import ROOT
from scp_portal.embedded.services import DIRECT, answers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OF_A_PLAIN_SHELL = ("HOME", "LANG", "TMPDIR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "UV_CACHE_DIR")
COLD, WARM = 240, 30  # generous: the machine may be busy; the benchmark `startup` measures


def plain_environment() -> dict[str, str]:
    """Nothing of the test run's own settings, and a Python outside of any virtual environment first on the PATH."""
    kept = {name: value for name, value in os.environ.items() if name in OF_A_PLAIN_SHELL or name.startswith("PIP_")}
    own = Path(sys.prefix) / "bin"
    path = [part for part in os.environ["PATH"].split(os.pathsep) if Path(part) != own]
    return {**kept, "PATH": os.pathsep.join([str(Path(sys.base_prefix) / "bin"), *path])}


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


class Clone:
    """A clone of this repository's last commit, and what runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.issuer_port = free_port(), free_port()
        self.env = plain_environment()
        self.started: list[Portal] = []
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(folder)], check=True, timeout=60)

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["./portal", *command],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=COLD,
            check=False,
        )

    def up(self) -> Portal:
        self.started.append(Portal(self))
        return self.started[-1]

    def processes(self) -> list[str]:
        """Command lines of everything that still runs from this folder."""
        listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
        return [line for line in listed.splitlines() if str(self.folder) in line]

    def nothing_left(self, within: float = 10) -> list[str]:
        deadline = time.monotonic() + within
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.processes()


class Portal:
    """A running `./portal up`, and what it said until it was ready."""

    def __init__(self, clone: Clone) -> None:
        began = time.monotonic()
        ports = ["--port", str(clone.port), "--issuer-port", str(clone.issuer_port)]
        self.process = subprocess.Popen(
            ["./portal", "up", "--no-browser", *ports],
            cwd=clone.folder,
            env=clone.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = self._until("Ctrl-C stops everything")
        self.seconds = time.monotonic() - began
        self.url = f"http://localhost:{clone.port}/"

    def _until(self, last: str) -> str:
        said = ""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said += line
            if last in line:
                return said
        raise AssertionError(f"./portal up ended with {self.process.wait(30)}:\n{said}")

    def end(self, number: signal.Signals) -> tuple[int, str]:
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=60)
        return self.process.returncode, rest


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    made = Clone(tmp_path_factory.mktemp("two commands") / "a clone")
    yield made
    for running in made.started:
        if running.process.poll() is None:
            running.end(signal.SIGINT)


@pytest.fixture(scope="module")
def portal(clone: Clone) -> Portal:
    return clone.up()


def test_up_says_where_to_go_and_as_whom(portal: Portal) -> None:
    assert f"Open {portal.url}" in portal.said
    assert "Amara Okonkwo" in portal.said
    assert portal.seconds < COLD


def test_it_is_ready(portal: Portal) -> None:
    assert answers(f"{portal.url}readyz")
    with DIRECT.open(urllib.request.Request(f"{portal.url}api/v1/openapi.json"), timeout=20) as response:
        assert json.load(response)["openapi"].startswith("3.1")


@pytest.mark.req("A-3.1-1")
def test_the_printed_curl_line_reads_records(portal: Portal) -> None:
    found = re.search(r"^ *(curl -s -H .*)$", portal.said, re.MULTILINE)
    assert found
    done = subprocess.run(["sh", "-c", found[1]], capture_output=True, text=True, timeout=60, check=True)
    page = json.loads(done.stdout)
    assert len(page["data"]) == 3, done.stdout[:500]


def test_web_and_worker_log_in_as_the_bound_role(clone: Clone, portal: Portal) -> None:
    asked = (
        "from django.db import connection as c; u = c.cursor(); u.execute('select current_user'); print(u.fetchone())"
    )
    done = clone.run("manage", "shell", "-c", asked)
    assert "('scp_app',)" in done.stdout, done.stderr
    check = clone.run("manage", "check", "--database", "default")
    assert check.returncode == 0, check.stderr


def test_manage_works_beside_it(clone: Clone, portal: Portal) -> None:
    done = clone.run("manage", "migrate", "--plan")
    assert "No planned migration operations" in done.stdout, done.stderr
    assert portal.process.poll() is None


def test_a_second_up_says_that_one_runs(clone: Clone, portal: Portal) -> None:
    done = clone.run("up", "--no-browser", "--port", str(free_port()))
    assert done.returncode == 1
    assert f"already runs: {portal.url}" in done.stderr


@pytest.mark.parametrize("flag", ["--port", "--issuer-port"])
def test_a_taken_port_is_named_with_its_flag(clone: Clone, tmp_path: Path, flag: str) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        taken = stranger.getsockname()[1]
        ports = {"--port": str(free_port()), "--issuer-port": str(free_port()), flag: str(taken)}
        arguments = [part for pair in ports.items() for part in pair]
        done = clone.run("up", "--no-browser", *arguments, PORTAL_VAR=str(tmp_path / "var"))
    assert done.returncode == 1
    assert f"Port {taken} is taken" in done.stderr
    assert f"{flag} N" in done.stderr


def test_ctrl_c_stops_all_that_was_started(clone: Clone, portal: Portal) -> None:
    code, rest = portal.end(signal.SIGINT)
    assert code == 0, rest
    assert "Stopped" in rest
    assert clone.nothing_left() == []


def test_a_second_start_is_warm_and_kill_9_leaves_nothing(clone: Clone) -> None:
    again = clone.up()
    assert again.seconds < WARM
    assert "Tables made" not in again.said
    again.end(signal.SIGKILL)
    assert clone.nothing_left() == []


def test_it_starts_again_after_kill_9_and_a_dying_part_ends_all(clone: Clone) -> None:
    again = clone.up()
    worker = next(line for line in clone.processes() if "celery" in line)
    os.kill(int(shlex.split(worker)[0]), signal.SIGKILL)
    rest, _ = again.process.communicate(timeout=60)
    assert again.process.returncode == 1, rest
    assert "The worker process ended by itself" in rest
    assert clone.nothing_left() == []


def test_manage_works_without_a_running_portal(clone: Clone) -> None:
    done = clone.run("manage", "migrate", "--plan")
    assert "No planned migration operations" in done.stdout, done.stderr
    assert clone.nothing_left() == []


def test_the_tests_run_in_the_clone(clone: Clone) -> None:
    done = clone.run("test", "-q", "tests/embedded/test_supervisor.py", "tests/testing/test_databases.py")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_a_failed_download_says_what_to_do(clone: Clone, tmp_path: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0"}
    caches = {"UV_CACHE_DIR": str(tmp_path / "uv"), "PIP_CACHE_DIR": str(tmp_path / "pip"), "PIP_FIND_LINKS": ""}
    done = clone.run("test", "--version", PORTAL_VENV=str(tmp_path / "venv"), **nowhere, **caches)
    assert done.returncode == 1
    assert "could not be downloaded or installed" in done.stderr
    assert "check the network and the proxy" in done.stderr


def test_a_folder_that_is_no_environment_is_not_touched(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    done = clone.run("test", "--version", PORTAL_VENV=str(tmp_path))
    assert done.returncode == 1
    assert "is not a virtual environment" in done.stderr
    assert (tmp_path / "precious.txt").read_text() == "mine"
