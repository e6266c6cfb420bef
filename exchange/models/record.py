"""Records: the core's data as the boundary holds them."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from exchange.models.dataset import Dataset
from registry.models import Person, Tenant


class Record(models.Model):
    """One record of one dataset in one tenant. Never sent as it is: see `exchange.reading`.

    `verticals` names every vertical the record touches; a person must consent in all of them (B-4.3-1).
    Pages are keyed by (`updated_at`, `record_id`).
    """

    record_id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="+", db_column="dataset")
    source_key = models.CharField(max_length=200, help_text="The core's key; an upsert goes by it.")
    verticals = ArrayField(models.CharField(max_length=32))
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    payload = models.JSONField()
    updated_at = models.DateTimeField(editable=False, help_text="Stamped by the database at every change.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "dataset", "source_key"], name="exchange_record_source_key"),
            models.CheckConstraint(name="exchange_record_touches_a_vertical", condition=models.Q(verticals__len__gt=0)),
        ]
        indexes = [
            models.Index(fields=["tenant", "dataset", "updated_at", "record_id"], name="exchange_record_page"),
            models.Index(fields=["tenant", "person"], name="exchange_record_person"),
        ]

    def __str__(self) -> str:
        return str(self.record_id)
