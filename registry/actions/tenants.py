"""Tenants and the verticals they run: created, given rules, frozen and unfrozen (row 29 of the lifecycle's table).

Whatever is changed here is read afresh by the next request (`registry.api.standing`).
"""

from __future__ import annotations

import hashlib
import zoneinfo
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from django.conf import settings
from django.utils import timezone

from registry.actions.attempts import attempt, needed_reason, tell, valid
from registry.guards import fault, refuse
from registry.models import Role, Tenant, TenantVertical, Vertical
from registry.policy.rules import RuleError, TenantPolicy, VerticalPolicy
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import ALLOWED, Verdict, require
from scp_portal.kernel.problems import ContentChanged
from scp_portal.kernel.tenancy import tenant_context

AUTHORITY: Final = "the umbrella authority"
MOST_BYTES: Final = 60_000
"""A policy is read with every request; the trail's entry of it has to stay below its own bound."""
Frozen = Tenant | TenantVertical


# -- who may -----------------------------------------------------------------------------------------------------


def may_create(actor: Actor) -> Verdict:
    return _authority(actor, None, "Countries are taken in by the authority over all of them.")


def may_set_verticals(actor: Actor, tenant: Tenant) -> Verdict:
    return _authority(actor, tenant.pk, "Which verticals a country runs is decided by the authority.")


def may_freeze(actor: Actor, thing: Frozen) -> Verdict:
    if thing.frozen_at:
        return Verdict.no("It is frozen already.")
    return _authority(actor, _tenant_id(thing), "Freezing is for the authority to do.")


def may_unfreeze(actor: Actor, thing: Frozen) -> Verdict:
    if not thing.frozen_at:
        return Verdict.no("It is not frozen.")
    return _authority(actor, _tenant_id(thing), "What is frozen is opened again by the authority.")


def may_set_policy(actor: Actor, thing: Frozen) -> Verdict:
    """The tenant's administrator for the tenant's share, the vertical's owner for the vertical's (B-4.2-2)."""
    person = actor.kind is ActorKind.PERSON
    if isinstance(thing, Tenant):
        if person and actor.holds(Role.TENANT_ADMIN, tenant_id=thing.pk):
            return ALLOWED
        return Verdict.no("The tenant's rules are set by those who answer for it.", "a tenant administrator")
    if person and actor.holds(Role.VERTICAL_OWNER, tenant_id=thing.tenant_id, vertical=thing.vertical_id):
        return ALLOWED
    return Verdict.no("A vertical's rules are set by its owner.", "the vertical's owner")


def _authority(actor: Actor, tenant_id: str | None, why: str) -> Verdict:
    if actor.kind is ActorKind.PERSON and actor.holds(Role.UMBRELLA_AUTHORITY, tenant_id=tenant_id):
        return ALLOWED
    return Verdict.no(why, AUTHORITY)


# -- what is done ------------------------------------------------------------------------------------------------


def create(
    *,
    actor: Actor,
    code: str,
    name: str,
    language: str = "en",
    time_zone: str = "UTC",
    verticals: Iterable[str] = (),
) -> Tenant:
    """A tenant whose rules omit every field until its administrator says otherwise. Raises ValidationFailed."""
    tenant = Tenant(code=code, name=name, language=language, time_zone=time_zone)
    with attempt("tenant.created", actor=actor, tenant_id=None):
        require(may_create(actor))
        valid(tenant, besides=["policy"])
        _in_our_world(tenant)
        with tenant_context(code):
            tenant.save(force_insert=True)
            added = _add_verticals(tenant, verticals)
            _tell("tenant.created", tenant, actor, {"name": name, "verticals": added})
    return tenant


def set_verticals(tenant: Tenant, *, actor: Actor, verticals: Iterable[str]) -> list[str]:
    """The verticals the tenant runs; answers those added. One that was run has data and history: it is frozen, not
    taken away. Raises ValidationFailed.
    """
    with attempt("tenant.verticals_set", actor=actor, tenant_id=tenant.pk, subject=_subject(tenant)):
        require(may_set_verticals(actor, tenant))
        held = Tenant.objects.select_for_update().get(pk=tenant.pk)
        asked = list(verticals)
        dropped = held.verticals.exclude(vertical_id__in=asked).values_list("vertical__name", flat=True)
        if dropped:
            named = ", ".join(dropped)
            refuse([fault("verticals", f"{named} is run here and has a history; freeze it instead.")])
        if added := _add_verticals(held, asked):
            _tell("tenant.verticals_set", held, actor, {"added": added})
    return added


