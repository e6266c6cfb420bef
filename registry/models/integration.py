"""The Integration: a formally governed connection between SCP and an external system (B-6.*)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django_fsm import FSMField

from registry import lifecycle
from registry.models.contract import DataContract
from registry.models.partner import Partner
from registry.models.rate_limit import RateLimitPolicy
from registry.models.tenant import Tenant
from registry.models.user import User
from registry.querysets import IntegrationQuerySet

Status = lifecycle.Status


class Risk(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


class Integration(lifecycle.Moves, models.Model):
    """One connection of one partner to one tenant. Who moved it, and why, stands in `Decision` and the audit trail.

    `status` changes only through `registry.actions.integrations`; a database trigger refuses every move that is
    not in `registry.lifecycle.TRANSITIONS` or has no matching `Decision` in the same transaction.
    """

    integration_id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="integrations")
    integration_name = models.CharField(max_length=200)
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="integrations")
    status = FSMField(default=Status.DRAFT, choices=Status.choices, protected=True, editable=False)
    vertical_ids = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    active_from = models.DateTimeField(null=True, blank=True)
    active_until = models.DateTimeField(null=True, blank=True)
    data_contract = models.ForeignKey(DataContract, models.PROTECT, null=True, blank=True, related_name="integrations")
    auth_client_id = models.CharField(max_length=100, blank=True, editable=False)
    rate_limit_policy = models.ForeignKey(
        RateLimitPolicy, models.PROTECT, null=True, blank=True, related_name="integrations"
    )
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    # The data protection answers without which nothing can be submitted (A-2-2).
    purpose = models.TextField(blank=True, help_text="Why the partner needs these data, in a sentence or two.")
    legal_basis = models.CharField(max_length=200, blank=True, help_text="IRI of the DPV legal basis.")
    legal_basis_reference = models.CharField(max_length=200, blank=True, help_text="Law, section, assessment number.")
    retention_days = models.PositiveIntegerField(null=True, blank=True, help_text="The partner deletes after.")
    transfers = models.TextField(blank=True, help_text="Where the data go from there; 'none' if nowhere.")
    dpia_link = models.URLField(blank=True, help_text="Data protection impact assessment; needed at high risk.")

    # Layered controls (B-7.2).
    risk = models.CharField(max_length=8, choices=Risk, default=Risk.MEDIUM, editable=False)
    ip_allowlist = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    mtls_required = models.BooleanField(default=False)
    certificate_thumbprint = models.CharField(max_length=64, blank=True, help_text="SHA-256, hex.")
    token_lifetime = models.PositiveIntegerField(default=300, help_text="Seconds a token may live, at most 900.")

    # Governance.
    revision = models.PositiveIntegerField(default=1, editable=False)
    content_hash = models.CharField(max_length=64, blank=True, editable=False)
    submitted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", editable=False)
    submitted_at = models.DateTimeField(null=True, editable=False)
    due_at = models.DateTimeField(null=True, editable=False, help_text="When the waiting decision is due.")
    approved_at = models.DateTimeField(null=True, editable=False)
    activated_at = models.DateTimeField(null=True, editable=False)
    conditions = models.TextField(blank=True, editable=False)
    status_reason = models.TextField(blank=True, editable=False)
    status_reason_code = models.CharField(max_length=32, blank=True, editable=False)
    status_changed_at = models.DateTimeField(auto_now_add=True)
    imposed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", editable=False)
    sunset_at = models.DateTimeField(null=True, editable=False)
    successor = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+", editable=False)
    archived_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False, help_text="Counts saves; guards against races.")

    objects: ClassVar[IntegrationQuerySet] = IntegrationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["integration_name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "integration_name"], name="registry_integration_name_is_unique"),
            models.UniqueConstraint(fields=["tenant", "integration_id"], name="registry_integration_tenant_key"),
            models.UniqueConstraint(
                fields=["auth_client_id"],
                condition=~models.Q(auth_client_id=""),
                name="registry_one_integration_per_machine_client",
            ),
            models.CheckConstraint(
                name="registry_integration_status_is_known",
                condition=models.Q(status__in=[s.value for s in Status]),
            ),
            models.CheckConstraint(
                name="registry_integration_window_is_ordered",
                condition=models.Q(active_until__isnull=True)
                | models.Q(active_from__isnull=True)
                | models.Q(active_until__gt=models.F("active_from")),
            ),
            models.CheckConstraint(
                name="registry_integration_token_lifetime_is_short",
                condition=models.Q(token_lifetime__gte=60) & models.Q(token_lifetime__lte=900),
            ),
            models.CheckConstraint(
                name="registry_a_serving_integration_has_client_and_contract",
                condition=~models.Q(status__in=["active", "restricted", "deprecated"])
                | (~models.Q(auth_client_id="") & models.Q(data_contract__isnull=False)),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "status"], name="registry_integration_status")]

    def __str__(self) -> str:
        return self.integration_name

    @property
    def partner_name(self) -> str:
        return self.partner.name

    @property
    def partner_type(self) -> str:
        return self.partner.partner_type

    @property
    def data_contract_ref(self) -> str:
        return self.data_contract.ref if self.data_contract else ""


class Decision(models.Model):
    """One governed step by one person (or the system), append-only.

    Every move of an integration's status has its row here, written in the same transaction (`transaction_id` is
    stamped by the database). Steps that keep the status, such as one vertical's acceptance, have rows with
    `source == target`. Separation of duties is a trigger over this table as well as a rule in the actions.
    """

    id = models.BigAutoField(primary_key=True)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    integration = models.ForeignKey(Integration, models.PROTECT, related_name="decisions")
    revision = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64, blank=True)
    step = models.CharField(max_length=32, help_text="Name of the move in registry.lifecycle.")
    source = models.CharField(max_length=16)
    target = models.CharField(max_length=16)
    vertical = models.CharField(max_length=32, blank=True, help_text="For a vertical owner's acceptance.")
    actor_kind = models.CharField(max_length=16)
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=200)
    role = models.CharField(max_length=32, help_text="In which role the person acted.")
    reason = models.TextField(blank=True)
    reason_code = models.CharField(max_length=32, blank=True)
    snapshot = models.JSONField(null=True, blank=True, help_text="What was submitted; `content_hash` is its hash.")
    decided_at = models.DateTimeField(auto_now_add=True)
    transaction_id = models.BigIntegerField(default=0, editable=False, help_text="Stamped by the database.")

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["integration", "revision"], name="registry_decision_revision")]

    def __str__(self) -> str:
        return f"{self.step} by {self.actor_name}"


class ClientSync(models.Model):
    """What we want of the identity server for one integration, and what it last said (intent, call, result).

    The client's secret is never here: it is shown once, to the person who asked for it (B-6.2-4).
    """

    class Wanted(models.TextChoices):
        ENABLED = "enabled", "Enabled"
        DISABLED = "disabled", "Disabled"
        DELETED = "deleted", "Deleted"

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+")
    integration = models.OneToOneField(Integration, models.PROTECT, related_name="client_sync", primary_key=True)
    client_id = models.CharField(max_length=100)
    internal_id = models.CharField(max_length=100, blank=True, help_text="The identity server's own key.")
    wanted = models.CharField(max_length=16, choices=Wanted)
    observed = models.CharField(max_length=16, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, help_text="When to try (again); empty: what is wanted is so.")
    last_error = models.TextField(blank=True)
    wanted_at = models.DateTimeField(auto_now=True)
    observed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.client_id}: {self.wanted}"
