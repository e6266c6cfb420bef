"""What the integration page shows, tab by tab. Reads only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from audit.models import Entry
from registry import automatic_checks, content, contracts, drawing, lifecycle, permissions, review
from registry.admin import preview
from registry.admin.in_words import mask_in_words, setter_in_words
from registry.guards import ready_to_be_submitted
from registry.models import ClientSync, Integration, Role, Status, TenantVertical
from registry.policy import compile as policy
from registry.policy.rules import ContractVersion, TenantPolicy, VerticalPolicy
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.governed import Offer, actor_of
from scp_portal.kernel.problems import ValidationFailed

TABS = ("overview", "scope", "preview", "checks", "history", "credentials")
AUDIT_LIMIT = 40
TRAIL_READERS = (Role.AUDITOR, Role.UMBRELLA_AUTHORITY, Role.ROOT, Role.TENANT_ADMIN)


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of one dataset: what it is, what the contract asked for, what leaves, and whose rule made it so."""

    name: str
    category: str
    asked: str
    effective: str
    set_by: str
    narrowed: bool


@dataclass(frozen=True, slots=True)
class ScopeOfDataset:
    name: str
    vertical: str
    permitted: bool
    fields: list[FieldRow]


def page(request: HttpRequest, integration: Integration, offers: list[Offer]) -> dict[str, Any]:
    """Everything around the tabs, and the chosen tab."""
    actor = actor_of(request)
    tab = request.GET.get("tab", "overview")
    tab = tab if tab in TABS else "overview"
    names = review.vertical_names()
    stops = drawing.stops(integration.status, arrivals(integration))
    return {
        "tab": tab,
        "tabs": _tabs(),
        "verticals": [names.get(code, code) for code in integration.vertical_ids],
        "stops": stops,
        "rail": drawing.rail(stops),
        "next_actor": next_actor(integration, offers),
        "what_next": what_next(actor, integration),
        "barred": [offer for offer in offers if not offer.verdict.allowed],
        "can_act": any(offer.verdict.allowed for offer in offers),
        **TAB_CONTENT[tab](actor, integration),
    }


def _tabs() -> list[tuple[str, str]]:
    words = (_("Overview"), _("Scope"), _("Preview"), _("Checks"), _("History"), _("Credentials"))
    return list(zip(TABS, words, strict=True))


def arrivals(integration: Integration) -> dict[str, drawing.Arrival]:
    """Who brought it into each state last, this revision's way only."""
    created = drawing.Arrival(integration.created_by.name, timezone.localtime(integration.created_at))
    found = {str(Status.DRAFT): created}
    for decision in integration.decisions.all():
        if decision.source != decision.target and decision.target != Status.DRAFT:
            found[decision.target] = drawing.Arrival(decision.actor_name, timezone.localtime(decision.decided_at))
        if decision.target == Status.DRAFT:
            found = {str(Status.DRAFT): created}
    return found


# -- who acts next -----------------------------------------------------------------------------------------------


def next_actor(integration: Integration, offers: list[Offer]) -> dict[str, Any]:
    """The sentence on who acts next and until when, and for this reader: whether they can, or why not and who can."""
    step = review.FORWARD.get(Status(integration.status))
    if step is None:
        return {"says": RESTING[Status(integration.status)](integration)}
    words = {
        "accept": _("Next: %(whom)s reviews"),
        "approve": _("Next: %(whom)s decides"),
        "activate": _("Next: %(whom)s activates"),
    }
    says = words[step] % {"whom": review.whom_it_waits_for(integration)}
    offer = next((offer for offer in offers if offer.step.name == step), None)
    return {"says": says, "step": step, "due": integration.due_at, "verdict": offer.verdict if offer else None}


def _draft(integration: Integration) -> str:
    return _("Next: the requester completes the draft and submits it for review.")


def _active(integration: Integration) -> str:
    if integration.active_until is None:
        return _("It is in use. Nothing waits for anyone.")
    end = date_format(timezone.localtime(integration.active_until), "j F Y")
    return _("It is in use until %(end)s. Nothing waits for anyone.") % {"end": end}


def _stopped(integration: Integration) -> str:
    reason = integration.status_reason or integration.status_reason_code.replace("_", " ")
    told = _("Partners are refused until it is resumed or terminated.")
    return f"{told} {_('Reason')}: {reason}" if reason else told


def _restricted(integration: Integration) -> str:
    reason = integration.status_reason or integration.status_reason_code.replace("_", " ")
    told = _("It can be read, nothing else, until it is resumed.")
    return f"{told} {_('Reason')}: {reason}" if reason else told


def _deprecated(integration: Integration) -> str:
    if integration.sunset_at is None:
        return _("It is being replaced and will be archived.")
    end = date_format(timezone.localtime(integration.sunset_at), "j F Y")
    return _("It is being replaced and is archived on %(end)s.") % {"end": end}


RESTING: dict[Status, Callable[[Integration], str]] = {
    Status.DRAFT: _draft,
    Status.ACTIVE: _active,
    Status.RESTRICTED: _restricted,
    Status.SUSPENDED: _stopped,
    Status.DEPRECATED: _deprecated,
    Status.ARCHIVED: lambda integration: _("It is history: kept as it was, changed by no one."),
    Status.REJECTED: lambda integration: _("Next: the requester revises it, or cancels it."),
}


