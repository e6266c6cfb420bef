"""`./portal manage ensure_audit_partitions`: by hand what the worker does every six hours."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.partitions import MONTHS_AHEAD, ensure_partitions, months_ready


class Command(BaseCommand):
    help = "Make the audit trail's partitions for the coming months."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--months", type=int, default=MONTHS_AHEAD, help="Months ahead of this one.")

    def handle(self, *args: Any, **options: Any) -> None:
        made = ensure_partitions(options["months"])
        self.stdout.write(f"{made} partitions made; {months_ready()} months ahead are ready.")
