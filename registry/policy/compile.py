"""The decision of one request: who may have which fields of which rows, in which form, or why not.

The steps are those of the design's algorithm (governance of integrations, 4.2). Nothing is silently cut down: a
request that asks for more than every rule grants is refused as a whole (B-4.2-1, B-4.2-2, B-10-5). Consent is not
decided here but parametrised: `EffectivePolicy.verticals` and `consent_min_notice` go into the reading statement.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from registry.policy.lattice import CLEAR, OMIT, Mask, meet
from registry.policy.rules import (
    DEFAULT_CELL,
    DEFAULT_ROUNDING,
    LEAST_CELL,
    MOST_RECORDS_PER_PAGE,
    ContractVersion,
    DatasetRules,
    EffectivePolicy,
    FieldExplanation,
    FieldRule,
    IntegrationFacts,
    Limits,
    Operation,
    Request,
    TenantPolicy,
    TokenFacts,
    VerticalPolicy,
)
from scp_portal.kernel.canonical import content_hash
from scp_portal.kernel.problems import (
    ClientMismatch,
    DatasetNotPermitted,
    IntegrationNotActive,
    IntegrationRestricted,
    IntegrationWindow,
    IpNotAllowed,
    MtlsRequired,
    ScopeViolation,
    UnknownField,
)

SERVING = {
    "active": frozenset(Operation),
    "deprecated": frozenset(Operation),
    "restricted": frozenset({Operation.READ, Operation.EXPORT, Operation.AGGREGATE}),
}
"""Operations by status of the integration; any other status serves nothing (B-6.3-1)."""


def decide(
    integration: IntegrationFacts,
    token: TokenFacts,
    tenant: TenantPolicy,
    verticals: Mapping[str, VerticalPolicy],
    contract: ContractVersion,
    request: Request,
) -> EffectivePolicy:
    """The effective policy of a request whose token has been verified.

    Raises, in this order: ClientMismatch (incident); IntegrationNotActive, IntegrationWindow, IntegrationRestricted,
    IpNotAllowed, MtlsRequired; ScopeViolation (incident), UnknownField; DatasetNotPermitted. Cached by the content of
    all that shapes the outcome; the guards of this function are evaluated every time.
    """
    check_client(integration, token)
    dataset = contract.datasets.get(request.dataset)
    touched = _touched_verticals(dataset, request)
    bounds = (contract.limits, tenant.limits, *(verticals[v].limits for v in sorted(touched) if v in verticals))
    check_serving(integration, request)
    _check_frozen(tenant, verticals, touched)
    check_network(integration, token, request, bounds)
    granted = _check_scope(integration, token, tenant, contract, dataset, touched, request)
    _check_fields(granted, request)
    rules = tuple(verticals[v] for v in sorted(touched) if v in verticals)
    scope = _Scope(integration.integration_id, granted.name, tuple(sorted(touched)), request.fields, request.operation)
    return _compiled(scope, tenant, rules, contract)


# -- steps 1 and 2: the client, the state, the network -----------------------------------------------------------


def check_client(integration: IntegrationFacts, token: TokenFacts) -> None:
    """The token's claims and the registry's row speak of the same client (B-7.1-2)."""
    claimed = (token.client_id, token.tenant_id, token.integration_id)
    if claimed != (integration.auth_client_id, integration.tenant_id, integration.integration_id):
        raise ClientMismatch("The token's client, tenant and integration do not belong together.", incident=True)


def check_serving(integration: IntegrationFacts, request: Request) -> None:
    """State and time window, asked at every request: no job has to run for an integration to expire (B-6.2-6)."""
    served = SERVING.get(integration.status)
    if served is None:
        raise IntegrationNotActive(f"The integration is {integration.status}.")
    if integration.status == "deprecated" and integration.sunset_at and integration.sunset_at <= request.now:
        raise IntegrationNotActive("The integration reached its sunset.")
    if integration.active_from is None or request.now < integration.active_from:
        raise IntegrationWindow("The integration's time has not begun.")
    if integration.active_until is not None and integration.active_until <= request.now:
        raise IntegrationWindow("The integration's time is over.")
    if request.operation not in served:
        raise IntegrationRestricted(f"The integration is restricted: it may read, not {request.operation}.")


def _check_frozen(tenant: TenantPolicy, verticals: Mapping[str, VerticalPolicy], touched: Iterable[str]) -> None:
    if tenant.frozen:
        raise IntegrationNotActive(f"Tenant {tenant.code} is frozen.")
    for code in sorted(touched):
        if code in verticals and verticals[code].frozen:
            raise IntegrationNotActive(f"Vertical {code} is frozen.")


def check_network(integration: IntegrationFacts, token: TokenFacts, request: Request, bounds: Iterable[Limits]) -> None:
    """Source address and client certificate, where any rule asks for them (B-7.2-2, B-7.2-3)."""
    bounds = tuple(bounds)
    if (integration.ip_allowlist or any(b.ip_allowlist for b in bounds)) and not _listed(
        request.source_ip, integration.ip_allowlist
    ):
        raise IpNotAllowed("Requests from this address are not allowed for the integration.")
    bound = integration.mtls_required or bool(token.certificate_thumbprint) or any(b.mtls for b in bounds)
    if bound and not _certificate_matches(integration, token, request):
        raise MtlsRequired("The integration's own client certificate is required.")


def _listed(source: str | None, allowlist: Iterable[str]) -> bool:
    if source is None:
        return False
    try:
        address = ip_address(source)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in map(_network, allowlist) if network)


@lru_cache(maxsize=4096)
def _network(entry: str) -> IPv4Network | IPv6Network | None:
    """None for an entry that cannot be read: it lets nobody in."""
    try:
        return ip_network(entry, strict=False)
    except ValueError:
        return None


def _certificate_matches(integration: IntegrationFacts, token: TokenFacts, request: Request) -> bool:
    """The connection's certificate equals the pinned one and the one the token is bound to (RFC 8705), of which there
    is at least one."""
    wanted = []
    if integration.certificate_thumbprint:
        wanted.append(integration.certificate_thumbprint.lower())
    if token.certificate_thumbprint:
        wanted.append(_hexadecimal(token.certificate_thumbprint))
    shown = request.certificate_thumbprint.lower()
    return bool(shown and wanted) and all(shown == thumbprint for thumbprint in wanted)


def _hexadecimal(thumbprint: str) -> str:
    """`x5t#S256` is base64url without padding; ours are hexadecimal. Empty for what is neither."""
    try:
        digest = base64.b64decode(thumbprint + "=" * (-len(thumbprint) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return ""
    return digest.hex() if len(digest) == 32 else ""


# -- step 3: scope -----------------------------------------------------------------------------------------------


def _touched_verticals(dataset: DatasetRules | None, request: Request) -> frozenset[str]:
    """R': what was asked for, and always the dataset's own, whose consent nobody can ask to leave out."""
    asked = request.verticals or frozenset()
    return asked | {dataset.vertical} if dataset else asked


def _check_scope(
    integration: IntegrationFacts,
    token: TokenFacts,
    tenant: TenantPolicy,
    contract: ContractVersion,
    dataset: DatasetRules | None,
    touched: frozenset[str],
    request: Request,
) -> DatasetRules:
    homes = {integration.tenant_id, tenant.code, contract.tenant_id, request.tenant_id or integration.tenant_id}
    if len(homes) != 1:
        raise ScopeViolation("The integration belongs to another tenant.", incident=True)
    if dataset is None:
        raise ScopeViolation("The contract does not name this dataset.", incident=True)
    beyond = touched - (tenant.verticals & integration.verticals & token.verticals & contract.verticals)
    if beyond:
        raise ScopeViolation(f"Not in the integration's scope: vertical {', '.join(sorted(beyond))}.", incident=True)
    inbound = request.operation is Operation.WRITE
    if dataset.direction != ("inbound" if inbound else "outbound"):
        raise ScopeViolation(f"The contract does not permit to {request.operation} this dataset.", incident=True)
    if request.channel not in dataset.modes:
        raise ScopeViolation(f"The contract does not permit the {request.channel} channel.", incident=True)
    return dataset


def _check_fields(dataset: DatasetRules, request: Request) -> None:
    """A field the dataset does not have is a mistake; one it has but does not grant is a violation."""
    for name in sorted(request.fields or ()):
        if any(rule.lies_under(name) for rule in dataset.fields):
            continue
        if name in request.known_fields or name.split(".")[0] in request.known_fields:
            raise ScopeViolation(f"The contract does not grant the field {name}.", incident=True)
        shown = name[:100]
        raise UnknownField(f"The dataset has no field {shown}.", errors=[{"parameter": "fields", "value": shown}])


# -- step 4 and 6: the meet of all rules -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Scope:
    """What of the integration and the request shapes a policy."""

    integration_id: str
    dataset: str
    verticals: tuple[str, ...]
    fields: frozenset[str] | None
    operation: Operation


@lru_cache(maxsize=2048)
def _compiled(
    scope: _Scope, tenant: TenantPolicy, rules: tuple[VerticalPolicy, ...], contract: ContractVersion
) -> EffectivePolicy:
    dataset = contract.datasets[scope.dataset]
    _check_permitted(scope, rules, contract, tenant)
    fields = tuple(
        replace(explained.rule, mask=explained.mask)
        for explained in _explained(tenant, rules, dataset)
        if explained.mask != OMIT and _is_asked(explained.rule, scope.fields)
    )
    _check_nothing_omitted(fields, scope)
    bounds = (contract.limits, tenant.limits, *(rule.limits for rule in rules))
    own_filters = (rule.datasets[dataset.name].row_filters for rule in rules)
    return EffectivePolicy(
        tenant_id=tenant.code,
        dataset=dataset.name,
        verticals=scope.verticals,
        fields=fields,
        row_filters=dataset.row_filters + tuple(condition for some in own_filters for condition in some),
        consent_min_notice=contract.consent_min_notice,
        person_free=dataset.person_free,
        subject_path=dataset.subject_path,
        min_cell=max(LEAST_CELL, *_given(bounds, "min_cell", [DEFAULT_CELL])),
        round_to=math.lcm(*_given(bounds, "round_to", [DEFAULT_ROUNDING])),
        page_size=min(MOST_RECORDS_PER_PAGE, *_given(bounds, "page_size", [MOST_RECORDS_PER_PAGE])),
        rate_per_minute=min(_given(bounds, "rate_per_minute"), default=None),
        retention_days=min(_given(bounds, "retention_days"), default=None),
        categories=tuple(sorted({rule.category for rule in fields})),
        contract_ref=contract.ref,
        policy_hash=_policy_hash(scope, tenant, rules, contract),
    )


def _check_permitted(
    scope: _Scope, rules: tuple[VerticalPolicy, ...], contract: ContractVersion, tenant: TenantPolicy
) -> None:
    by_code = {rule.code: rule for rule in rules}
    for code in scope.verticals:
        rule = by_code.get(code)
        if rule is None or scope.dataset not in rule.datasets or not rule.datasets[scope.dataset].permitted:
            raise DatasetNotPermitted(f"Vertical {code} does not permit the dataset {scope.dataset}.")
    for limits in (tenant.limits, *(rule.limits for rule in rules)):
        if limits.purposes is not None and not contract.purposes <= limits.purposes:
            raise DatasetNotPermitted("The contract's purpose is not one that every rule accepts.")


def _is_asked(rule: FieldRule, asked: frozenset[str] | None) -> bool:
    return asked is None or any(rule.lies_under(name) for name in asked)


def _check_nothing_omitted(fields: tuple[FieldRule, ...], scope: _Scope) -> None:
    """A field asked for by name that every rule together leaves out refuses the request; so does an empty answer."""
    for name in sorted(scope.fields or ()):
        if not any(rule.lies_under(name) for rule in fields):
            raise ScopeViolation(f"The rules in force leave out the field {name}.", incident=True)
    if not fields:
        raise DatasetNotPermitted(f"The rules in force leave no field of {scope.dataset}.")


def _given(bounds: tuple[Limits, ...], name: str, otherwise: Iterable[int] = ()) -> list[int]:
    return [bound for limits in bounds if (bound := getattr(limits, name)) is not None] or list(otherwise)


def _policy_hash(
    scope: _Scope, tenant: TenantPolicy, rules: tuple[VerticalPolicy, ...], contract: ContractVersion
) -> str:
    return content_hash(
        {
            "integration": scope.integration_id,
            "dataset": scope.dataset,
            "verticals": list(scope.verticals),
            "fields": None if scope.fields is None else sorted(scope.fields),
            "operation": scope.operation.value,
            "tenant": tenant.fingerprint,
            "rules": {rule.code: rule.fingerprint for rule in rules},
            "contract": contract.fingerprint,
        }
    )


# -- who set what ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Explained:
    rule: FieldRule
    mask: Mask
    said: tuple[tuple[str, Mask], ...]


def _explained(tenant: TenantPolicy, rules: Iterable[VerticalPolicy], dataset: DatasetRules) -> Iterable[_Explained]:
    rules = tuple(rules)
    for rule in dataset.fields:
        said = [("contract", rule.mask), ("tenant", tenant.mask(rule.category))]
        for vertical in rules:
            own = vertical.datasets.get(dataset.name)
            said.append((f"vertical {vertical.code}", own.mask(rule) if own and own.permitted else OMIT))
        yield _Explained(rule, reduce(meet, (mask for _, mask in said)), tuple(said))


def explain(
    tenant: TenantPolicy,
    verticals: Mapping[str, VerticalPolicy],
    contract: ContractVersion,
    dataset: str,
    asked: Iterable[str] | None = None,
) -> list[FieldExplanation]:
    """Every field of a dataset with its effective mask, omitted ones included, and whose rules made it so.

    `asked` are the verticals of the read, the dataset's own when None. Raises KeyError for a dataset or vertical
    that is not there.
    """
    granted = contract.datasets[dataset]
    touched = sorted({*(asked or ()), granted.vertical})
    return [
        FieldExplanation(one.rule.name, one.rule.category, one.mask, _set_by(one), one.said)
        for one in _explained(tenant, [verticals[code] for code in touched], granted)
    ]


def _set_by(one: _Explained) -> tuple[str, ...]:
    """Those whose own rule is the outcome; where it is nobody's (month and week: redacted), all that narrowed it."""
    exact = tuple(who for who, mask in one.said if mask == one.mask)
    return exact or tuple(who for who, mask in one.said if mask != CLEAR)
