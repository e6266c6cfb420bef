"""`./portal manage load_demo`: the demo's four countries and their integrations."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from scp_portal.demo.loading import DemoRefused, load
from scp_portal.kernel.problems import Problem


class Command(BaseCommand):
    help = "Load the demo into an empty database: four countries, their people, data and integrations."

    def handle(self, *args: Any, verbosity: int, **options: Any) -> None:
        started = time.monotonic()
        try:
            loaded = load(self.stdout.write if verbosity else lambda line: None)
        except DemoRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        except Problem as problem:
            faults = "; ".join(f"{error['field']}: {error['message']}" for error in problem.errors)
            raise CommandError(f"{problem.detail} {faults}".strip()) from problem
        if not verbosity:
            return
        seconds = time.monotonic() - started
        self.stdout.write(f"The demo is loaded ({seconds:.1f} s)." if loaded else "The demo is loaded already.")
