"""Organisations that operate the systems on the other side."""

from __future__ import annotations

import uuid

from django.db import models

from registry.models.tenant import Tenant


class PartnerType(models.TextChoices):
    """B-6.4-1 `partner_type`."""

    GOVERNMENT = "government", "Government"
    NGO = "ngo", "NGO"
    PRIVATE = "private", "Private"
    INTERNATIONAL = "international", "International"


class Partner(models.Model):
    """An outside organisation as one tenant knows it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="partners")
    name = models.CharField(max_length=200)
    partner_type = models.CharField(max_length=16, choices=PartnerType)
    technical_contact = models.EmailField(blank=True)
    legal_contact = models.EmailField(blank=True)
    security_contact = models.EmailField(blank=True)
    blocked_at = models.DateTimeField(null=True, blank=True)
    blocked_reason = models.TextField(blank=True)
    blocked_by = models.ForeignKey(
        "registry.User", models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="registry_partner_name_is_unique_in_a_tenant"),
            models.UniqueConstraint(fields=["tenant", "id"], name="registry_partner_tenant_key"),
        ]

    def __str__(self) -> str:
        return self.name
