"""Child processes that never outlive the process that started them, and the small file-system helpers they share."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ON_LINUX = platform.system() == "Linux"  # not sys.platform: the type checker would see only one of the two worlds
PR_SET_PDEATHSIG = 1
ROOT = Path(__file__).resolve().parents[2]
SOCKET_PATH_LIMIT = 100  # a unix socket's path holds 103 to 107 bytes, depending on the system
NOBODY = 65534  # how a process in root's user namespace sees itself


class CannotStart(RuntimeError):
    """A part can't be started here; the message is for people and says what to do."""


def die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """For `preexec_fn`: on Linux the child gets `number` when its starting thread ends, by kill -9 too."""
    parent = os.getpid()
    libc = ctypes.CDLL(None)

    def child() -> None:
        if ON_LINUX:
            libc.prctl(PR_SET_PDEATHSIG, int(number))
            if os.getppid() != parent:  # the parent died between fork and prctl
                os._exit(1)

    return child


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path` alone; waits for the others. The kernel releases it when the process ends."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def short_socket_folder(folder: Path, socket_name: str, prefix: str) -> Path:
    """`folder`, or a private folder under the temporary directory when a socket's path would be too long."""
    if len(os.fsencode(folder / socket_name)) < SOCKET_PATH_LIMIT:
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"{prefix}-{os.geteuid()}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    facts = short.lstat()
    if facts.st_uid not in (os.geteuid(), NOBODY) or facts.st_mode & 0o077:
        raise PermissionError(f"{short} belongs to someone else")
    return short


def command_line(pid: int) -> str:
    """The command line of a running process, empty when there is none."""
    if ON_LINUX:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    asked = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout


def end(process: subprocess.Popen[bytes], number: signal.Signals, harder: signal.Signals, timeout: float) -> None:
    """Ask a child to end, and insist after `timeout` seconds."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(harder)
            process.wait(timeout)
    for watcher in _watcher:
        watcher.remove(process.pid)


class Watcher:
    """Ends children of a process that died, where the kernel has no death signal (macOS).

    The watcher reads `+PID` and `-PID` lines from a pipe whose only writer is the process that it watches, and ends
    what is still on its list when the pipe does.
    """

    def __init__(self) -> None:
        command = [sys.executable, "-m", "scp_portal.embedded.processes"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, cwd=ROOT)

    def add(self, pid: int) -> None:
        self._tell(f"+{pid}\n")

    def remove(self, pid: int) -> None:
        self._tell(f"-{pid}\n")

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(10)

    def _tell(self, line: str) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def watch(lines: Iterator[str]) -> None:
    """Keep the list until the pipe ends, then end what is on it. SIGINT: PostgreSQL's fast shutdown, granian's stop."""
    running: set[int] = set()
    for line in lines:
        sign, pid = line[0], int(line[1:])
        if sign == "+":
            running.add(pid)
        else:
            running.discard(pid)
    for pid in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)


_watcher: list[Watcher] = []


def spawn(
    command: Sequence[str], *, log: Path, env: dict[str, str], preexec: Callable[[], None], cwd: Path = Path("/")
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own (Ctrl-C reaches only its starter), its output appended to `log`.

    `preexec` carries the death signal; where there is none (macOS) one watcher per starting process stands in.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=preexec,
        )
    if not ON_LINUX:
        if not _watcher:
            _watcher.append(Watcher())
        _watcher[0].add(process.pid)
    return process


if __name__ == "__main__":
    watch(iter(sys.stdin))
