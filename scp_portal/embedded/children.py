"""The portal's own two processes: the web server, and the worker with the clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from scp_portal.embedded.processes import ROOT, die_with_parent, end, spawn

NOT_FOR_CHILDREN = {"DATABASE_OWNER_URL"}  # web and worker can't become the owner of the tables


class Children:
    """Started by the main thread, logging to files, ended with their parent."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_web(self, port: int) -> None:
        options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        self._start(
            "web",
            signal.SIGTERM,
            "granian",
            *options,
            "--blocking-threads",
            "4",
            "--no-ws",
            "scp_portal.wsgi:application",
        )

    def start_worker(self, folder: Path) -> None:
        clock = ["--beat", "--schedule", str(folder / "beat")]
        lone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        pool = ["--pool", "threads", "--concurrency", "4", "--loglevel", "WARNING"]
        # at once, for its broker dies with it; rows under way are claimed again when their lease ends
        self._start("worker", signal.SIGKILL, "celery", "-A", "scp_portal", "worker", *clock, *pool, *lone)

    def dead(self) -> str | None:
        """Name of a process that has ended."""
        return next((name for name, process in self.processes.items() if process.poll() is not None), None)

    def log_of(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def stop(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            end(process, signal.SIGTERM, signal.SIGKILL, 10)

    def _start(self, name: str, death: signal.Signals, *module_and_arguments: str) -> None:
        self.logs.mkdir(exist_ok=True)
        env = {key: value for key, value in os.environ.items() if key not in NOT_FOR_CHILDREN}
        env["PYTHONWARNINGS"] = "ignore::UserWarning"  # Celery's "running as root"
        command = [sys.executable, "-m", *module_and_arguments]
        mortal = die_with_parent(death)
        self.processes[name] = spawn(command, log=self.log_of(name), env=env, preexec=mortal, cwd=ROOT)
