"""Integration Contracts: drafted, changed while drafts, published once and for all (B-4.4-1).

A published contract grants nothing by itself: what it says takes effect with an integration that the owners of its
verticals have reviewed and the umbrella authority has approved. So the tenant's administrator publishes it.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit import actions as audit
from registry.contracts import Contract, ContractInvalid, Identity, fault, identify, validate
from registry.models import DataContract, Role, TenantVertical
from registry.refusals import translated
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.permissions import ALLOWED, Verdict, require
from scp_portal.kernel.problems import Conflict

WHO: Final = "a tenant administrator"


# -- who may -----------------------------------------------------------------------------------------------------


def may_draft(actor: Actor, tenant_id: str) -> Verdict:
    """Contracts are written by those who answer for the tenant's data; the portal itself loads the demo's."""
    if actor.kind is ActorKind.SYSTEM:
        return ALLOWED
    if actor.kind is ActorKind.PERSON and actor.holds(Role.TENANT_ADMIN, tenant_id=tenant_id):
        return ALLOWED
    return Verdict.no("A contract is written by those who answer for the tenant's data.", WHO)


def may_update(actor: Actor, contract: DataContract) -> Verdict:
    if contract.status != DataContract.Status.DRAFT:
        return Verdict.no("A published contract never changes; write a new version.")
    return may_draft(actor, contract.tenant_id)


def may_publish(actor: Actor, contract: DataContract) -> Verdict:
    if contract.status != DataContract.Status.DRAFT:
        return Verdict.no("The contract is published already; write a new version.")
    return may_draft(actor, contract.tenant_id)


# -- what is done ------------------------------------------------------------------------------------------------


@transaction.atomic
def create_draft(*, tenant_id: str, document: str, actor: Actor) -> DataContract:
    """A draft may break any rule but one: it names itself, its version and its tenant.

    Raises ContractInvalid, Conflict when the tenant has this version, PermissionRefused.
    """
    require(may_draft(actor, tenant_id))
    named = _identified(document, tenant_id)
    with translated(), transaction.atomic():
        contract = DataContract.objects.create(
            tenant_id=tenant_id, name=named.name, version=named.version, document=document, created_by_id=_person(actor)
        )
    _tell("contract.drafted", contract, actor)
    return contract


@transaction.atomic
def update_draft(contract: DataContract, *, document: str, actor: Actor) -> DataContract:
    """Replace a draft's document. Raises ContractInvalid, Conflict, PermissionRefused."""
    require(may_draft(actor, contract.tenant_id))
    held = _held(contract)
    named = _identified(document, held.tenant_id)
    held.name, held.version, held.document = named.name, named.version, document
    with translated(), transaction.atomic():
        held.save(update_fields=["name", "version", "document"])
    _tell("contract.draft_changed", held, actor)
    return held


@transaction.atomic
def publish(contract: DataContract, *, actor: Actor) -> DataContract:
    """Check the document against the standard and the house rules, and keep it for good; a trigger refuses any change.

    Raises ContractInvalid with a line and a reason for each fault, Conflict when it is no draft, PermissionRefused.
    """
    require(may_draft(actor, contract.tenant_id))
    held = _held(contract)
    valid = validate(held.document)
    _check_at_home(valid, held)
    held.status = DataContract.Status.PUBLISHED
    held.parsed, held.content_hash = valid.value, valid.content_hash
    held.published_by_id, held.published_at = _person(actor), timezone.now()
    held.save(update_fields=["status", "parsed", "content_hash", "published_by", "published_at"])
    _tell("contract.published", held, actor)
    audit.publish(
        "contract.published",
        actor=actor,
        tenant_id=held.tenant_id,
        subject=f"contract:{held.pk}",
        data={"ref": held.ref, "content_hash": held.content_hash},
    )
    return held


# -- inner -------------------------------------------------------------------------------------------------------


def _held(contract: DataContract) -> DataContract:
    """The row as it is now, held until the transaction ends."""
    held = DataContract.objects.select_for_update().get(pk=contract.pk)
    if held.status != DataContract.Status.DRAFT:
        raise Conflict("A published contract never changes; write a new version.")
    return held


def _identified(document: str, tenant_id: str) -> Identity:
    named = identify(document)
    if named.tenant_id != tenant_id:
        raise ContractInvalid(
            [fault(document, f"tenant must be {tenant_id}, where the contract is kept.", ("tenant",))]
        )
    return named


def _check_at_home(valid: Contract, contract: DataContract) -> None:
    """What only the registry knows: the contract speaks of this tenant, by its own name, and of verticals run here."""
    version = valid.version
    if (version.tenant_id, version.name, version.version) != (contract.tenant_id, contract.name, contract.version):
        raise Conflict("The document and its entry in the registry have parted; save the draft again.")
    run = set(TenantVertical.objects.filter(tenant_id=contract.tenant_id).values_list("vertical_id", flat=True))
    if missing := sorted(version.verticals - run):
        message = f"The tenant does not run the vertical {', '.join(missing)}: remove it from scpVerticals."
        raise ContractInvalid([fault(contract.document, message, ("customProperties",))])


def _person(actor: Actor) -> UUID | None:
    return UUID(actor.id) if actor.kind is ActorKind.PERSON else None


def _tell(action: str, contract: DataContract, actor: Actor) -> None:
    audit.record(
        action,
        actor=actor,
        result=audit.Result.SUCCESS,
        tenant_id=contract.tenant_id,
        subject=f"contract:{contract.pk}",
        data={"ref": contract.ref, "content_hash": contract.content_hash},
    )
