"""The requester's steps: create, edit, submit, withdraw, revise, give up an approval, cancel (rows 1-3, 9, 10, 24)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from registry import content, lifecycle, permissions
from registry.actions import steps
from registry.case import Case
from registry.guards import ready_to_be_submitted, valid_draft
from registry.lifecycle import CONFIG_FIELDS, FROZEN_FIELDS, Status
from registry.models import Integration, Tenant
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import require
from scp_portal.kernel.problems import NotFound, ValidationFailed

REVIEW_DAYS: Final = 3
"""Working days after which a review or a decision is due."""
FROZEN_FIELDS_SET: Final = frozenset(FROZEN_FIELDS)
EDITABLE: Final = frozenset({*FROZEN_FIELDS, *CONFIG_FIELDS} - {"risk"})


def create(*, actor: Actor, tenant_id: str, **fields: Any) -> Integration:
    """A draft. `fields` are the model's names; a relation by object or by its `_id`. Raises ValidationFailed."""
    integration = Integration(tenant_id=tenant_id, created_by_id=_user_id(actor), **_accepted(fields))
    with steps.attempt("create", integration, actor):
        partner = integration.partner if integration.partner_id else None
        require(permissions.may_create(actor, tenant_id, partner))
        if not Tenant.objects.filter(pk=tenant_id, frozen_at=None).exists():
            raise NotFound("There is no such tenant, or it is frozen.")
        valid_draft(integration)
        integration.save(force_insert=True)
        row = next(row for row in lifecycle.TRANSITIONS if row.name == "create")
        steps.finish(row, Case(actor, integration))
    return integration


def edit(integration: Integration, *, actor: Actor, expected_version: int | None = None, **fields: Any) -> Integration:
    """Change a draft. Of an approved integration a changed frozen field voids the approval first (row 10)."""
    with steps.attempt("edit", integration, actor):
        steps.lock(integration)
        if integration.status == Status.ARCHIVED:
            lifecycle.step("edit", integration.status)
        steps.expect(integration, "", expected_version)
        require(permissions.may_edit(actor, integration))
        changed = _apply(integration, _accepted(fields))
        if not changed:
            return integration
        if integration.status == Status.APPROVED and not FROZEN_FIELDS_SET.isdisjoint(changed):
            _void_for(integration, actor, changed)
        valid_draft(integration)
        integration.version += 1
        integration.save(update_fields=[*changed, "version"])
        facts = {"fields": sorted(changed), "revision": integration.revision}
        steps.tell("integration.edited", actor, integration, facts)
    return integration


def _accepted(fields: dict[str, Any]) -> dict[str, Any]:
    """Only what may be edited passes: status, hashes, dates of decisions never come from outside (LC-01)."""
    unknown = sorted(name for name in fields if name not in EDITABLE and f"{name}_id" not in EDITABLE)
    if unknown:
        errors = [{"field": name, "code": "unknown_field", "message": "This can't be set."} for name in unknown]
        raise ValidationFailed(errors=errors)
    return fields


def _apply(integration: Integration, fields: dict[str, Any]) -> list[str]:
    """Set what differs; the columns that changed."""
    columns = {field.name: field.attname for field in integration._meta.concrete_fields}
    changed = []
    for name, value in fields.items():
        column = columns.get(name, name)
        before = getattr(integration, column)
        setattr(integration, name, value)
        if getattr(integration, column) != before:
            changed.append(column)
    return changed


def _void_for(integration: Integration, actor: Actor, changed: list[str]) -> None:
    """The approval goes first, and the change is then made in the draft."""
    values = {name: getattr(integration, name) for name in changed}
    integration.refresh_from_db()
    case = Case(actor, integration)
    reason = f"Changed after approval: {', '.join(sorted(changed))}."
    steps.finish(lifecycle.step("void_approval", integration.status), case, reason=reason)
    for name, value in values.items():
        setattr(integration, name, value)


def submit(
    integration: Integration, *, actor: Actor, note: str = "", expected_version: int | None = None
) -> Integration:
    """Ask the owners for review: everything complete (one error per fault), content frozen and hashed (row 2)."""
    with steps.attempt("submit", integration, actor):
        row, case = steps.begin("submit", integration, actor, expected_version=expected_version)
        now = timezone.now()
        integration.risk = content.risk_of(integration)
        ready_to_be_submitted(integration, now)
        steps.finish(
            row,
            case,
            reason=note,
            content_hash=content.content_hash(integration),
            snapshot=content.snapshot(integration),
            risk=integration.risk,
            submitted_by_id=_user_id(actor),
            submitted_at=now,
            due_at=working_days_after(now, REVIEW_DAYS),
        )
    return integration


def withdraw_request(
    integration: Integration, *, actor: Actor, reason: str = "", expected_version: int | None = None
) -> Integration:
    """Back to draft at the requester's wish (row 3)."""
    return steps.take("withdraw_request", integration, actor=actor, reason=reason, expected_version=expected_version)


def revise(integration: Integration, *, actor: Actor, expected_version: int | None = None) -> Integration:
    """A rejected integration starts its next revision in draft (row 9)."""
    return steps.take("revise", integration, actor=actor, expected_version=expected_version)


def void_approval(
    integration: Integration, *, actor: Actor, reason: str = "", expected_version: int | None = None
) -> Integration:
    """Give up an approval in order to change what was approved (row 10)."""
    return steps.take("void_approval", integration, actor=actor, reason=reason, expected_version=expected_version)


def cancel(integration: Integration, *, actor: Actor, reason: str, expected_version: int | None = None) -> Integration:
    """A draft or a rejected integration is locked for good (row 24)."""
    return steps.take("cancel", integration, actor=actor, reason=reason, expected_version=expected_version)


def working_days_after(moment: datetime, days: int) -> datetime:
    """Saturday and Sunday do not count."""
    while days:
        moment += timedelta(days=1)
        days -= moment.weekday() < 5
    return moment


def _user_id(actor: Actor) -> Any:
    """Only a person's account can stand as creator or submitter; the permission refuses all others in words."""
    return actor.id if actor.kind == ActorKind.PERSON else None
