"""`./portal manage draw_lifecycle`: write docs/lifecycle.md from the table of transitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from registry import lifecycle_page

PAGE = Path("docs") / "lifecycle.md"


class Command(BaseCommand):
    help = "Write docs/lifecycle.md, the picture and table of an integration's life, from the code."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        (settings.BASE_DIR / PAGE).write_text(lifecycle_page.page(), encoding="utf-8")
        self.stdout.write(f"Wrote {PAGE}.")
