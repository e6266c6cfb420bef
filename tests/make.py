"""Builders: the smallest valid thing of each kind, committed nowhere, shared by all tests.

Each opens what row-level security needs by itself; a test that reads afterwards does so within `make.seen()`.

    cast = make.cast("NZ")                                   # people of every role, with their grants
    integration = make.integration("approved", cast=cast)     # walked there step by step, each with its decision
    integrations.activate(integration, actor=make.actor(cast.admin))
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import yaml
from django.db import transaction
from django.utils import timezone

from registry import lifecycle
from registry.models import (
    ConsentEvent,
    ConsentNotice,
    DataContract,
    Decision,
    Integration,
    Partner,
    Person,
    RateLimitPolicy,
    RoleGrant,
    Tenant,
    TenantVertical,
    User,
    Vertical,
)
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.tenancy import ALL_TENANTS, tenant_context

ISSUER = "https://id.test/realms/scp"
LEGAL_BASIS = "https://w3id.org/dpv#PublicInterest"
VERTICALS = {"community": "Community", "health": "Health", "education": "Education"}
_numbers = count(1)


@contextmanager
def seen(*tenants: str, using: str = "default") -> Iterator[None]:
    """A transaction that sees these tenants' rows, or every row."""
    with transaction.atomic(using=using), tenant_context(*(tenants or (ALL_TENANTS,)), using=using):
        yield


# -- tenants and people ------------------------------------------------------------------------------------------


def vertical(code: str = "health") -> Vertical:
    return Vertical.objects.get_or_create(code=code, defaults={"name": VERTICALS.get(code, code.capitalize())})[0]


def tenant(code: str = "NZ", verticals: Sequence[str] = tuple(VERTICALS), **fields: Any) -> Tenant:
    """The tenant, made on first use, running these verticals."""
    with seen():
        found, _ = Tenant.objects.get_or_create(code=code, defaults={"name": f"Tenant {code}", **fields})
        for name in verticals:
            TenantVertical.objects.get_or_create(tenant=found, vertical=vertical(name))
        return found


def user(name: str = "", **fields: Any) -> User:
    number = next(_numbers)
    return User.objects.create(issuer=ISSUER, subject=f"subject-{number}", name=name or f"Person {number}", **fields)


def person_user(
    role: str, tenant: str | None = None, vertical: str | None = None, partner: Partner | None = None, name: str = ""
) -> User:
    """Someone who holds one role."""
    who = user(name or f"{role.replace('_', ' ').capitalize()} {next(_numbers)}")
    grant(who, role, tenant, vertical, partner)
    return who


def grant(
    who: User, role: str, tenant: str | None = None, vertical: str | None = None, partner: Partner | None = None
) -> RoleGrant:
    with seen():
        made = RoleGrant.objects.create(user=who, role=role, tenant_id=tenant, vertical_id=vertical, partner=partner)
    who.__dict__.pop("_grants", None)
    return made


def actor(who: User | str, tenant: str | None = None, vertical: str | None = None, **fields: Any) -> Actor:
    """The actor of a user, with the grants stored now; of a role's name: of a new person who holds it."""
    holder = person_user(who, tenant, vertical, **fields) if isinstance(who, str) else who
    with seen():
        holder.__dict__.pop("_grants", None)
        return holder.as_actor()


@dataclass(frozen=True)
class Cast:
    """People of one tenant, one for each part in the life of an integration, none holding two roles."""

    tenant: str
    partner: Partner
    admin: User
    partner_user: User
    owners: dict[str, User]
    authority: User
    second_authority: User
    operator: User
    auditor: User
    root: User

    @property
    def owner(self) -> User:
        return self.owners["health"]

    def of_role(self, role: str) -> User:
        """Someone holding the role; ValueError when the cast has nobody."""
        people = {
            "tenant_admin": self.admin,
            "partner_user": self.partner_user,
            "vertical_owner": self.owner,
            "umbrella_authority": self.authority,
            "operator": self.operator,
            "auditor": self.auditor,
            "root": self.root,
        }
        if role not in people:
            raise ValueError(f"nobody in the cast is {role}")
        return people[role]


def cast(code: str = "NZ") -> Cast:
    tenant(code)
    company = partner(code)
    return Cast(
        tenant=code,
        partner=company,
        admin=person_user("tenant_admin", code),
        partner_user=person_user("partner_user", code, partner=company),
        owners={name: person_user("vertical_owner", code, name) for name in VERTICALS},
        authority=person_user("umbrella_authority"),
        second_authority=person_user("umbrella_authority"),
        operator=person_user("operator"),
        auditor=person_user("auditor", code),
        root=person_user("root"),
    )


# -- partners, contracts, limits ---------------------------------------------------------------------------------


