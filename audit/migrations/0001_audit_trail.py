"""The trail: its schema, its only writer, and what refuses every change. Made by the database's owner, no superuser.

It runs before every other migration of the portal, because row-level security everywhere rests on its two functions.
"""

from importlib import resources
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ImproperlyConfigured
from django.db import migrations, models


def sql(name: str) -> str:
    return resources.files("audit").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def require_the_roles(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int, to_regrole('scp_app'), current_user")
        version, role, user = cursor.fetchone()
    if version < 150000:
        raise ImproperlyConfigured("The portal needs PostgreSQL 15 or newer.")
    if role is None:
        raise ImproperlyConfigured("Create the role scp_app first: see scp_portal/embedded/roles.sql.")
    if user == "scp_app":
        raise ImproperlyConfigured("Migrations run as the owner (DATABASE_OWNER_URL), not as scp_app.")


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = []
    operations: ClassVar[list[Any]] = [
        migrations.RunPython(require_the_roles, migrations.RunPython.noop),
        migrations.RunSQL(
            sql("tenant_context"), "DROP FUNCTION public.scp_all_tenants(); DROP FUNCTION public.scp_tenant_ids()"
        ),
        migrations.RunSQL(sql("tables"), "DROP SCHEMA audit CASCADE"),
        migrations.RunSQL(sql("guards"), migrations.RunSQL.noop),
        migrations.RunSQL(sql("partitions"), migrations.RunSQL.noop),
        migrations.RunSQL(sql("append"), migrations.RunSQL.noop),
        migrations.CreateModel(
            "Log",
            [
                ("log_id", models.IntegerField(primary_key=True, serialize=False)),
                ("tenant_id", models.TextField(null=True)),
                ("origin", models.TextField(unique=True)),
                ("epoch", models.IntegerField()),
                ("state", models.TextField()),
                ("retention_class", models.SmallIntegerField()),
            ],
            {"db_table": '"audit"."log"', "managed": False},
        ),
        migrations.CreateModel(
            "Entry",
            [
                ("entry_id", models.UUIDField(primary_key=True, serialize=False)),
                ("retention_class", models.SmallIntegerField()),
                ("log_id", models.IntegerField()),
                ("tenant_id", models.TextField(null=True)),
                ("recorded_at", models.DateTimeField()),
                ("leaf_hash", models.BinaryField(max_length=32)),
                ("request_id", models.TextField()),
                ("kind", models.TextField()),
                ("vertical", models.TextField()),
                ("actor_kind", models.TextField()),
                ("actor_id", models.TextField()),
                ("action", models.TextField()),
                ("result", models.TextField()),
                ("subject", models.TextField()),
                ("data_categories", ArrayField(models.TextField())),
                ("body", models.BinaryField()),
            ],
            {"db_table": '"audit"."entry"', "managed": False, "verbose_name_plural": "entries"},
        ),
        migrations.CreateModel(
            "Pending",
            [
                ("entry_id", models.UUIDField(primary_key=True, serialize=False)),
                ("log_id", models.IntegerField()),
                ("recorded_at", models.DateTimeField()),
                ("retention_class", models.SmallIntegerField()),
                ("leaf_hash", models.BinaryField(max_length=32)),
            ],
            {"db_table": '"audit"."pending"', "managed": False},
        ),
    ]
