"""Questions asked of the registry more than once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import models

from registry import lifecycle
from scp_portal.kernel.problems import IllegalTransition

if TYPE_CHECKING:
    from registry.models import Integration


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
            raise IllegalTransition("An integration starts in draft.")
        return super().create(**kwargs)

    def update(self, **kwargs: Any) -> int:
        if "status" in kwargs:
            raise IllegalTransition("The status of an integration changes by its steps only.")
        return super().update(**kwargs)

    def bulk_update(self, objs: Iterable[Integration], fields: Iterable[str], batch_size: int | None = None) -> int:
        if "status" in fields:
            raise IllegalTransition("The status of an integration changes by its steps only.")
        return super().bulk_update(objs, fields, batch_size)

    def bulk_create(self, objs: Iterable[Integration], *args: Any, **kwargs: Any) -> list[Integration]:
        objs = list(objs)
        if any(row.status != lifecycle.Status.DRAFT for row in objs):
            raise IllegalTransition("An integration starts in draft.")
        return super().bulk_create(objs, *args, **kwargs)
