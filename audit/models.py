"""The trail's tables as Django sees them, and the outbox. No foreign key leaves this app: what is recorded stays
readable when its subject is gone.
"""

import json
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.expressions import RawSQL

from scp_portal.kernel.actor import ActorKind
from scp_portal.kernel.ids import uuid7


class Kind(models.TextChoices):
    """What sort of thing an entry tells of."""

    REQUEST = "request", "Request"
    INTENT = "intent", "Intent"
    RESULT = "result", "Result"
    DENIED = "denied", "Denied"
    AUTH_FAILURE = "auth_failure", "Authentication failure"
    ADMIN = "admin", "Administration"
    PRUNE = "prune", "Pruning"
    ERASE = "erase", "Erasure"
    KEY = "key", "Key"
    EPOCH = "epoch", "Epoch"
    INCIDENT = "incident", "Incident"
    EXPORT = "export", "Export"


class Result(models.TextChoices):
    SUCCESS = "success", "Success"
    FAILURE = "failure", "Failure"
    DENIED = "denied", "Denied"
    UNKNOWN = "unknown", "Unknown"


ACTOR_KINDS = [(kind.value, kind.name.title()) for kind in ActorKind]


class Log(models.Model):
    """A Merkle log: one per tenant and epoch, and one of the platform (`tenant_id` null)."""

    log_id = models.IntegerField(primary_key=True)
    tenant_id = models.TextField(null=True)
    origin = models.TextField(unique=True)
    epoch = models.IntegerField()
    state = models.TextField()
    retention_class = models.SmallIntegerField()

    class Meta:
        managed = False
        db_table = '"audit"."log"'

    def __str__(self) -> str:
        return self.origin


class EntryQuerySet(models.QuerySet["Entry"]):
    """Whose entries are seen is row-level security's matter; these narrow further."""

    def about(self, subject: str) -> Self:
        """Entries on one thing, named as `integration:<id>`, newest first."""
        return self.filter(subject=subject).order_by("-entry_id")

    def newest_first(self) -> Self:
        return self.order_by("-entry_id")


class Entry(models.Model):
    """One thing that happened. `body` holds the exact bytes that `leaf_hash` covers; the columns repeat them."""

    entry_id = models.UUIDField(primary_key=True)
    retention_class = models.SmallIntegerField()
    log_id = models.IntegerField()
    tenant_id = models.TextField(null=True)
    recorded_at = models.DateTimeField()
    leaf_hash = models.BinaryField(max_length=32)
    request_id = models.TextField()
    kind = models.TextField(choices=Kind)
    vertical = models.TextField()
    actor_kind = models.TextField(choices=ACTOR_KINDS)
    actor_id = models.TextField()
    action = models.TextField()
    result = models.TextField(choices=Result)
    subject = models.TextField()
    data_categories = ArrayField(models.TextField())
    body = models.BinaryField()

    objects: ClassVar[EntryQuerySet] = EntryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        managed = False
        db_table = '"audit"."entry"'
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.action} · {self.result}"

    @property
    def document(self) -> dict[str, Any]:
        """The body as read back; for showing, never for hashing."""
        parsed: dict[str, Any] = json.loads(bytes(self.body))
        return parsed


class Pending(models.Model):
    """An entry that waits to be sealed into its log."""

    entry_id = models.UUIDField(primary_key=True)
    log_id = models.IntegerField()
    recorded_at = models.DateTimeField()
    retention_class = models.SmallIntegerField()
    leaf_hash = models.BinaryField(max_length=32)

    class Meta:
        managed = False
        db_table = '"audit"."pending"'

    def __str__(self) -> str:
        return str(self.entry_id)


class Event(models.Model):
    """The outbox: what others may hear of, written in the transaction that made it true.

    `xact_id` is the transaction's number (xid8), by which a reader knows that no earlier one can still appear.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    type = models.CharField(max_length=100)
    tenant_id = models.CharField(max_length=32, null=True)
    subject = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict)
    actor_kind = models.CharField(max_length=16, choices=ACTOR_KINDS)
    actor_id = models.CharField(max_length=200)
    request_id = models.CharField(max_length=64, blank=True)
    occurred_at = models.DateTimeField()
    xact_id = models.BigIntegerField(
        db_default=RawSQL("(pg_current_xact_id()::text)::bigint", (), output_field=models.BigIntegerField())
    )

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["tenant_id", "id"], name="audit_event_by_tenant")]

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"
