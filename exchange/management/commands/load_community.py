"""`./portal manage load_community FOLDER --tenant NZ`: real conversations into a tenant's records."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange.community.faults import CommunityFilesError
from exchange.community.loading import Loaded, load
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.problems import Problem
from scp_portal.kernel.tenancy import TenantContextError


class Command(BaseCommand):
    help = "Load a folder of community files (summary.csv, comments.csv, votes.csv), or a folder of such folders."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--tenant", required=True, help="code of the tenant, such as NZ")
        parser.add_argument(
            "--consent",
            choices=["given"],
            help="record that the people in the files consented (only for those of whom nothing is known); "
            "without it their records are stored and shown to nobody",
        )
        parser.add_argument("--skip-bad-rows", action="store_true", help="load the good rows of files with bad ones")

    def handle(self, *args: Any, folder: Path, tenant: str, **options: Any) -> None:
        started = time.monotonic()
        try:
            loaded = load(
                folder,
                tenant_id=tenant,
                actor=Actor.system("load_community"),
                give_consent=options["consent"] == "given",
                skip_bad_rows=options["skip_bad_rows"],
                say=self.stdout.write,
            )
        except CommunityFilesError as error:
            listed = "\n".join(error.faults.lines())
            hint = "" if error.faults.fatal else "\nMend the rows, or leave them out with --skip-bad-rows."
            raise CommandError(f"Nothing was loaded.\n{listed}{hint}") from error
        except Problem as problem:
            raise CommandError(f"Nothing was loaded. {problem.detail or problem.title}") from problem
        except TenantContextError as error:
            raise CommandError(f"Nothing was loaded: {error}. A tenant's code is short, such as NZ.") from error
        for line in report(loaded, time.monotonic() - started):
            self.stdout.write(line)
        if loaded.skipped:
            self.stderr.write(f"{loaded.skipped:,} bad rows were left out.")


def report(loaded: Loaded, seconds: float) -> list[str]:
    replaced = f" ({loaded.replaced:,} replaced by a later one of the same person)" if loaded.replaced else ""
    return [
        f"{loaded.lines:,} lines read: {loaded.conversations} conversations, {loaded.statements:,} statements,"
        f" {loaded.votes:,} votes{replaced}.",
        f"Records: {loaded.created:,} new, {loaded.changed:,} changed, {loaded.unchanged:,} as they were."
        f" Persons: {loaded.persons:,} new, {loaded.consents:,} consents recorded. {seconds:.1f} s",
    ]
