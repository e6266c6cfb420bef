"""Tenants (countries) and verticals: the two walls every record stands between."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models

CODE = RegexValidator(r"^[A-Z][A-Z0-9-]{1,15}$", "Two to sixteen capital letters, digits or hyphens, such as NZ.")
SLUG = RegexValidator(r"^[a-z][a-z0-9_]{1,31}$", "Lower-case letters, digits and underscores, such as health.")


class Tenant(models.Model):
    """One country. Its code is the `tenant_id` of tokens, contracts and audit entries (B-4.1-1)."""

    code = models.CharField(primary_key=True, max_length=16, validators=[CODE])
    name = models.CharField(max_length=100)
    language = models.CharField(max_length=10, default="en", help_text="Language of people here by default.")
    time_zone = models.CharField(max_length=40, default="UTC", help_text="IANA name; deadlines are shown in it.")
    policy = models.JSONField(
        default=dict,
        help_text="Mask per field class, page and rate limits: the tenant's share of the effective policy.",
    )
    frozen_at = models.DateTimeField(null=True, blank=True, help_text="While set, every integration here refuses.")
    frozen_reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class Vertical(models.Model):
    """A field of community life with data of its own, such as health (B-4.2-1)."""

    code = models.CharField(primary_key=True, max_length=32, validators=[SLUG])
    name = models.CharField(max_length=100)
    person_level = models.BooleanField(default=True, help_text="Records here are about persons and need consent.")

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class TenantVertical(models.Model):
    """A vertical as one tenant runs it, with the owner's rules about its datasets and fields."""

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="verticals")
    vertical = models.ForeignKey(Vertical, models.PROTECT, related_name="+")
    policy = models.JSONField(
        default=dict,
        help_text="Per dataset: permitted or not, a mask per field, minimum cell, page size. A missing rule omits.",
    )
    frozen_at = models.DateTimeField(null=True, blank=True)
    frozen_reason = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["tenant", "vertical"]
        constraints = [models.UniqueConstraint(fields=["tenant", "vertical"], name="registry_one_vertical_per_tenant")]

    def __str__(self) -> str:
        return f"{self.vertical_id} in {self.tenant_id}"
