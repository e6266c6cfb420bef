"""The outbox of events, under row-level security, insert-only for the application."""

from importlib import resources
from typing import Any, ClassVar

from django.db import migrations, models
from django.db.models.expressions import RawSQL

import scp_portal.kernel.ids

KINDS = [("person", "Person"), ("machine", "Machine"), ("system", "System")]


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("audit", "0001_audit_trail")]
    operations: ClassVar[list[Any]] = [
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=scp_portal.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("type", models.CharField(max_length=100)),
                ("tenant_id", models.CharField(max_length=32, null=True)),
                ("subject", models.CharField(blank=True, max_length=200)),
                ("data", models.JSONField(default=dict)),
                ("actor_kind", models.CharField(choices=KINDS, max_length=16)),
                ("actor_id", models.CharField(max_length=200)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("occurred_at", models.DateTimeField()),
                (
                    "xact_id",
                    models.BigIntegerField(
                        db_default=RawSQL(
                            "(pg_current_xact_id()::text)::bigint", (), output_field=models.BigIntegerField()
                        )
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["tenant_id", "id"], name="audit_event_by_tenant")]},
        ),
        migrations.RunSQL(
            resources.files("audit").joinpath("sql", "events.sql").read_text(encoding="utf-8"),
            migrations.RunSQL.noop,
        ),
    ]
