"""What has to be true before a step, one error per fault with the field it belongs to."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import models

from registry import content
from registry.contracts import ContractInvalid, validate
from registry.models import DataContract, Decision, Integration, Partner, Risk, TenantVertical
from registry.policy.rules import ContractVersion
from scp_portal.kernel.problems import Conflict, ValidationFailed
from scp_portal.kernel.problems.base import FieldError

APPROVAL_DAYS: Final = 90
NOTICE_DAYS: Final = 30
HEX: Final = frozenset("0123456789abcdef")


def fault(field: str, message: str, code: str = "invalid") -> FieldError:
    return {"field": field, "code": code, "message": message}


def refuse(faults: list[FieldError]) -> None:
    """Raises ValidationFailed with all the faults at once, if there are any."""
    if faults:
        raise ValidationFailed(errors=faults)


def valid_draft(integration: Integration) -> None:
    """A draft may be incomplete, but nothing in it may be wrong."""
    refuse(list(_wrong(integration)))


def _wrong(integration: Integration) -> Iterator[FieldError]:
    """What may stand in no draft, complete or not."""
    yield from model_faults(integration, {"status"})
    yield from _network_faults(integration)
    yield from _vertical_faults(integration)
    yield from _partner_faults(integration)


def model_faults(thing: models.Model, exclude: Collection[str] = ()) -> Iterator[FieldError]:
    """Lengths, choices, relations that exist and that this transaction sees, unique name, ordered window."""
    try:
        thing.full_clean(exclude=set(exclude))
    except ValidationError as error:
        for field, messages in error.message_dict.items():
            yield from (fault("" if field == "__all__" else field, message) for message in messages)


def _network_faults(integration: Integration) -> Iterator[FieldError]:
    for entry in integration.ip_allowlist:
        try:
            ipaddress.ip_network(entry)
        except ValueError:
            message = f"“{entry}” is no address or range, such as 203.0.113.7 or 2001:db8::/48."
            yield fault("ip_allowlist", message)
    thumbprint = integration.certificate_thumbprint
    if thumbprint and (len(thumbprint) != 64 or not HEX.issuperset(thumbprint)):
        yield fault("certificate_thumbprint", "A SHA-256 thumbprint has 64 digits 0-9 and a-f.")


def _vertical_faults(integration: Integration) -> Iterator[FieldError]:
    if len(set(integration.vertical_ids)) != len(integration.vertical_ids):
        yield fault("vertical_ids", "A vertical is named twice.")
    has = set(TenantVertical.objects.filter(tenant=integration.tenant_id).values_list("vertical_id", flat=True))
    for vertical in integration.vertical_ids:
        if vertical not in has:
            yield fault("vertical_ids", f"The tenant does not run the vertical {vertical}.")


def ready_to_be_submitted(integration: Integration, now: datetime) -> None:
    """B-6.4-1 complete, data protection answered (A-2-2), contract valid, high risk controlled."""
    refuse(
        [
            *_wrong(integration),
            *_missing(integration),
            *_window_faults(integration, now),
            *_contract_faults(integration),
            *_risk_faults(integration),
        ]
    )


def _missing(integration: Integration) -> Iterator[FieldError]:
    needed: dict[str, tuple[Any, str]] = {
        "vertical_ids": (integration.vertical_ids, "Name at least one vertical."),
        "data_contract": (integration.data_contract_id, "Choose the data contract."),
        "rate_limit_policy": (integration.rate_limit_policy_id, "Choose a rate limit policy."),
        "purpose": (integration.purpose.strip(), "Say what the partner needs the data for."),
        "legal_basis": (integration.legal_basis.strip(), "Name the legal basis."),
        "legal_basis_reference": (integration.legal_basis_reference.strip(), "Name the law or document it rests on."),
        "retention_days": (integration.retention_days, "Say after how many days the partner deletes."),
        "transfers": (integration.transfers.strip(), "Say where the data go from there; “none” if nowhere."),
        "active_from": (integration.active_from, "Say from when it is to serve."),
        "active_until": (integration.active_until, "Say until when it is to serve."),
    }
    for field, (value, message) in needed.items():
        if not value:
            yield fault(field, message, "required")


def _window_faults(integration: Integration, now: datetime) -> Iterator[FieldError]:
    if integration.active_until and integration.active_until <= now:
        yield fault("active_until", "The end date has passed.")


def _contract_faults(integration: Integration) -> Iterator[FieldError]:
    contract = integration.data_contract
    if contract is None:
        return
    if contract.status != DataContract.Status.PUBLISHED:
        yield fault("data_contract", "The contract is not published.")
    try:
        granted = validate(contract.document).version
    except ContractInvalid as invalid:
        yield fault("data_contract", f"The contract is not valid: {invalid.errors[0]['message']}")
        return
    if granted.tenant_id != integration.tenant_id:
        yield fault("data_contract", f"The contract is for the tenant {granted.tenant_id}.")
    yield from _scope_faults(integration, granted)


def _scope_faults(integration: Integration, granted: ContractVersion) -> Iterator[FieldError]:
    for vertical in integration.vertical_ids:
        if vertical not in granted.verticals:
            yield fault("vertical_ids", f"The contract does not cover the vertical {vertical}.")
    if granted.limits.retention_days is not None and (integration.retention_days or 0) > granted.limits.retention_days:
        yield fault("retention_days", f"The contract allows {granted.limits.retention_days} days at most.")


def _risk_faults(integration: Integration) -> Iterator[FieldError]:
    """High risk asks for a pinned certificate, an IP list and an assessment (B-7.2)."""
    if integration.risk != Risk.HIGH:
        return
    if not integration.mtls_required or not integration.certificate_thumbprint:
        yield fault("mtls_required", "At high risk mTLS with a pinned certificate is required.", "high_risk")
    if not integration.ip_allowlist:
        yield fault("ip_allowlist", "At high risk a list of addresses is required.", "high_risk")
    if not integration.dpia_link:
        yield fault("dpia_link", "At high risk a link to the impact assessment is required.", "high_risk")


def ready_to_serve(integration: Integration, now: datetime) -> None:
    """Row 11. Raises ValidationFailed, or Conflict when what was approved no longer holds (SD-05)."""
    faults = []
    if integration.active_from and now < integration.active_from:
        faults.append(fault("active_from", f"It may serve from {integration.active_from:%Y-%m-%d %H:%M} UTC on."))
    if integration.active_until and now >= integration.active_until:
        faults.append(fault("active_until", "The end date has passed."))
    if not integration.rate_limit_policy_id:
        faults.append(fault("rate_limit_policy", "Choose a rate limit policy.", "required"))
    if integration.tenant.frozen_at:
        faults.append(fault("tenant", "This tenant is frozen."))
    refuse([*faults, *_partner_faults(integration), *_frozen_faults(integration), *_risk_faults(integration)])
    approval_still_holds(integration, now)


def _frozen_faults(integration: Integration) -> Iterator[FieldError]:
    """Row 29: what is frozen serves nothing, so nothing is started in it."""
    frozen = TenantVertical.objects.filter(tenant=integration.tenant_id, frozen_at__isnull=False)
    for vertical in frozen.filter(vertical_id__in=integration.vertical_ids).values_list("vertical__name", flat=True):
        yield fault("vertical_ids", f"The vertical {vertical} is frozen here.")


def _partner_faults(integration: Integration) -> Iterator[FieldError]:
    if Partner.objects.filter(pk=integration.partner_id, blocked_at__isnull=False).exists():
        yield fault("partner", "This partner is blocked.")


def partner_in_good_standing(integration: Integration) -> None:
    """Nothing is granted to a blocked partner, and nothing of theirs goes on again. Raises ValidationFailed."""
    refuse(list(_partner_faults(integration)))


def approval_still_holds(integration: Integration, now: datetime) -> None:
    """Not lapsed; those who approved are still there; the contract still stands."""
    if integration.approved_at and now >= integration.approved_at + timedelta(days=APPROVAL_DAYS):
        raise Conflict(f"The approval is older than {APPROVAL_DAYS} days and has lapsed.")
    approvals = Decision.objects.filter(
        integration=integration,
        step="approve",
        revision=integration.revision,
        content_hash=integration.content_hash,
        actor__is_active=True,
    )
    needed = 2 if integration.risk == Risk.HIGH else 1
    if approvals.values("actor").distinct().count() < needed:
        raise Conflict("Someone who approved it no longer has an account here; it has to be approved again.")
    if content.contract_version(integration) is None:
        raise Conflict("The contract no longer reads as a valid one.")
