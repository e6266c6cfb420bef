"""What is agreed when an integration is approved: its content as a snapshot, the snapshot's hash, and its risk."""

from __future__ import annotations

from typing import Any

from registry.contracts import ContractInvalid, parse
from registry.lifecycle import CONFIG_FIELDS
from registry.models import Integration, PartnerType, Risk
from registry.policy.rules import ContractVersion
from scp_portal.kernel import canonical

SENSITIVE = frozenset({"sensitive", "health"})
IDENTIFYING = frozenset({"identifier", "personal", "contact", "location"})
FAR_PARTNERS = frozenset({PartnerType.PRIVATE, PartnerType.INTERNATIONAL})
NO_TRANSFER = frozenset({"", "none", "nowhere"})


def snapshot(integration: Integration) -> dict[str, Any]:
    """Everything a reviewer agrees to, as plain JSON; the technical settings are in it to be seen, not to be frozen."""
    contract, partner = integration.data_contract, integration.partner
    return {
        "integration_id": str(integration.pk),
        "tenant_id": integration.tenant_id,
        "revision": integration.revision,
        "integration_name": integration.integration_name,
        "partner": {"id": str(partner.pk), "name": partner.name, "type": partner.partner_type},
        "vertical_ids": sorted(integration.vertical_ids),
        "active_from": _time(integration.active_from),
        "active_until": _time(integration.active_until),
        "data_contract": {"ref": contract.ref, "content_hash": contract.content_hash} if contract else None,
        "purpose": integration.purpose,
        "legal_basis": integration.legal_basis,
        "legal_basis_reference": integration.legal_basis_reference,
        "retention_days": integration.retention_days,
        "transfers": integration.transfers,
        "dpia_link": integration.dpia_link,
        "mtls_required": integration.mtls_required,
        "risk": integration.risk,
        "settings": {name: _plain(getattr(integration, name)) for name in CONFIG_FIELDS},
    }


def content_hash(integration: Integration) -> str:
    """SHA-256, hex, of the snapshot's canonical form; a decision refers to it."""
    return canonical.content_hash(snapshot(integration))


def contract_version(integration: Integration) -> ContractVersion | None:
    """What the contract grants, or None without one or with one that does not read."""
    if integration.data_contract is None:
        return None
    try:
        return parse(integration.data_contract.document)
    except ContractInvalid:
        return None


def risk_of(integration: Integration) -> Risk:
    return rating(integration)[0]


def rating(integration: Integration) -> tuple[Risk, list[str]]:
    """High, medium or low, with the reasons: what data, how clear, how many verticals, to whom, how far.

    A contract's own rating is a floor. High risk asks for mTLS, an IP list, an assessment and two approvals.
    """
    contract = contract_version(integration)
    high, medium = _high(integration, contract), _medium(integration, contract)
    if high:
        return Risk.HIGH, high + medium
    return (Risk.MEDIUM, medium) if medium else (Risk.LOW, [])


def _high(integration: Integration, contract: ContractVersion | None) -> list[str]:
    found = []
    declared = _declared(integration)
    if declared == Risk.HIGH:
        found.append("The contract rates itself high.")
    if contract and (contract.limits.mtls or contract.limits.ip_allowlist):
        found.append("The contract asks for mTLS or an IP list.")
    if contract and (together := _who_and_what(contract)):
        found.append(f"Who it is and what is sensitive about them leave together, unmasked: {', '.join(together)}.")
    if contract and integration.partner.partner_type in FAR_PARTNERS and (clear := in_clear(contract, IDENTIFYING)):
        found.append(f"Identifying fields leave unmasked to a partner outside government: {', '.join(clear)}.")
    return found


def _medium(integration: Integration, contract: ContractVersion | None) -> list[str]:
    found = []
    if _declared(integration) == Risk.MEDIUM:
        found.append("The contract rates itself medium.")
    if contract is None or any(not dataset.person_free for dataset in contract.datasets.values()):
        found.append("Records are about persons.")
    if len(integration.vertical_ids) > 1:
        found.append("Several verticals are combined.")
    if integration.transfers.strip().lower() not in NO_TRANSFER:
        found.append("The data go on to others.")
    return found


def _declared(integration: Integration) -> str:
    parsed = integration.data_contract.parsed if integration.data_contract else {}
    for custom in parsed.get("customProperties") or ():
        if custom.get("property") == "scpRisk" and isinstance(custom.get("value"), dict):
            return str(custom["value"].get("rating", ""))
    return ""


def in_clear(contract: ContractVersion, categories: frozenset[str]) -> list[str]:
    """Fields of these categories that leave as they are, as `dataset.field`."""
    return sorted(
        f"{dataset.name}.{'.'.join(rule.path)}"
        for dataset in contract.datasets.values()
        for rule in dataset.fields
        if rule.category in categories and rule.mask.fn == "clear"
    )


def _who_and_what(contract: ContractVersion) -> list[str]:
    """Datasets in which an identifying and a sensitive field both leave as they are."""
    who, what = (
        {each.split(".")[0] for each in in_clear(contract, categories)} for categories in (IDENTIFYING, SENSITIVE)
    )
    return sorted(who & what)


def _time(value: Any) -> str | None:
    return canonical.timestamp(value) if value else None


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | list) else str(value)
