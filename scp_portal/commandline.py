"""Django's command line with one difference: what changes the schema runs as the owner of the tables."""

from __future__ import annotations

import os
from collections.abc import Sequence

from django.core.management import execute_from_command_line

OWNER_COMMANDS = {"migrate", "sqlmigrate", "showmigrations"}


def arguments(argv: Sequence[str]) -> list[str]:
    """`argv` (program first) with `--database owner` for the commands that need it, where there is such an address."""
    command = argv[1] if len(argv) > 1 else ""
    chosen = any(part == "--database" or part.startswith("--database=") for part in argv)
    if command in OWNER_COMMANDS and not chosen and owner_is_known():
        return [*argv[:2], "--database=owner", *argv[2:]]
    return list(argv)


def owner_is_known() -> bool:
    """There is an address of the tables' owner, itself or in a file, as the settings read it."""
    return any(os.environ.get(name) for name in ("DATABASE_OWNER_URL", "DATABASE_OWNER_URL_FILE"))


def run(argv: Sequence[str]) -> None:
    """Run a management command in this process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scp_portal.settings")
    execute_from_command_line(arguments(argv))
