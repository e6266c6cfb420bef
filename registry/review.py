"""What waits for whom: the questions behind the home page and the review queue. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from registry import permissions
from registry.lifecycle import AUTHORITY, OPERATOR, REQUESTERS, REVIEWER, SERVING
from registry.models import Decision, Integration, Role, Status, Vertical
from registry.querysets import IntegrationQuerySet
from scp_portal.kernel.actor import Actor

EVERYTHING = (Role.ROOT, Role.UMBRELLA_AUTHORITY, Role.AUDITOR, Role.OPERATOR, Role.TENANT_ADMIN)
"""Roles that see every integration of the tenants they hold for; owners see their verticals, partners their own."""

FORWARD = {Status.REQUESTED: "accept", Status.REVIEWED: "approve", Status.APPROVED: "activate"}
"""The step that each waiting state waits for."""


@dataclass(frozen=True, slots=True)
class Item:
    """One integration that waits, seen by one person. `can` tells whether it waits for them."""

    integration: Integration
    what: str
    can: bool
    whom: str
    why: str

    @property
    def due(self) -> datetime | None:
        return self.integration.due_at

    @property
    def since(self) -> datetime | None:
        return self.integration.status_changed_at


def visible(actor: Actor) -> IntegrationQuerySet:
    """The integrations this actor may look at. What is not theirs does not exist."""
    allowed = Q(pk__in=[])
    for grant in actor.grants:
        here = Q(tenant=grant.tenant_id) if grant.tenant_id else Q()
        if grant.role in EVERYTHING:
            allowed |= here if grant.tenant_id else Q(pk__isnull=False)
        elif grant.role == Role.VERTICAL_OWNER and grant.vertical:
            allowed |= here & Q(vertical_ids__contains=[grant.vertical])
        elif grant.role == Role.PARTNER_USER and grant.partner_id:
            allowed |= Q(partner=grant.partner_id)
    return Integration.objects.filter(allowed)


def takes_part(actor: Actor) -> bool:
    """Whether anything can wait for this person at all."""
    return actor.holds_any(*REQUESTERS, REVIEWER, AUTHORITY, OPERATOR)


def queue(actor: Actor) -> list[Item]:
    """Everything that waits for a decision in this person's sight: due first, then risk."""
    rows = visible(actor).waiting().with_parties().prefetch_related("decisions")
    items = [_item(actor, integration) for integration in rows]
    return sorted(items, key=lambda item: (item.due is None, item.due or item.since, item.integration.risk != "high"))


def mine(actor: Actor) -> list[Item]:
    return [*(item for item in queue(actor) if item.can), *returned(actor)]


def returned(actor: Actor) -> list[Item]:
    """Own requests that came back: returned drafts, and rejected ones that may be revised."""
    own = visible(actor).filter(Q(created_by=actor.id) | Q(submitted_by=actor.id)).with_parties()
    back = own.filter(
        Q(status=Status.REJECTED) | Q(status=Status.DRAFT, decisions__step="return_for_changes")
    ).distinct()
    words = {Status.REJECTED: _("Rejected: revise or cancel"), Status.DRAFT: _("Returned: change and submit again")}
    return [Item(one, words[Status(one.status)], can=True, whom="", why="") for one in back]


def sent(actor: Actor) -> list[Item]:
    """What this person asked for and others decide now."""
    return [item for item in queue(actor) if not item.can and _asked_by(actor, item.integration)]


def decided(actor: Actor, limit: int = 50) -> Iterable[Decision]:
    """What this person decided, newest first."""
    rows = Decision.objects.filter(actor__pk=UUID(actor.id)).select_related("integration", "integration__partner")
    return rows.order_by("-id")[:limit]


def recent(actor: Actor, limit: int = 8) -> Iterable[Decision]:
    """Decisions by anyone on what this person may see."""
    rows = Decision.objects.filter(integration__in=visible(actor)).select_related("integration")
    return rows.order_by("-id")[:limit]


def by_state(actor: Actor) -> dict[str, int]:
    """How many integrations are in each state."""
    rows = visible(actor).order_by().values_list("status").annotate(count=Count("pk"))
    found = dict(rows)
    return {status: found.get(status, 0) for status in Status.values}


def expiring(actor: Actor, now: datetime) -> int:
    """Serving ones whose end date is less than thirty days off."""
    soon = (now, now + timedelta(days=30))
    return visible(actor).filter(status__in=SERVING, active_until__range=soon).count()


def vertical_names() -> dict[str, str]:
    return dict(Vertical.objects.values_list("code", "name"))


def _asked_by(actor: Actor, integration: Integration) -> bool:
    return actor.id in (str(integration.created_by_id), str(integration.submitted_by_id))


def _item(actor: Actor, integration: Integration) -> Item:
    step = FORWARD[Status(integration.status)]
    verdict = permissions.may(step, actor, integration)
    return Item(
        integration,
        _what(integration),
        verdict.allowed,
        whom_it_waits_for(integration),
        verdict.why if verdict.sod else "",
    )


def _what(integration: Integration) -> str:
    asked = {
        Status.REQUESTED: _("Review scope and purpose"),
        Status.REVIEWED: _("Approve or reject"),
        Status.APPROVED: _("Activate"),
    }
    return asked[Status(integration.status)]


def whom_it_waits_for(integration: Integration) -> str:
    """Who acts next, in words, from the state and the acceptances there are."""
    if integration.status == Status.REQUESTED:
        names = vertical_names()
        missing = ", ".join(names.get(code, code) for code in missing_verticals(integration))
        return _("the owner of %(verticals)s") % {"verticals": missing}
    if integration.status == Status.REVIEWED:
        return _("an umbrella authority")
    if integration.status == Status.APPROVED:
        return _("the tenant's administrator or a platform operator")
    return ""


def missing_verticals(integration: Integration) -> list[str]:
    """Verticals whose owner has not accepted this revision's content yet."""
    accepted = {
        decision.vertical
        for decision in integration.decisions.all()
        if decision.step == "accept"
        and decision.revision == integration.revision
        and decision.content_hash == integration.content_hash
    }
    return [code for code in integration.vertical_ids if code not in accepted]
