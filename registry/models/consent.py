"""Persons and their consent, per vertical (B-4.3-1). The state is a projection of an append-only journal."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from registry.models.tenant import Tenant, Vertical


class Person(models.Model):
    """Someone whose data it is. The core knows who; here stands only what consent needs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    reference = models.CharField(max_length=100, help_text="The core's key for this person.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "reference"], name="registry_person_reference_is_unique"),
            models.UniqueConstraint(fields=["tenant", "id"], name="registry_person_tenant_key"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class ConsentNotice(models.Model):
    """What a person was told, in one language. Immutable; a new text is a new version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    vertical = models.ForeignKey(Vertical, models.PROTECT, related_name="+")
    version = models.CharField(max_length=32, help_text="Sorts by time, such as 2026-03.")
    language = models.CharField(max_length=10)
    text = models.TextField()
    text_hash = models.CharField(max_length=64)
    purposes = ArrayField(models.CharField(max_length=200), default=list)
    controller = models.CharField(max_length=200)
    recipients = ArrayField(models.CharField(max_length=200), default=list)
    retention = models.CharField(max_length=100)
    withdrawal_method = models.TextField()
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["tenant", "vertical", "-version", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "vertical", "version", "language"], name="registry_notice_version_is_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.vertical_id} {self.version} ({self.language})"


class ConsentStatus(models.TextChoices):
    """W3C DPV consent statuses. Only `given` and `renewed` permit anything."""

    REQUESTED = "requested", "Requested"
    GIVEN = "given", "Given"
    REFUSED = "refused", "Refused"
    RENEWED = "renewed", "Renewed"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"
    INVALIDATED = "invalidated", "Invalidated"


PERMITTING = (ConsentStatus.GIVEN, ConsentStatus.RENEWED)


class ConsentEvent(models.Model):
    """One thing that happened to one consent. Append-only: a trigger refuses change and removal."""

    seq = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, models.PROTECT, related_name="consent_events")
    vertical = models.ForeignKey(Vertical, models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=ConsentStatus)
    notice_version = models.CharField(max_length=32, blank=True)
    method = models.CharField(max_length=40)
    actor_id = models.CharField(max_length=100)
    actor_role = models.CharField(max_length=16, default="self", help_text="self, delegate or officer")
    recorded_at = models.DateTimeField(auto_now_add=True)
    effective_at = models.DateTimeField(help_text="A note: the authority is the commit of this row.")
    valid_until = models.DateTimeField(null=True)
    evidence_ref = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["seq"]
        indexes = [models.Index(fields=["tenant", "person", "vertical"], name="registry_consentevent_person")]

    def __str__(self) -> str:
        return f"{self.seq} {self.status}"


class ConsentState(models.Model):
    """Where a person stands now. Read at every statement, never cached (B-4.3-2). No row means no consent."""

    pk = models.CompositePrimaryKey("tenant_id", "person_id", "vertical_id")
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, models.PROTECT, related_name="consents")
    vertical = models.ForeignKey(Vertical, models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=ConsentStatus)
    notice_version = models.CharField(max_length=32, blank=True)
    effective_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True)
    event_seq = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.person_id} {self.vertical_id} {self.status}"


class ConsentEpoch(models.Model):
    """Counts consent changes per tenant and vertical, so that nothing computed before a change is taken for fresh."""

    pk = models.CompositePrimaryKey("tenant_id", "vertical_id")
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    vertical = models.ForeignKey(Vertical, models.PROTECT, related_name="+")
    epoch = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.tenant_id}/{self.vertical_id} {self.epoch}"
