"""Seconds from `./portal up` to the line that says it is ready, in a copy of the project with nothing installed.

Cold: no environment, no data and, with an empty cache folder, every package fetched anew. Warm: the same again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLD_GOAL, WARM_GOAL = 90.0, 5.0
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE")
WARM_RUNS = 3


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def environment(cache: Path) -> dict[str, str]:
    """A plain shell's, with the machine's way to the packages, and empty download caches."""
    kept = {name: value for name, value in os.environ.items() if name in INHERITED or name.startswith("PIP_")}
    caches = {"UV_CACHE_DIR": str(cache / "uv"), "PIP_CACHE_DIR": str(cache / "pip")}
    return {**{name: value for name, value in kept.items() if name != "PIP_CACHE_DIR"}, **caches}


def copy(target: Path) -> None:
    """The committed files, as a clone would have them."""
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(target)], check=True)


def python() -> str:
    """A Python outside of any virtual environment, as a new user has it."""
    return str(Path(sys.base_prefix) / "bin" / "python3")


def seconds_to_ready(project: Path, env: dict[str, str]) -> float:
    """Start, wait for the line, stop by Ctrl-C; raises when it ends before it is ready."""
    ports = ["--port", str(free_port()), "--issuer-port", str(free_port())]
    command = [python(), "portal", "up", "--no-browser", *ports]
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=project, env=env, stdout=subprocess.PIPE, text=True)
    said = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if "Ready: " in line:
            break
    taken = time.monotonic() - began
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    if not any("Ready: " in line for line in said):
        raise SystemExit("".join(said) + "\n./portal up ended before it was ready")
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(prog="./portal bench startup", description=__doc__)
    parser.add_argument("--cached", action="store_true", help="use this user's download caches for the cold start")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="portal-startup-"))
    env = environment(folder / "cache")
    if options.cached:
        env = {name: value for name, value in env.items() if name not in ("UV_CACHE_DIR", "PIP_CACHE_DIR")}
    try:
        copy(folder / "project")
        load = os.getloadavg()[0]
        cold = seconds_to_ready(folder / "project", env)
        print(f"load before: {load:.1f} (the goals are for a machine that does nothing else)")
        print(f"cold, downloads included, {os.cpu_count()} cores: {cold:.1f} s (under {COLD_GOAL:.0f} s)", flush=True)
        warm = sorted(seconds_to_ready(folder / "project", env) for _ in range(WARM_RUNS))
        print("warm: " + ", ".join(f"{one:.1f} s" for one in warm) + f" (goal: under {WARM_GOAL:.0f} s)")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    median = warm[len(warm) // 2]
    verdict = "ok" if cold < COLD_GOAL and median < WARM_GOAL else "short"
    print(f"startup cold={cold:.1f}s,warm={median:.1f}s cold<{COLD_GOAL:.0f}s,warm<{WARM_GOAL:.0f}s {verdict}")
    return 0 if verdict == "ok" else 1


if __name__ == "__main__":
    sys.exit(main())
