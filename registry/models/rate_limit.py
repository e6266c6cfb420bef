"""How much an integration may ask for."""

from __future__ import annotations

import uuid

from django.core.validators import MinValueValidator
from django.db import models

from registry.models.tenant import Tenant


class RateLimitPolicy(models.Model):
    """Requests per second at most, per minute sustained, per day. Applied to the integration that names it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="rate_limit_policies")
    name = models.CharField(max_length=100)
    burst = models.PositiveIntegerField(validators=[MinValueValidator(1)], help_text="Requests in one second.")
    per_minute = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    per_day = models.PositiveIntegerField(validators=[MinValueValidator(1)])

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "rate limit policies"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="registry_rate_limit_name_is_unique"),
            models.UniqueConstraint(fields=["tenant", "id"], name="registry_rate_limit_tenant_key"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.per_minute}/min)"
