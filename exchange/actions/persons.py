"""Persons, as the core knows them: a reference each, so that records and consent have someone to be about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from audit import actions as audit
from exchange.permissions import may_supply
from registry.models import Person
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.permissions import require
from scp_portal.kernel.statements import fetch_all

UPSERT = """
INSERT INTO public.registry_person (id, tenant_id, reference, created_at)
SELECT gen_random_uuid(), $1, reference, statement_timestamp() FROM unnest($2::varchar[]) AS item(reference)
ORDER BY reference
ON CONFLICT (tenant_id, reference) DO NOTHING
RETURNING id, reference
"""


@dataclass(frozen=True, slots=True)
class Supplied:
    """What a batch came to, and its proof."""

    created: int
    updated: int
    unchanged: int
    receipt: audit.Receipt


@transaction.atomic
def upsert(references: Sequence[str], *, tenant_id: str, actor: Actor, request: RequestFacts | None = None) -> Supplied:
    """Make the persons that are not there yet. Needs the tenant's context. Raises PermissionRefused."""
    require(may_supply(actor, tenant_id))
    created = fetch_all(UPSERT, (tenant_id, list(references)), prepare=False)
    receipt = audit.record(
        "persons.supplied",
        actor=actor,
        result=audit.Result.SUCCESS,
        kind=audit.Kind.REQUEST,
        tenant_id=tenant_id,
        data={"created": len(created), "unchanged": len(references) - len(created)},
        request=request,
        http=200 if request else None,
    )
    return Supplied(len(created), 0, len(references) - len(created), receipt)


def ids_of(references: Sequence[str], *, tenant_id: str) -> dict[str, UUID]:
    """The persons of these references, as far as they are there."""
    found = Person.objects.filter(tenant_id=tenant_id, reference__in=set(references))
    return dict(found.values_list("reference", "id"))
