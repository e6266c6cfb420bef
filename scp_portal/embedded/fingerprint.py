"""Says whether a database that this code has prepared needs to be looked at again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from scp_portal.embedded.processes import ROOT

PACKAGES = ("scp_portal", "audit", "registry", "exchange", "webhooks")
KINDS = {".py", ".sql", ".json", ".csv", ".yaml", ".yml"}


def of_the_code() -> str:
    """Hash of the project's own code and of the lock file: the same code makes the same tables and the same demo."""
    digest = hashlib.sha256()
    files = [ROOT / "requirements-dev.lock"]
    for package in PACKAGES:
        files += sorted(path for path in (ROOT / package).rglob("*") if path.suffix in KINDS)
    for path in files:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Prepared:
    """A note inside the database's own folder: which code prepared it last. Goes away with the data."""

    def __init__(self, folder: Path) -> None:
        self.note = folder / "prepared-by"

    def by_this_code(self) -> bool:
        return self.note.exists() and self.note.read_text() == of_the_code()

    def remember(self) -> None:
        self.note.write_text(of_the_code())
