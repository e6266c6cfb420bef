import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("registry", "0001_models"),
    ]

    operations = [
        migrations.CreateModel(
            name="Dataset",
            fields=[
                ("name", models.SlugField(max_length=64, primary_key=True, serialize=False)),
                ("title", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True)),
                (
                    "person_free",
                    models.BooleanField(default=False, help_text="No record here is about a person."),
                ),
                ("fields", models.JSONField(default=dict)),
                (
                    "vertical",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.vertical"
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Record",
            fields=[
                ("record_id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "source_key",
                    models.CharField(help_text="The core's key; an upsert goes by it.", max_length=200),
                ),
                (
                    "verticals",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=32), size=None),
                ),
                ("payload", models.JSONField()),
                (
                    "updated_at",
                    models.DateTimeField(editable=False, help_text="Stamped by the database at every change."),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        db_column="dataset",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="exchange.dataset",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.person"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="registry.tenant"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "dataset", "source_key"), name="exchange_record_source_key"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("verticals__len__gt", 0)), name="exchange_record_touches_a_vertical"
                    ),
                ],
                "indexes": [
                    models.Index(fields=["tenant", "dataset", "updated_at", "record_id"], name="exchange_record_page"),
                    models.Index(fields=["tenant", "person"], name="exchange_record_person"),
                ],
            },
        ),
    ]
