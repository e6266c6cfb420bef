"""Integration Contracts: Open Data Contract Standard documents, immutable once published."""

from __future__ import annotations

import uuid

from django.db import models

from registry.models.tenant import Tenant


class DataContract(models.Model):
    """One version of one contract. `document` is the ODCS v3.1 text as published; a trigger keeps it (B-4.4-1)."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        RETIRED = "retired", "Retired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="contracts")
    name = models.SlugField(max_length=100)
    version = models.CharField(max_length=32)
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT, editable=False)
    document = models.TextField(help_text="Open Data Contract Standard v3.1, YAML.")
    parsed = models.JSONField(default=dict, editable=False, help_text="The document as JSON, written at publication.")
    content_hash = models.CharField(max_length=64, blank=True, editable=False)
    created_by = models.ForeignKey("registry.User", models.PROTECT, null=True, related_name="+", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    published_by = models.ForeignKey("registry.User", models.PROTECT, null=True, related_name="+", editable=False)
    published_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["name", "-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name", "version"], name="registry_contract_version_is_unique"),
            models.UniqueConstraint(fields=["tenant", "id"], name="registry_contract_tenant_key"),
            models.CheckConstraint(
                name="registry_a_published_contract_is_dated_and_hashed",
                condition=models.Q(status="draft")
                | (models.Q(published_at__isnull=False) & ~models.Q(content_hash="")),
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        """`data_contract_ref` of B-6.4-1."""
        return f"{self.name}@{self.version}"
