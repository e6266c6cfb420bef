"""What the portal checks by itself beside a review, each in one line, so that reviewers look at the rest (A-2-2)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db.models import Q
from django.utils import timezone

from registry import content
from registry.contracts import ContractInvalid, validate
from registry.models import ConsentNotice, DataContract, Integration, Risk, Role, RoleGrant

LONG_WINDOW: Final = timedelta(days=2 * 366)
WIDE_RANGE: Final = {4: 24, 6: 48}
"""Prefix length, by IP version, from which on a range is called narrow."""


class State(StrEnum):
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, how it went, and a sentence that says what was found."""

    name: str
    state: State
    detail: str


def run(integration: Integration, now: datetime | None = None) -> list[Check]:
    """All checks of one integration, in the order of a reviewer's questions. Changes nothing."""
    moment = now or timezone.now()
    return [check(integration, moment) for check in CHECKS]


def _passed(name: str, detail: str) -> Check:
    return Check(name, State.PASS, detail)


def contract_is_valid(integration: Integration, now: datetime) -> Check:
    name = "Contract"
    contract = integration.data_contract
    if contract is None:
        return Check(name, State.FAIL, "No data contract is chosen.")
    try:
        granted = validate(contract.document).version
    except ContractInvalid as invalid:
        return Check(name, State.FAIL, f"{contract.ref} is not valid: {invalid.errors[0]['message']}")
    if contract.status != DataContract.Status.PUBLISHED:
        return Check(name, State.FAIL, f"{contract.ref} is {contract.get_status_display().lower()}, not published.")
    beyond = sorted(set(integration.vertical_ids) - granted.verticals)
    if beyond:
        return Check(name, State.FAIL, f"{contract.ref} does not cover {', '.join(beyond)}.")
    return _passed(name, f"{contract.ref} is published and valid.")


def fields_are_masked(integration: Integration, now: datetime) -> Check:
    """Every field has a mask by the house rules; what leaves as it is, is named here."""
    name = "Masks"
    granted = content.contract_version(integration)
    if granted is None:
        return Check(name, State.FAIL, "There is no valid contract to read masks from.")
    clear = content.in_clear(granted, content.IDENTIFYING | content.SENSITIVE)
    if clear:
        return Check(name, State.WARN, f"These leave as they are: {', '.join(clear)}.")
    return _passed(name, "Identifying and sensitive fields are masked.")


def notice_exists(integration: Integration, now: datetime) -> Check:
    """Consent is asked with a notice of at least the contract's version; without one no record is ever shown."""
    name = "Consent notice"
    granted = content.contract_version(integration)
    if granted is None:
        return Check(name, State.FAIL, "There is no valid contract that names a notice.")
    personal = {d.vertical for d in granted.datasets.values() if not d.person_free} & set(integration.vertical_ids)
    if not personal:
        return _passed(name, "No record is about a person.")
    found = ConsentNotice.objects.filter(
        tenant=integration.tenant_id, vertical__in=personal, version__gte=granted.consent_min_notice
    ).values_list("vertical_id", flat=True)
    missing = sorted(personal - set(found))
    if missing:
        wanted = f"{granted.consent_min_notice} or later"
        return Check(name, State.WARN, f"No notice of version {wanted} exists for {', '.join(missing)}.")
    return _passed(name, f"Notices of version {granted.consent_min_notice} or later exist.")


def partner_is_welcome(integration: Integration, now: datetime) -> Check:
    name = "Partner"
    partner = integration.partner
    if partner.blocked_at:
        return Check(name, State.FAIL, f"{partner.name} is blocked: {partner.blocked_reason or 'no reason given'}.")
    if not partner.security_contact:
        return Check(name, State.WARN, f"{partner.name} has no security contact.")
    return _passed(name, f"{partner.name} is not blocked and can be reached.")


def certificate_is_pinned(integration: Integration, now: datetime) -> Check:
    name = "Certificate"
    if integration.certificate_thumbprint and integration.mtls_required:
        return _passed(name, "mTLS with a pinned certificate is required.")
    if integration.mtls_required:
        return Check(name, State.FAIL, "mTLS is required but no certificate is pinned.")
    if content.risk_of(integration) == Risk.HIGH:
        return Check(name, State.FAIL, "At high risk mTLS with a pinned certificate is required.")
    return _passed(name, "Not required at this risk.")


def addresses_are_public(integration: Integration, now: datetime) -> Check:
    name = "Addresses"
    if not integration.ip_allowlist:
        if content.risk_of(integration) == Risk.HIGH:
            return Check(name, State.FAIL, "At high risk a list of addresses is required.")
        return Check(name, State.WARN, "Any address may ask; a list would narrow that.")
    private, wide = [], []
    for entry in integration.ip_allowlist:
        network = ipaddress.ip_network(entry, strict=False)
        if not network.is_global:
            private.append(entry)
        elif network.prefixlen < WIDE_RANGE[network.version]:
            wide.append(entry)
    if private:
        return Check(name, State.FAIL, f"Not public: {', '.join(private)}.")
    if wide:
        return Check(name, State.WARN, f"Wide ranges: {', '.join(wide)}.")
    return _passed(name, "Public addresses, narrow ranges.")


def window_is_sane(integration: Integration, now: datetime) -> Check:
    name = "Time window"
    start, end = integration.active_from, integration.active_until
    if start is None or end is None:
        return Check(name, State.FAIL, "It has no beginning or no end.")
    if end <= now:
        return Check(name, State.FAIL, "Its end has passed.")
    if end - start > LONG_WINDOW:
        return Check(name, State.WARN, "It is meant to serve for more than two years.")
    return _passed(name, f"{start:%Y-%m-%d} to {end:%Y-%m-%d}.")


def verticals_have_owners(integration: Integration, now: datetime) -> Check:
    """Without an owner nobody can review it, and it would wait for ever."""
    name = "Vertical owners"
    owners = RoleGrant.objects.filter(
        Q(tenant=None) | Q(tenant=integration.tenant_id), role=Role.VERTICAL_OWNER, user__is_active=True
    ).exclude(user_id__in=[integration.created_by_id, integration.submitted_by_id or integration.created_by_id])
    owned = set(owners.values_list("vertical_id", flat=True))
    missing = [vertical for vertical in integration.vertical_ids if vertical not in owned and None not in owned]
    if missing:
        return Check(name, State.FAIL, f"Nobody can review it for {', '.join(missing)}.")
    return _passed(name, "Every vertical has an owner who can review it.")


CHECKS: Final[tuple[Callable[[Integration, datetime], Check], ...]] = (
    contract_is_valid,
    fields_are_masked,
    notice_exists,
    partner_is_welcome,
    certificate_is_pinned,
    addresses_are_public,
    window_is_sane,
    verticals_have_owners,
)