def what_next(actor: Actor, integration: Integration) -> list[dict[str, Any]]:
    """Every step that exists from here, by whom, and what is missing for this reader."""
    listed = []
    for row, verdict in permissions.explain(actor, integration):
        roles = _(" or ").join(_(str(Role(role).label)) for role in row.roles)
        listed.append({"row": row, "roles": roles, "verdict": verdict})
    clock = [row for row in lifecycle.from_state(integration.status) if not row.roles]
    return [*listed, *({"row": row, "roles": _("The portal itself, by the clock"), "verdict": None} for row in clock)]


# -- tabs --------------------------------------------------------------------------------------------------------


def overview(actor: Actor, integration: Integration) -> dict[str, Any]:
    return {"risk_reasons": content.rating(integration)[1]}


def scope(actor: Actor, integration: Integration) -> dict[str, Any]:
    """Datasets with their fields under the rules in force now, or the sentence why there are none."""
    if integration.data_contract is None:
        return {"datasets": [], "scope_problem": _("No contract is chosen yet, so nothing can leave.")}
    try:
        contract = contracts.parse(integration.data_contract.document)
    except contracts.ContractInvalid as invalid:
        return {"datasets": [], "scope_problem": str(invalid)}
    tenant, verticals = rules_in_force(integration)
    return {
        "datasets": [_dataset(integration, tenant, verticals, contract, name) for name in sorted(contract.datasets)],
        "contract": contract,
        "limits": _limits(contract, tenant),
    }


def previewed(actor: Actor, integration: Integration) -> dict[str, Any]:
    """An invented record of each dataset, as the partner would get it."""
    around = scope(actor, integration)
    if not around["datasets"]:
        return around
    tenant, verticals = rules_in_force(integration)
    contract = around["contract"]
    shown = [
        (one, preview.of_dataset(tenant, verticals, contract, one.name) if one.fields else [])
        for one in around["datasets"]
    ]
    return {"previews": shown}


def rules_in_force(integration: Integration) -> tuple[TenantPolicy, dict[str, VerticalPolicy]]:
    """The tenant's and its verticals' shares as the gateway reads them."""
    tenant = integration.tenant
    rows = list(TenantVertical.objects.filter(tenant=tenant))
    codes = [row.vertical_id for row in rows]
    frozen = tenant.frozen_at is not None
    own = TenantPolicy.parse(tenant.code, tenant.policy, verticals=codes, frozen=frozen)
    return own, {
        row.vertical_id: VerticalPolicy.parse(row.vertical_id, row.policy, frozen=row.frozen_at is not None)
        for row in rows
    }


def _dataset(
    integration: Integration,
    tenant: TenantPolicy,
    verticals: dict[str, VerticalPolicy],
    contract: ContractVersion,
    name: str,
) -> ScopeOfDataset:
    rules = contract.datasets[name]
    names = review.vertical_names()
    vertical = names.get(rules.vertical, rules.vertical)
    own = verticals.get(rules.vertical)
    if own is None:
        return ScopeOfDataset(name, vertical, permitted=False, fields=[])
    rows = []
    for field in policy.explain(tenant, verticals, contract, name):
        asked = dict(field.rules)["contract"]
        setters = ", ".join(setter_in_words(who, names, integration.tenant.name) for who in field.set_by)
        words = (mask_in_words(asked), mask_in_words(field.mask))
        rows.append(FieldRow(field.name, field.category, *words, setters, asked != field.mask))
    permitted = name in own.datasets and own.datasets[name].permitted
    return ScopeOfDataset(name, vertical, permitted, rows)


def _limits(contract: ContractVersion, tenant: TenantPolicy) -> dict[str, Any]:
    return {"contract": contract.limits, "tenant": tenant.limits}


def checks(actor: Actor, integration: Integration) -> dict[str, Any]:
    """What the portal checks by itself, run now; for a draft also what is still missing for its submission."""
    found = [(check.name, str(check.state), check.detail) for check in automatic_checks.run(integration)]
    words = {"pass": _("Passes"), "warn": _("Look at it"), "fail": _("Fails")}
    return {
        "checks": [(name, state, words[state], detail) for name, state, detail in found],
        "missing": _missing(integration) if integration.status == Status.DRAFT else [],
    }


def _missing(integration: Integration) -> list[str]:
    try:
        ready_to_be_submitted(integration, timezone.now())
    except ValidationFailed as failed:
        return list(dict.fromkeys(str(error["message"]) for error in failed.errors))
    return []


def history(actor: Actor, integration: Integration) -> dict[str, Any]:
    """Every decision, newest first, and the trail's entries about this integration."""
    entries = Entry.objects.about(f"integration:{integration.pk}")[:AUDIT_LIMIT]
    decisions = integration.decisions.select_related("actor").order_by("-id")
    sees_trail = actor.holds_any(*TRAIL_READERS, tenant_id=integration.tenant_id)
    return {"decisions": decisions, "entries": list(entries), "sees_trail": sees_trail}


def credentials(actor: Actor, integration: Integration) -> dict[str, Any]:
    return {"sync": ClientSync.objects.filter(integration=integration).first()}


TAB_CONTENT = {
    "overview": overview,
    "scope": scope,
    "preview": previewed,
    "checks": checks,
    "history": history,
    "credentials": credentials,
}
