"""Lays the ground of the demo in one transaction: tenants and their rules, people, notices, contracts, the core's data.

What has an action goes through it, by the person whose task it is; persons, consent and records come from the core's
machine client, as they would from the platform.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from audit import actions as audit
from exchange.actions import persons, records
from exchange.community.datasets import DEFINITIONS as COMMUNITY
from exchange.community.datasets import VERTICAL
from exchange.models import Dataset
from registry.actions import consent, contracts
from registry.api.authentication import CORE
from registry.models import ConsentStatus, Partner, RateLimitPolicy, Tenant, TenantVertical, Vertical
from scp_portal.demo import people, services
from scp_portal.demo.catalogue import CONTRACTS
from scp_portal.demo.community import Made, conversations, references
from scp_portal.demo.contracts import NOTICE_VERSION, document
from scp_portal.demo.countries import COUNTRIES, OLDER_NOTICE, RATES, VERTICAL_POLICIES, VERTICALS, Country
from scp_portal.demo.people import Cast
from scp_portal.demo.services import EDUCATION, HEALTH
from scp_portal.kernel.actor import Actor, ActorKind

Say = Callable[[str], None]
SEED: Final = 20260301
YOUNG: Final = 140
"""Persons of a tenant with schools and clinics who are young enough to be in both."""
BATCH: Final = 1000
SYSTEM: Final = Actor.system("load_demo")
SAID: Final = {"given": 84, "renewed": 4, "older": 3, "withdrawn": 4, "lapsed": 2, "refused": 1, "nothing": 2}
"""Of a hundred persons, how each stands; `older` consented to a notice that says less than the contracts ask."""


def lay(say: Say) -> None:
    """Needs a transaction that sees all tenants."""
    datasets()
    partners = {country.code: tenant(country) for country in COUNTRIES}
    cast = people.settle(partners)
    for country in COUNTRIES:
        notices(country, cast)
        contracts_of(country, cast)
        made = list(data(country))
        supply(country, made)
        say(f"{country.name}: {country.persons:,} persons, {len(made):,} records, {len(country.notices)} notices")


def core() -> Actor:
    """The platform's own machine client."""
    return Actor(ActorKind.MACHINE, settings.CORE_CLIENT_ID, "SCP core", frozenset({CORE}))


def chance_for(country: Country) -> random.Random:
    """Each country has a sequence of its own, so that a change in one leaves the others as they are."""
    return random.Random(f"{SEED}/{country.code}")


# -- who and what --------------------------------------------------------------------------------------------------


def datasets() -> None:
    for code, name in VERTICALS.items():
        Vertical.objects.get_or_create(code=code, defaults={"name": name})
    for name, definition in (COMMUNITY | services.DEFINITIONS).items():
        Dataset.objects.update_or_create(name=name, defaults=definition)


def tenant(country: Country) -> Partner:
    """The tenant with its rules, limits and partners; returns the partner whose people sign in."""
    tenant = Tenant.objects.create(
        code=country.code,
        name=country.name,
        language=country.language,
        time_zone=country.time_zone,
        policy=country.policy,
    )
    for vertical in country.owners:
        TenantVertical.objects.create(tenant=tenant, vertical_id=vertical, policy=VERTICAL_POLICIES[vertical])
    for name, burst, per_minute, per_day in RATES:
        RateLimitPolicy.objects.create(tenant=tenant, name=name, burst=burst, per_minute=per_minute, per_day=per_day)
    partners = [_partner(tenant, *described) for described in country.partners]
    audit.record(
        "tenant.created",
        actor=SYSTEM,
        result=audit.Result.SUCCESS,
        tenant_id=tenant.code,
        subject=f"tenant:{tenant.code}",
        data={"verticals": sorted(country.owners), "partners": len(partners)},
    )
    return partners[0]


def _partner(tenant: Tenant, name: str, kind: str, domain: str) -> Partner:
    return Partner.objects.create(
        tenant=tenant,
        name=name,
        partner_type=kind,
        technical_contact=f"technical@{domain}",
        legal_contact=f"legal@{domain}",
        security_contact=f"security@{domain}",
    )


def notices(country: Country, cast: Cast) -> None:
    for notice in country.notices:
        text = consent.NoticeText(
            language=notice.language,
            text=notice.text,
            purposes=sorted({c.purpose_term for c in CONTRACTS if notice.vertical in c.verticals}),
            controller=country.controller,
            recipients=[name for name, _, _ in country.partners],
            retention=notice.retention,
            withdrawal_method=notice.withdrawal,
        )
        for version in (OLDER_NOTICE, NOTICE_VERSION):
            consent.publish_notice(
                text,
                tenant_id=country.code,
                vertical=notice.vertical,
                version=version,
                actor=cast[country.owners[notice.vertical]],
            )


def contracts_of(country: Country, cast: Cast) -> None:
    for contract in CONTRACTS:
        if contract.tenant_id == country.code:
            actor = cast[country.admin]
            draft = contracts.create_draft(tenant_id=country.code, document=document(contract), actor=actor)
            contracts.publish(draft, actor=actor)


# -- the core's data -----------------------------------------------------------------------------------------------


def data(country: Country) -> Iterator[Made]:
    """Every record of a country, always the same."""
    chance, known = chance_for(country), references(country.code, country.persons)
    yield from conversations(chance, country.voice, known, country.posts, country.comments)
    if HEALTH in country.owners:
        young = services.children(chance, known[:YOUNG])
        yield from services.immunisations(chance, young)
        yield from services.enrolments(chance, young)


def supply(country: Country, made: Sequence[Made]) -> None:
    known = references(country.code, country.persons)
    persons.upsert(known, tenant_id=country.code, actor=core())
    _consents(country, persons.ids_of(known, tenant_id=country.code))
    items = [
        records.Item(each.dataset, each.source_key, each.payload, each.person or None, each.verticals) for each in made
    ]
    for start in range(0, len(items), BATCH):
        records.upsert(items[start : start + BATCH], tenant_id=country.code, actor=core())


def _consents(country: Country, ids: dict[str, UUID]) -> None:
    """First what was said, then who took it back: in the journal as in life."""
    chance = chance_for(country)
    given: list[consent.ConsentRow] = []
    taken_back: list[consent.ConsentRow] = []
    for number, reference in enumerate(sorted(ids)):
        verticals = country.owners if number < YOUNG else (VERTICAL,)
        for vertical in sorted(set(verticals) & {VERTICAL, HEALTH, EDUCATION}):
            how = chance.choices(list(SAID), list(SAID.values()))[0]
            given.extend(_said(chance, ids[reference], vertical, how))
            if how == "withdrawn":
                taken_back.append(consent.ConsentRow(ids[reference], vertical, ConsentStatus.WITHDRAWN, method="app"))
    consent.record_batch(given, tenant_id=country.code, actor=core())
    consent.record_batch(taken_back, tenant_id=country.code, actor=core())


def _said(chance: random.Random, person: UUID, vertical: str, how: str) -> Iterator[consent.ConsentRow]:
    if how == "nothing":
        return
    at = timezone.now() - timedelta(days=chance.randint(30, 250))
    status = how if how in (ConsentStatus.RENEWED, ConsentStatus.REFUSED) else ConsentStatus.GIVEN
    yield consent.ConsentRow(
        person_id=person,
        vertical=vertical,
        status=status,
        notice_version=OLDER_NOTICE if how == "older" else NOTICE_VERSION,
        method="app",
        effective_at=at,
        valid_until=at + timedelta(days=20 if how == "lapsed" else 730),
    )