def partner(code: str = "NZ", name: str = "", **fields: Any) -> Partner:
    with seen():
        values = {"partner_type": "government", **fields}
        return Partner.objects.create(tenant_id=code, name=name or f"Ministry {next(_numbers)}", **values)


def rate_limit_policy(code: str = "NZ", **fields: Any) -> RateLimitPolicy:
    values = {"burst": 20, "per_minute": 600, "per_day": 100_000, **fields}
    with seen():
        return RateLimitPolicy.objects.create(tenant_id=code, name=f"Limit {next(_numbers)}", **values)


def dataset_document(
    name: str = "immunisations", vertical: str = "health", person_free: bool = False
) -> dict[str, Any]:
    """One dataset of a contract: a pseudonym, a name, a code."""

    def leaf(field: str, category: str, **mask: Any) -> dict[str, Any]:
        return {
            "name": field,
            "logicalType": "string",
            "classification": category,
            "customProperties": [{"property": "scpMask", "value": mask}],
        }

    customs: list[dict[str, Any]] = [
        {"property": "scpVertical", "value": vertical},
        {"property": "scpFlow", "value": {"direction": "outbound", "initiator": "partner", "modes": ["realtime"]}},
    ]
    fields = [leaf("title", "public", fn="clear")]
    if person_free:
        customs.append({"property": "scpPersonFree", "value": True})
    else:
        customs.append({"property": "scpSubjectPath", "value": "$.person_id"})
        reference = leaf("person_ref", "identifier", fn="pseudonymise", keyScope="integration")
        fields = [
            {**reference, "transformLogic": "$.person_id"},
            leaf("given_name", "personal", fn="partial", keepStart=1),
        ]
    return {
        "id": name,
        "name": name,
        "physicalName": name,
        "logicalType": "object",
        "customProperties": customs,
        "properties": fields,
    }


