"""The secrets of this machine's own portal: made once, kept in a file that only its owner reads."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

DEMO_MARK = "demo-"  # the settings' checks refuse such a value wherever DEBUG is off


def read_or_make(path: Path) -> dict[str, str]:
    """NAME=VALUE lines by name; the file is made with mode 0600, and completed where it lacks a name."""
    lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
    kept = dict(line.split("=", 1) for line in lines if "=" in line)
    values = {**_fresh(), **kept}
    if values != kept:
        _write(path, values)
    return values


def _fresh() -> dict[str, str]:
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {
        "SECRET_KEY": DEMO_MARK + secrets.token_urlsafe(48),
        "SECRET_KEYS": f"{DEMO_MARK}1:{key}",
        "KEYCLOAK_PROVISIONER_SECRET": DEMO_MARK + secrets.token_urlsafe(24),
        "CORE_CLIENT_SECRET": DEMO_MARK + secrets.token_urlsafe(24),
        "OIDC_CLIENT_SECRET": DEMO_MARK + secrets.token_urlsafe(24),
    }


def _write(path: Path, values: dict[str, str]) -> None:
    """Whole or not at all: a secret that is lost makes what it encrypted unreadable."""
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
