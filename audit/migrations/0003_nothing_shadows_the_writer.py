"""What runs with the owner's rights looks names up in the catalogue first and among temporary objects last.

Left unsaid, PostgreSQL looks among the caller's temporary objects first: a temporary type named `jsonb` with a check
of the caller's making would have run that check as the owner, inside `audit.append`.
"""

from typing import Any, ClassVar

from django.db import migrations

FUNCTIONS = (
    "append(bytea)",
    "log_for(text, text)",
    "ensure_partitions(integer)",
    "months_ready()",
    "guard_partition(text)",
    "guard_truncate(regclass)",
)


def looks_in(path: str) -> str:
    return "".join(f"ALTER FUNCTION audit.{function} SET search_path = {path};" for function in FUNCTIONS)


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("audit", "0002_event_outbox")]
    operations: ClassVar[list[Any]] = [
        migrations.RunSQL(looks_in("pg_catalog, pg_temp"), looks_in("pg_catalog")),
    ]
