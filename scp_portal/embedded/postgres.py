"""A private PostgreSQL for a single machine: real server binaries, one folder.

No TCP port, no system user: the server listens on a unix socket inside a folder of mode 0700, which is why its local
authentication is `trust`. The portal logs in as `scp_app` (bound by row-level security) and migrates as `scp_owner`.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

from scp_portal.embedded.binaries import (
    dropping,
    find_binaries,
    how_to_drop,
    major_version,
    reachable_by_nobody,
)
from scp_portal.embedded.processes import (
    ON_LINUX,
    CannotStart,
    command_line,
    die_with_parent,
    end,
    exclusive,
    short_socket_folder,
    spawn,
)

DATABASE = "portal"
OWNER, APP, SUPERUSER = "scp_owner", "scp_app", "postgres"
PORT = "5432"
FAST = {  # for clusters that are thrown away: a crash of the machine loses them; synchronous_commit stays on,
    # because the audit trail refuses to write without it
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
}


class EmbeddedPostgres:
    """One cluster in one folder. Several processes may `start()` it at once: one starts, the others adopt."""

    def __init__(self, folder: str | os.PathLike[str], *, options: Mapping[str, str] | None = None) -> None:
        self.drop = how_to_drop()
        self.folder = Path(folder).absolute()
        self.bin = find_binaries()
        if self.drop == "setuid":  # the account must reach both; a home folder of mode 0700 stops it
            digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
            self.folder = Path("/var/tmp") / f"portal-pg-{digest}"
            self.bin = reachable_by_nobody(self.bin)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.version = major_version(self.bin)
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.socket_folder = short_socket_folder(self.folder, f".s.PGSQL.{PORT}.lock", "portal-pg")
        self._give_folders_away()
        self.options = self._options(options or {})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 60) -> None:
        """Make the cluster if it is not there and start the server unless it already answers."""
        with exclusive(self.folder / ".lock"):
            if not (self.data / "PG_VERSION").exists():
                self._make_cluster()
            self._refuse_another_version()
            deadline = time.monotonic() + timeout
            while not self.answers():
                if self.process is None or self.process.poll() is not None:
                    self._remove_stale_pid_file()
                    self._spawn()
                if time.monotonic() > deadline:
                    raise CannotStart(f"PostgreSQL did not answer in {timeout} s: {self._end_of_log()}")
                time.sleep(0.03)

    def stop(self, timeout: float = 30) -> None:
        """Fast shutdown of the server that this object started; one that was found running is left alone."""
        if self.process is not None:
            end(self.process, signal.SIGINT, signal.SIGQUIT, timeout)
        self.process = None

    def stop_orphan(self, timeout: float = 30) -> None:
        """Fast shutdown of a server in this folder whose starter is gone. Only for who holds the folder alone."""
        deadline = time.monotonic() + timeout
        if (pid := self._recorded_pid()) and self._is_ours(pid):
            os.kill(pid, signal.SIGINT)
            while self._is_ours(pid) and time.monotonic() < deadline:
                time.sleep(0.05)

    def answers(self) -> bool:
        """True when the server accepts connections ("starting up" and "shutting down" are no)."""
        command = [str(self.bin / "pg_isready"), "-q", "-h", str(self.socket_folder), "-U", SUPERUSER, "-t", "3"]
        return subprocess.run(command, check=False).returncode == 0

    def url(self, user: str, database: str = DATABASE) -> str:
        """Connection URL over the unix socket, as libpq and the settings read it."""
        host = urlencode({"host": str(self.socket_folder), "port": PORT}, quote_via=quote, safe="")
        return f"postgresql://{user}@/{database}?{host}"

    def _give_folders_away(self) -> None:
        if self.drop == "setuid":
            account = pwd.getpwnam("nobody")
            for path in {self.folder, self.socket_folder}:
                os.chown(path, account.pw_uid, account.pw_gid)

    def _options(self, more: Mapping[str, str]) -> dict[str, str]:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder).replace('"', '""').join('""'),
            "unix_socket_permissions": "0700",
            "log_parameter_max_length_on_error": "0",  # person data never reaches the server's log
            **more,
        }
        if self.version >= 18:
            options.setdefault("io_method", "sync")  # saves three helper processes
        return options

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "TZ", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
        return {**kept, "LC_ALL": "C", "HOME": "/"}

    def _make_cluster(self) -> None:
        for abandoned in self.folder.glob("data.part-*"):  # an initdb that was killed half-way
            shutil.rmtree(abandoned, ignore_errors=True)
        part = self.folder / f"data.part-{os.getpid()}"
        done = subprocess.run(
            [str(self.bin / "initdb"), "-D", str(part), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", *self._locale()],
            env=self._environment(),
            cwd="/",
            capture_output=True,
            text=True,
            preexec_fn=dropping(self.drop),
            check=False,
        )
        if done.returncode:
            raise CannotStart(f"initdb failed:\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}")
        part.rename(self.data)

    def _locale(self) -> list[str]:
        quick = ["--no-instructions", "--no-sync"]
        if self.version >= 17:  # the same sort order on every system
            return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", *quick]
        return ["--locale=C.UTF-8" if ON_LINUX else "--locale=C", *quick]

    def _refuse_another_version(self) -> None:
        have = int((self.data / "PG_VERSION").read_text().split(".")[0])
        if have != self.version:
            raise CannotStart(
                f"{self.data} was made by PostgreSQL {have}, the binaries here are {self.version}: "
                "dump and restore it, or move the folder away to start anew"
            )

    def _spawn(self) -> None:
        command = [str(self.bin / "postgres"), "-D", str(self.data)]
        for name, value in self.options.items():
            command += ["-c", f"{name}={value}"]
        self.process = spawn(command, log=self.log, env=self._environment(), preexec=self._before())

    def _before(self) -> Callable[[], None]:
        drop, mortal = dropping(self.drop), die_with_parent(signal.SIGINT)  # SIGINT: PostgreSQL's fast shutdown

        def child() -> None:
            drop()  # first: a change of credentials clears the death signal
            mortal()

        return child

    def _recorded_pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _remove_stale_pid_file(self) -> None:
        pid = self._recorded_pid()
        if pid is not None and not self._is_ours(pid):
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        line = command_line(pid)
        return "postgres" in line and str(self.data) in line

    def _end_of_log(self) -> str:
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else "it wrote no log"
