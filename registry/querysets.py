"""Questions asked of the registry more than once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from registry.models import Integration  # noqa: F401


class IntegrationQuerySet(models.QuerySet["Integration"]):
    """What is not yours does not exist: row-level security has already removed other tenants' rows."""

    def with_parties(self) -> IntegrationQuerySet:
        """With everything a page about an integration names, in one statement."""
        return self.select_related(
            "tenant", "partner", "data_contract", "rate_limit_policy", "created_by", "submitted_by", "imposed_by"
        )

    def waiting(self) -> IntegrationQuerySet:
        """Those that wait for somebody's decision, most urgent first."""
        return self.filter(status__in=["requested", "reviewed", "approved"]).order_by("due_at", "created_at")

    def create(self, **kwargs: Any) -> Integration:
        """Refused with a status: an integration starts as a draft and moves by its actions."""
        if kwargs.get("status", "draft") != "draft":
            raise ValueError("an integration starts in draft")
        return super().create(**kwargs)