def contract_document(
    code: str = "NZ",
    name: str = "immunisation-follow-up",
    version: str = "1.0.0",
    verticals: Sequence[str] = ("health",),
    datasets: Sequence[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """An Open Data Contract Standard document that the house rules accept."""
    if datasets is None:
        datasets = [dataset_document(f"{each}_records", each) for each in verticals]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{name}-{code.lower()}",
        "name": name,
        "version": version,
        "status": "active",
        "tenant": code,
        "description": {
            "purpose": "Follow up children with overdue doses.",
            "customProperties": [
                {"property": "purposeIri", "value": "https://w3id.org/dpv#ImproveHealthcare"},
                {"property": "legalBasisIri", "value": LEGAL_BASIS},
            ],
        },
        "team": {"name": "Owners", "members": [{"username": "owner", "role": "verticalOwner"}]},
        "schema": list(datasets),
        "slaProperties": [{"property": "retention", "value": 90, "unit": "d"}],
        "customProperties": [
            {"property": "scpVerticals", "value": list(verticals)},
            {"property": "scpConsent", "value": {"mode": "person-vertical", "noticeVersion": "2026-03"}},
        ],
    }


def contract(
    code: str = "NZ",
    verticals: Sequence[str] = ("health",),
    *,
    status: str = "published",
    document: dict[str, Any] | None = None,
    **fields: Any,
) -> DataContract:
    """A contract over these verticals, published unless said otherwise; `document` replaces the default one."""
    name = fields.pop("name", f"contract-{next(_numbers)}")
    content = document or contract_document(code, name, verticals=verticals)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    published = (
        {}
        if status == "draft"
        else {
            "parsed": content,
            "content_hash": hashlib.sha256(text.encode()).hexdigest(),
            "published_at": timezone.now(),
        }
    )
    with seen():
        return DataContract.objects.create(
            tenant_id=code, name=name, version=str(content["version"]), status=status, document=text,
            **published, **fields,
        )  # fmt: skip


# -- persons and consent -----------------------------------------------------------------------------------------


def person(code: str = "NZ", reference: str = "") -> Person:
    with seen():
        return Person.objects.create(tenant_id=code, reference=reference or f"P-{next(_numbers)}")


def notice(code: str = "NZ", vertical: str = "health", version: str = "2026-03", language: str = "en") -> ConsentNotice:
    text = f"What we do with your {vertical} data."
    with seen():
        return ConsentNotice.objects.create(
            tenant_id=code,
            vertical_id=vertical,
            version=version,
            language=language,
            text=text,
            text_hash=hashlib.sha256(text.encode()).hexdigest(),
            controller=f"Tenant {code}",
            retention="90 days",
            withdrawal_method="In your account.",
            published_at=datetime(2026, 3, 1, tzinfo=UTC),
        )


def consent(
    who: Person, status: str = "given", vertical: str = "health", *, notice_version: str = "2026-03", **fields: Any
) -> ConsentEvent:
    """One event in the journal of consent; the database computes where the person then stands."""
    values = {"effective_at": timezone.now(), "method": "form", "actor_id": "core", **fields}
    with seen():
        return ConsentEvent.objects.create(
            tenant_id=who.tenant_id,
            person=who,
            vertical_id=vertical,
            status=status,
            notice_version=notice_version,
            **values,
        )


# -- integrations ------------------------------------------------------------------------------------------------

WAY = {
    "draft": (),
    "requested": ("submit",),
    "reviewed": ("submit", "accept"),
    "approved": ("submit", "accept", "approve"),
    "active": ("submit", "accept", "approve", "activate"),
    "restricted": ("submit", "accept", "approve", "activate", "restrict"),
    "suspended": ("submit", "accept", "approve", "activate", "suspend"),
    "deprecated": ("submit", "accept", "approve", "activate", "deprecate"),
    "rejected": ("submit", "accept", "reject"),
    "archived": ("cancel",),
}
"""Steps from draft to each state."""


def integration(status: str = "draft", *, cast: Cast | None = None, code: str = "NZ", **fields: Any) -> Integration:
    """An integration in any state, brought there by its steps with their decisions, past the actions' own checks.

    `fields` are set while it is a draft. The cast's people act: its admin requests, its owners accept, and so on.
    """
    people = cast or _cast(code)
    code = people.tenant
    values: dict[str, Any] = {
        "integration_name": f"Integration {next(_numbers)}",
        "partner": people.partner,
        "vertical_ids": ["health"],
        "active_from": timezone.now() - timedelta(days=1),
        "active_until": timezone.now() + timedelta(days=365),
        "purpose": "Remind families of doses that are due.",
        "legal_basis": LEGAL_BASIS,
        "legal_basis_reference": "Health Act, section 112",
        "retention_days": 90,
        "transfers": "none",
        **fields,
    }
    values.setdefault("data_contract", None if "data_contract_id" in values else contract(code, values["vertical_ids"]))
    values.setdefault("rate_limit_policy", rate_limit_policy(code))
    with seen():
        made = Integration.objects.create(tenant_id=code, created_by=people.admin, **values)
        for name in WAY[status]:
            _walk(made, name, people)
        return made


def _cast(code: str) -> Cast:
    return cast(code)


def _walk(thing: Integration, name: str, people: Cast) -> None:
    if name == "accept":
        for each in thing.vertical_ids[:-1]:
            decide(thing, lifecycle.kept_step(name, thing.status), people.owners[each], vertical=each)
    if name == "approve" and thing.risk == "high":
        decide(thing, lifecycle.kept_step(name, thing.status), people.second_authority)
    step = lifecycle.step(name, thing.status)
    who = {
        "submit": people.admin,
        "accept": people.owners[thing.vertical_ids[-1]],
        "approve": people.authority,
        "reject": people.authority,
    }.get(name, people.admin)
    stamps = _stamps(thing, name, people)
    hashed = {"content_hash": stamps["content_hash"]} if name == "submit" else {}
    decide(thing, step, who, vertical=thing.vertical_ids[-1] if name == "accept" else "", **hashed)
    thing.move(name, **stamps)
    thing.version += 1
    thing.save()


def _stamps(thing: Integration, name: str, people: Cast) -> dict[str, Any]:
    now = timezone.now()
    stamps: dict[str, dict[str, Any]] = {
        "submit": {
            "content_hash": hashlib.sha256(str(thing.pk).encode()).hexdigest(),
            "submitted_by": people.admin,
            "submitted_at": now,
            "due_at": now + timedelta(days=3),
        },
        "approve": {"approved_at": now},
        "activate": {"auth_client_id": f"scp-int-{thing.pk}", "activated_at": now},
        "restrict": {"imposed_by": people.admin, "status_reason_code": "violation"},
        "suspend": {"imposed_by": people.admin, "status_reason_code": "violation"},
        "deprecate": {"sunset_at": now + timedelta(days=30)},
        "cancel": {"archived_at": now},
    }
    return {"status_changed_at": now, **stamps.get(name, {})}


def decide(
    thing: Integration, step: lifecycle.Transition, who: User | None, *, vertical: str = "", **fields: Any
) -> Decision:
    """The row that stands for one step by one person, or by the portal itself."""
    with seen():
        holds = who and who.role_grants.filter(role__in=step.roles).values_list("role", flat=True).first()
    values: dict[str, Any] = {
        "reason": "Found in the quarterly review." if step.needs_reason else "",
        "reason_code": str(step.reason_codes[0]) if step.reason_codes else "",
        "content_hash": thing.content_hash,
        "role": holds or next(iter(step.roles), "system"),
        "actor_kind": "person" if who else "system",
        "actor_name": who.name if who else "clock",
        **fields,
    }
    return Decision.objects.create(
        tenant_id=thing.tenant_id,
        integration=thing,
        revision=thing.revision,
        step=step.name,
        source=step.source or "",
        target=step.target,
        vertical=vertical,
        actor=who,
        **values,
    )
