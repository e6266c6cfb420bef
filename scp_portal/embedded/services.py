"""PostgreSQL, Valkey and the token issuer of one folder, and the addresses at which the portal finds them.

An address that the environment already names is used as it is, and the embedded part behind it is not started.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from scp_portal.embedded import secret_file
from scp_portal.embedded.postgres import APP, OWNER, EmbeddedPostgres
from scp_portal.embedded.processes import ROOT, CannotStart, die_with_parent, end, spawn
from scp_portal.embedded.valkey import EmbeddedValkey

PORT, ISSUER_PORT = 8000, 8001
CACHE_DB, BROKER_DB = 1, 0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy knows no loopback of ours


@dataclass(frozen=True)
class Ports:
    """Where the portal and the embedded issuer listen, on the loopback."""

    web: int = PORT
    issuer: int = ISSUER_PORT


class Folder:
    """The folder of one portal (`var/`), and who uses it: `up` alone, or any number of `manage` commands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.facts = path / "portal.json"
        self._lock: IO[str] | None = None

    def take(self, *, alone: bool, wait: bool = False) -> bool:
        """Take the lock, or trade the one that is held; False when someone else has it. Ends with the process."""
        if self._lock is None:
            self._lock = (self.path / ".lock").open("w")
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        try:
            fcntl.flock(self._lock, kind | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def begin_new_logs(self) -> None:
        """What a message quotes is this run's; the logs of the run before are kept beside them."""
        for log in (self.path / "log").glob("*.log"):
            log.replace(log.with_suffix(".log.before"))

    def remember(self, ports: Ports) -> None:
        """Tell `manage` commands where the running portal listens."""
        self.facts.write_text(json.dumps({"pid": os.getpid(), "port": ports.web, "issuer_port": ports.issuer}))

    def ports(self) -> Ports:
        """The ports of the portal that runs here or ran here last."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            facts = json.loads(self.facts.read_text())
            return Ports(int(facts["port"]), int(facts["issuer_port"]))
        return Ports()


class Services:
    """What this process started, to be stopped again, and what it only uses."""

    def __init__(self, folder: Folder, ports: Ports, say: Callable[[str], None]) -> None:
        self.folder, self.ports, self.say = folder, ports, say
        given = os.environ
        refuse_half_a_server(given)
        self.postgres = None if given.get("DATABASE_URL") else EmbeddedPostgres(folder.path / "pg")
        self.valkey = None if given.get("REDIS_URL") else EmbeddedValkey(folder.path / "valkey")
        self.embedded_issuer = not given.get("KEYCLOAK_URL")
        self.issuer: subprocess.Popen[bytes] | None = None

    def set_environment(self) -> None:
        """Everything the settings read, for this process and its children. Values that are given stay as given."""
        env = {"DEBUG": "1", "PORTAL_DEMO": "1", "DJANGO_SETTINGS_MODULE": "scp_portal.settings"}
        env |= {"PORTAL_VAR": str(self.folder.path), "PORTAL_URL": f"http://localhost:{self.ports.web}"}
        env |= {"STATIC_ROOT": str(self.folder.path / "static"), "PYTHONUNBUFFERED": "1"}
        env |= secret_file.read_or_make(self.folder.path / "secrets")
        if self.postgres:
            env |= {"DATABASE_URL": self.postgres.url(APP), "DATABASE_OWNER_URL": self.postgres.url(OWNER)}
        if self.valkey:
            env |= {"REDIS_URL": self.valkey.url(CACHE_DB), "CELERY_BROKER_URL": self.valkey.celery_url(BROKER_DB)}
        if self.embedded_issuer:
            env |= {"KEYCLOAK_URL": f"http://localhost:{self.ports.issuer}", "KEYCLOAK_IS_EMBEDDED": "1"}
        for name, value in env.items():
            os.environ.setdefault(name, value)
        (self.folder.path / "static").mkdir(exist_ok=True)  # looked for, though DEBUG serves from the source

    def start(self) -> None:
        """Start what is embedded, the slowest first; sets the environment. The issuer may still be starting then."""
        self.set_environment()
        if self.embedded_issuer and free(self.ports.issuer):
            self._start_issuer()
        if self.postgres:
            self.postgres.start()
            self.say(f"PostgreSQL {self.postgres.version} runs in {self.postgres.folder}")
        if self.valkey:
            self.valkey.start()
            self.say("Valkey runs beside it")

    def adopt(self, timeout: float = 60) -> None:
        """Use what a running `up` has started, or is about to."""
        self.set_environment()
        deadline = time.monotonic() + timeout
        parts = [part for part in (self.postgres, self.valkey) if part]
        while not all(part.answers() for part in parts):
            if time.monotonic() > deadline:
                raise CannotStart("./portal up holds the folder, but its servers do not answer. Stop it and try again.")
            time.sleep(0.2)

    def end_orphans(self) -> None:
        """Stop servers whose starter was killed where the kernel has no death signal. Only for who is alone here."""
        for part in (self.postgres, self.valkey):
            if part and part.answers():
                part.stop_orphan()

    def stop(self) -> None:
        """Stop what this process started, the database last."""
        if self.issuer:
            end(self.issuer, signal.SIGTERM, signal.SIGKILL, 10)
        if self.valkey:
            self.valkey.stop()
        if self.postgres:
            self.postgres.stop()

    def dead(self) -> str | None:
        """Name of a part that this process started and that has ended since."""
        parts = {"issuer": self.issuer}
        parts |= {"PostgreSQL": self.postgres.process if self.postgres else None}
        parts |= {"Valkey": self.valkey.process if self.valkey else None}
        return next((name for name, process in parts.items() if process and process.poll() is not None), None)

    def log_of(self, name: str) -> Path:
        """The log file of a part that `dead()` named."""
        return {
            "PostgreSQL": self.folder.path / "pg" / "server.log",
            "Valkey": self.folder.path / "valkey" / "valkey.log",
        }.get(name, self.folder.path / "log" / f"{name}.log")

    def wait_for_issuer(self, timeout: float = 30) -> None:
        """Until it answers with its discovery document; for an issuer of somebody else's this is not asked."""
        if not self.issuer:
            return
        url = f"{os.environ['KEYCLOAK_URL']}/realms/scp/.well-known/openid-configuration"
        for _ in polling(timeout):
            if self.issuer.poll() is not None:
                raise CannotStart(f"The token issuer ended at once: {tail(self.log_of('issuer'))}")
            if answers(url):
                self.say(f"Token issuer listens on {os.environ['KEYCLOAK_URL']}")
                return
        raise CannotStart(f"The token issuer did not answer in {timeout} s: {tail(self.log_of('issuer'))}")

    def _start_issuer(self) -> None:
        log = self.log_of("issuer")
        log.parent.mkdir(exist_ok=True)
        home = self.folder.path / "issuer"
        home.mkdir(exist_ok=True, mode=0o700)
        command = [sys.executable, "-m", "scp_portal.embedded.issuer", "--port", str(self.ports.issuer)]
        self.issuer = spawn(
            [*command, "--folder", str(home)],
            log=log,
            env=dict(os.environ),
            preexec=die_with_parent(signal.SIGTERM),
            cwd=ROOT,
        )


def refuse_half_a_server(given: Mapping[str, str]) -> None:
    """A server of one's own comes with its secrets; those that this folder makes up would be wrong for it."""
    needed = ("KEYCLOAK_PROVISIONER_SECRET", "OIDC_CLIENT_SECRET")
    missing = [name for name in needed if not given.get(name) and not given.get(f"{name}_FILE")]
    if given.get("KEYCLOAK_URL") and missing:
        raise CannotStart(f"KEYCLOAK_URL is set, so {' and '.join(missing)} must be set as well.")


def free(port: int) -> bool:
    """True when nothing listens on the loopback's `port`, by either family: `localhost` may mean both."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as client:
            client.settimeout(1)
            if client.connect_ex((host, port)) == 0:
                return False
    return True


def answers(url: str) -> bool:
    """True when `url` gives 200."""
    try:
        with DIRECT.open(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:  # refused, reset, timed out, or an HTTP error
        return False


def polling(timeout: float, pause: float = 0.05) -> Iterator[None]:
    """Yields every `pause` seconds until `timeout` seconds are over."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)


def tail(log: Path, lines: int = 20) -> str:
    """The end of a log, for a message."""
    text = log.read_text(errors="replace") if log.exists() else "(it wrote no log)"
    return "\n" + "\n".join(text.splitlines()[-lines:])
