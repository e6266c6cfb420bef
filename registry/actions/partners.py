"""Partners of a tenant: created, edited, blocked at once, unblocked by another person than who blocked.

A blocked partner is refused on the very next request (`registry.api.authentication`); its machine clients follow.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.utils import timezone

from registry.actions import clients
from registry.actions.attempts import attempt, change, needed_reason, person_id, tell, valid
from registry.guards import fault, refuse
from registry.lifecycle import SERVING
from registry.models import ClientSync, Partner, Role
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import ALLOWED, Verdict, require

ADMIN: Final = "a tenant administrator"
AUTHORITY: Final = "the umbrella authority"
EDITABLE: Final = ("name", "partner_type", "technical_contact", "legal_contact", "security_contact")
FORMS_OF_COMPANIES: Final = frozenset({"inc", "ltd", "llc", "plc", "gmbh", "sa", "the", "limited", "co"})


# -- who may -----------------------------------------------------------------------------------------------------


def may_create(actor: Actor, tenant_id: str) -> Verdict:
    if actor.kind is ActorKind.PERSON and actor.holds(Role.TENANT_ADMIN, tenant_id=tenant_id):
        return ALLOWED
    return Verdict.no("Partners are kept by those who answer for the tenant.", ADMIN)


def may_edit(actor: Actor, partner: Partner) -> Verdict:
    return may_create(actor, partner.tenant_id)


def may_block(actor: Actor, partner: Partner) -> Verdict:
    roles = (Role.TENANT_ADMIN, Role.UMBRELLA_AUTHORITY)
    if actor.kind is not ActorKind.PERSON or not actor.holds_any(*roles, tenant_id=partner.tenant_id):
        return Verdict.no("A partner is blocked by its tenant or by the authority.", f"{ADMIN} or {AUTHORITY}")
    if partner.blocked_at:
        return Verdict.no("The partner is blocked already.")
    return ALLOWED


def may_unblock(actor: Actor, partner: Partner) -> Verdict:
    if actor.kind is not ActorKind.PERSON or not actor.holds(Role.UMBRELLA_AUTHORITY, tenant_id=partner.tenant_id):
        return Verdict.no("The authority lets a blocked partner back in.", AUTHORITY)
    if not partner.blocked_at:
        return Verdict.no("The partner is not blocked.")
    if str(partner.blocked_by_id) == actor.id:
        why = "You blocked the partner, so someone else must lift that."
        return Verdict.no(why, f"another person of {AUTHORITY}", sod=True)
    return ALLOWED


# -- what is done ------------------------------------------------------------------------------------------------


def similar(tenant_id: str, name: str, besides: Partner | None = None) -> list[str]:
    """Names of the tenant's partners that differ from this one only in case, punctuation or the form of company."""
    others = Partner.objects.filter(tenant_id=tenant_id)
    if besides is not None:
        others = others.exclude(pk=besides.pk)
    return [other for other in others.values_list("name", flat=True) if _core(other) == _core(name)]


def create(*, actor: Actor, tenant_id: str, another: bool = False, **fields: Any) -> Partner:
    """`another` says that a partner of a similar name is another organisation. Raises ValidationFailed."""
    partner = Partner(tenant_id=tenant_id, **_accepted(fields))
    with attempt("partner.created", actor=actor, tenant_id=tenant_id):
        require(may_create(actor, tenant_id))
        valid(partner)
        _not_twice(partner, another)
        partner.save(force_insert=True)
        _tell("partner.created", partner, actor, {"name": partner.name, "partner_type": partner.partner_type})
    return partner


def edit(partner: Partner, *, actor: Actor, another: bool = False, **fields: Any) -> Partner:
    """The trail tells the fields that changed; who to reach may be a person, so their addresses are not in it."""
    values = _accepted(fields)
    with attempt("partner.edited", actor=actor, tenant_id=partner.tenant_id, subject=_subject(partner)):
        require(may_edit(actor, partner))
        held = _held(partner)
        if changed := change(held, values):
            if "name" in changed:
                _not_twice(held, another)
            held.save(update_fields=list(changed))
            said = {name: both for name, both in changed.items() if not name.endswith("_contact")}
            _tell("partner.edited", held, actor, {"changed": sorted(changed), **said})
    return held


def block(partner: Partner, *, actor: Actor, reason: str) -> Partner:
    """Every integration of the partner is refused from the next request on; nothing new is granted."""
    with attempt("partner.blocked", actor=actor, tenant_id=partner.tenant_id, subject=_subject(partner)):
        held = _held(partner)
        require(may_block(actor, held))
        held.blocked_at, held.blocked_reason, held.blocked_by_id = (
            timezone.now(), needed_reason(reason), person_id(actor),
        )  # fmt: skip
        held.save(update_fields=["blocked_at", "blocked_reason", "blocked_by"])
        _clients(held, ClientSync.Wanted.DISABLED)
        _tell("partner.blocked", held, actor, {"reason": held.blocked_reason})
    return held


def unblock(partner: Partner, *, actor: Actor, reason: str) -> Partner:
    """What served before serves again; what was suspended meanwhile stays so."""
    with attempt("partner.unblocked", actor=actor, tenant_id=partner.tenant_id, subject=_subject(partner)):
        held = _held(partner)
        require(may_unblock(actor, held))
        why = needed_reason(reason)
        held.blocked_at, held.blocked_reason, held.blocked_by_id = None, "", None
        held.save(update_fields=["blocked_at", "blocked_reason", "blocked_by"])
        _clients(held, ClientSync.Wanted.ENABLED)
        _tell("partner.unblocked", held, actor, {"reason": why})
    return held


# -- inner -------------------------------------------------------------------------------------------------------


def _held(partner: Partner) -> Partner:
    """The row as it is now, held until the transaction ends."""
    return Partner.objects.select_for_update(of=("self",)).get(pk=partner.pk)


def _accepted(fields: dict[str, Any]) -> dict[str, Any]:
    """Raises TypeError for a name that no partner has or nobody edits."""
    if unknown := set(fields) - set(EDITABLE):
        raise TypeError(f"not editable: {', '.join(sorted(unknown))}")
    return fields


def _not_twice(partner: Partner, another: bool) -> None:
    names = [] if another else similar(partner.tenant_id, partner.name, besides=partner)
    if names:
        known = ", ".join(f"“{name}”" for name in names)
        refuse([fault("name", f"There is {known} already. If this is another organisation, say so.", "similar")])


def _core(name: str) -> str:
    """What is left of a name without case, punctuation and form of company; the name itself if nothing is."""
    words = [word for word in re.findall(r"\w+", name.casefold()) if word not in FORMS_OF_COMPANIES]
    return " ".join(words) or name.casefold().strip()


def _clients(partner: Partner, wanted: ClientSync.Wanted) -> None:
    for integration in partner.integrations.filter(status__in=SERVING):
        clients.want(integration, wanted)


def _subject(partner: Partner) -> str:
    return f"partner:{partner.pk}"


def _tell(event: str, partner: Partner, actor: Actor, data: dict[str, Any]) -> None:
    tell(event, actor=actor, tenant_id=partner.tenant_id, subject=_subject(partner), data=data)
