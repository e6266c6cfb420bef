"""What ends children where the kernel has no death signal, and the file of secrets."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from scp_portal.embedded import secret_file
from scp_portal.embedded.processes import ROOT, Watcher

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
PARENT = """
import subprocess, sys, os
from scp_portal.embedded.processes import Watcher
watcher = Watcher()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
watcher.add(child.pid)
print("child", child.pid, flush=True)
sys.stdin.read()
"""


def test_the_watcher_ends_the_children_of_a_killed_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert parent.stdout is not None
    assert parent.stdout.readline().startswith("child ")
    parent.kill()
    # the child inherited the parent's output, so the end of that is the end of the child
    assert parent.communicate(timeout=10)[0] == ""


def test_the_watcher_leaves_alone_what_was_taken_off_its_list() -> None:
    watcher, kept, ended = Watcher(), subprocess.Popen(SLEEPER), subprocess.Popen(SLEEPER)
    watcher.add(kept.pid)
    watcher.add(ended.pid)
    watcher.remove(kept.pid)
    watcher.close()
    assert ended.wait(10) != 0
    assert kept.poll() is None
    kept.send_signal(signal.SIGKILL)
    kept.wait(5)


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    first = secret_file.read_or_make(path)
    assert secret_file.read_or_make(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert all(first[name].startswith("demo-") for name in first if name != "SECRET_KEYS")


def test_a_file_of_an_older_version_is_completed_and_keeps_its_values(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_text("SECRET_KEY=old\n")
    values = secret_file.read_or_make(path)
    assert values["SECRET_KEY"] == "old"
    assert "SECRET_KEYS=" in path.read_text()
