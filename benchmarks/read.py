"""Requests per second and CPU of a page of 100 governed records, against the same page by a DRF ModelSerializer.

Both pages run in one granian server with the portal's token check, row-level security, consent test, masks and audit
entry; samples of the two take turns. CPU is that of the server and of PostgreSQL together, from /proc.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.server
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scp_portal.embedded.postgres import APP, OWNER, EmbeddedPostgres
from scp_portal.embedded.roles import prepare_server
from scp_portal.embedded.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[1]
RATIO_GOAL, CPU_GOAL = 2.5, 0.4
RECORDS, CONNECTIONS = 3_000, 8
TICKS = os.sysconf("SC_CLK_TCK")
GOVERNED, USUAL = "/api/v1/datasets/health_records/records?page_size=100", "/api/usual/health_records"


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


# -- what is measured --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    per_second: float
    app_ms: float
    database_ms: float

    @property
    def cpu_ms(self) -> float:
        return self.app_ms + self.database_ms


def cpu_seconds(root: int) -> float:
    """User and system time of a process, of its descendants, and of children that have ended."""
    fields = {pid: _stat(pid) for pid in map(int, filter(str.isdigit, os.listdir("/proc")))}
    family, waiting = set(), [root]
    while waiting:
        parent = waiting.pop()
        family.add(parent)
        waiting += [pid for pid, stat in fields.items() if stat and int(stat[1]) == parent]
    return sum(sum(map(int, stat[11:15])) for pid in family if (stat := fields.get(pid))) / TICKS


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the state on (proc(5)); None when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def sample(port: int, path: str, token: str, seconds: float, server: int, database: int) -> Sample:
    before = cpu_seconds(server), cpu_seconds(database)
    command = [sys.executable, "-m", "benchmarks._load", str(port), str(CONNECTIONS), str(seconds)]
    done = subprocess.run(command, input=_request(path, token), capture_output=True, check=True, cwd=ROOT)
    after = cpu_seconds(server), cpu_seconds(database)
    answers, taken, failures = done.stdout.split()
    if int(failures):
        sys.exit(f"{path}: {failures.decode()} of {answers.decode()} answers were not 200")
    each = 1000 / max(int(answers), 1)
    return Sample(int(answers) / float(taken), (after[0] - before[0]) * each, (after[1] - before[1]) * each)


def _request(path: str, token: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}", "X-Forwarded-Proto: https"]
    return ("\r\n".join([*lines, "Accept: application/json", "", ""])).encode()


def answer(port: int, path: str, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Host": "localhost", "X-Forwarded-Proto": "https"}
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)) as given:
        return json.load(given)


# -- the parts ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def parts() -> Iterator[tuple[EmbeddedPostgres, int]]:
    """A PostgreSQL with durable commits, a Valkey, and the port where the signing keys will be served."""
    with tempfile.TemporaryDirectory(prefix="bench-read-") as folder:
        postgres, valkey = EmbeddedPostgres(Path(folder) / "pg"), EmbeddedValkey(Path(folder) / "kv", durable=False)
        try:
            postgres.start()
            prepare_server(postgres)
            valkey.start()
            keys = free_port()
            os.environ.update(environment(postgres, valkey.url(), f"http://127.0.0.1:{keys}"))
            yield postgres, keys
        finally:
            valkey.stop()
            postgres.stop()


def environment(postgres: EmbeddedPostgres, valkey: str, issuer: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "benchmarks._settings",
        "DEBUG": "0",
        "BEHIND_TLS_PROXY": "1",
        "ALLOWED_HOSTS": "localhost",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "SECRET_KEYS": "bench:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "KEYCLOAK_URL": issuer,
        "KEYCLOAK_PROVISIONER_SECRET": secrets.token_urlsafe(),
        "CORE_CLIENT_SECRET": secrets.token_urlsafe(),
        "OIDC_CLIENT_SECRET": secrets.token_urlsafe(),
        "DATABASE_URL": postgres.url(APP),
        "DATABASE_OWNER_URL": postgres.url(OWNER),
        "REDIS_URL": valkey,
    }


@contextlib.contextmanager
def keys_served(port: int, body: bytes) -> Iterator[None]:
    class Keys(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Nothing: the table is the output."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()


@contextlib.contextmanager
def served(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The portal as `./portal up` starts it, with the address to compare with."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "4", "--no-ws", "benchmarks._usual_way:application"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        yield server
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def filled(issuer: Any) -> Any:
    """A world with one active integration and records of about half a kilobyte, one person in eight without consent."""
    from benchmarks import _records  # needs the settings, which need the addresses above

    return _records.world(issuer, RECORDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    with parts() as (postgres, keys):
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", database="owner", verbosity=0)
        from tests.exchange.issuer import Issuer

        issuer = Issuer()
        world = filled(issuer)
        port = free_port()
        with keys_served(keys, issuer.fetch("")), served(port) as server:
            assert postgres.process is not None
            compare(port, world, options.rounds, options.seconds, server.pid, postgres.process.pid)


def compare(port: int, world: Any, rounds: int, seconds: float, server: int, database: int) -> None:
    governed, usual = answer(port, GOVERNED, world.token()), answer(port, USUAL, world.token())
    same = [
        (one["record_id"], one["fields"]) == (other["record_id"], other["fields_of_it"])
        for one, other in zip(governed["data"], usual["data"], strict=True)
    ]
    if len(same) != 100 or not all(same):
        sys.exit("the two pages differ")
    print(f"page of {len(json.dumps(governed['data'])) / 1000:.0f} kB, {CONNECTIONS} connections, {rounds} rounds")
    print(f"{'':10}{'req/s':>8}{'app ms':>9}{'db ms':>8}{'cpu ms':>8}")
    samples: dict[str, list[Sample]] = {GOVERNED: [], USUAL: []}
    for _ in range(rounds):
        for path, name in ((GOVERNED, "governed"), (USUAL, "usual")):
            sample(port, path, world.token(), 0.5, server, database)
            one = sample(port, path, world.token(), seconds, server, database)
            samples[path].append(one)
            print(f"{name:10}{one.per_second:8.0f}{one.app_ms:9.2f}{one.database_ms:8.2f}{one.cpu_ms:8.2f}")
    pairs = list(zip(samples[GOVERNED], samples[USUAL], strict=True))
    ratio = statistics.median(one.per_second / other.per_second for one, other in pairs)
    cpu = statistics.median(one.cpu_ms / other.cpu_ms for one, other in pairs)
    print(f"CPU: {cpu:.2f} of the usual way's (goal: at most {CPU_GOAL})")
    print(f"read {ratio:.2f} {RATIO_GOAL} {'ok' if ratio >= RATIO_GOAL and cpu <= CPU_GOAL else 'short'}")


if __name__ == "__main__":
    main()