def set_policy(thing: Frozen, *, actor: Actor, policy: Mapping[str, Any], expected_hash: str = "") -> Frozen:
    """Replace the rules of a tenant or of a vertical in it, in force with the next request.

    Raises ValidationFailed with the path of the rule that can't be read, ContentChanged, PermissionRefused.
    """
    event = f"{_kind(thing)}.policy_set"
    with attempt(event, actor=actor, tenant_id=_tenant_id(thing), subject=_subject(thing)):
        require(may_set_policy(actor, thing))
        held: Frozen = _held(thing)
        before = policy_hash(held.policy)
        if expected_hash and expected_hash != before:
            raise ContentChanged("Somebody changed these rules since you opened them. Look again before you go on.")
        _readable(held, policy)
        if policy_hash(policy) != before:
            held.policy = policy
            held.save(update_fields=["policy"])
            _tell(event, held, actor, {"before": before, "after": policy_hash(policy), "policy": policy})
    return held


def freeze(thing: Frozen, *, actor: Actor, reason: str) -> Frozen:
    """Every integration here, or every touch of this vertical here, is refused from the next request on."""
    event = f"{_kind(thing)}.frozen"
    with attempt(event, actor=actor, tenant_id=_tenant_id(thing), subject=_subject(thing)):
        held: Frozen = _held(thing)
        require(may_freeze(actor, held))
        held.frozen_at, held.frozen_reason = timezone.now(), needed_reason(reason)
        held.save(update_fields=["frozen_at", "frozen_reason"])
        _tell(event, held, actor, {"reason": held.frozen_reason})
    return held


def unfreeze(thing: Frozen, *, actor: Actor, reason: str) -> Frozen:
    """Integrations go on in the state they were in."""
    event = f"{_kind(thing)}.unfrozen"
    with attempt(event, actor=actor, tenant_id=_tenant_id(thing), subject=_subject(thing)):
        held: Frozen = _held(thing)
        require(may_unfreeze(actor, held))
        why = needed_reason(reason)
        held.frozen_at, held.frozen_reason = None, ""
        held.save(update_fields=["frozen_at", "frozen_reason"])
        _tell(event, held, actor, {"reason": why})
    return held


def policy_hash(policy: Mapping[str, Any]) -> str:
    """SHA-256 of the rules, the same for the same rules however they are written."""
    return hashlib.sha256(orjson.dumps(policy, option=orjson.OPT_SORT_KEYS)).hexdigest()


# -- inner -------------------------------------------------------------------------------------------------------


def _in_our_world(tenant: Tenant) -> None:
    """A language the portal speaks, a zone that exists."""
    faults = []
    if tenant.language not in dict(settings.LANGUAGES):
        faults.append(fault("language", "The portal does not speak this language."))
    if tenant.time_zone not in zoneinfo.available_timezones():
        faults.append(fault("time_zone", "There is no such time zone; use a name such as Pacific/Auckland."))
    refuse(faults)


def _add_verticals(tenant: Tenant, asked: Iterable[str]) -> list[str]:
    """Rows for those not yet run; the rules of a new one permit nothing."""
    run = set(tenant.verticals.values_list("vertical_id", flat=True))
    missing = sorted(set(asked) - run)
    known = set(Vertical.objects.filter(pk__in=missing).values_list("pk", flat=True))
    if unknown := [code for code in missing if code not in known]:
        refuse([fault("verticals", f"There is no vertical {', '.join(unknown)}.")])
    TenantVertical.objects.bulk_create(TenantVertical(tenant=tenant, vertical_id=code) for code in missing)
    return missing


def _readable(thing: Frozen, policy: Mapping[str, Any]) -> None:
    """Raises ValidationFailed at the field `policy`, with the path to the rule at fault."""
    try:
        if len(orjson.dumps(policy)) > MOST_BYTES:
            raise RuleError(f"The rules are longer than {MOST_BYTES} bytes.")
        _parse(thing, policy)
    except RuleError as error:
        where = ".".join(map(str, error.path))
        refuse([fault(f"policy.{where}" if where else "policy", f"{where}: {error}" if where else str(error))])


def _parse(thing: Frozen, policy: Mapping[str, Any]) -> None:
    if isinstance(thing, Tenant):
        TenantPolicy.parse(thing.pk, policy, verticals=())
    else:
        VerticalPolicy.parse(thing.vertical_id, policy)


def _held(thing: Frozen) -> Any:
    """The row as it is now, held until the transaction ends."""
    return type(thing)._default_manager.select_for_update(of=("self",)).get(pk=thing.pk)


def _tenant_id(thing: Frozen) -> str:
    return thing.pk if isinstance(thing, Tenant) else thing.tenant_id


def _kind(thing: Frozen) -> str:
    return "tenant" if isinstance(thing, Tenant) else "vertical"


def _subject(thing: Frozen) -> str:
    return f"tenant:{thing.pk}" if isinstance(thing, Tenant) else f"vertical:{thing.tenant_id}/{thing.vertical_id}"


def _tell(event: str, thing: Frozen, actor: Actor, data: dict[str, Any]) -> None:
    vertical = "" if isinstance(thing, Tenant) else thing.vertical_id
    tell(event, actor=actor, tenant_id=_tenant_id(thing), subject=_subject(thing), data=data, vertical=vertical)
