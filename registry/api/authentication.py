"""Who calls: a bearer token, verified, becomes an identity; the registry then says whether it is the one it knows.

Two kinds of machine call the API: partners' integration clients, whose tokens name tenant, integration and verticals
(B-7.1-2), and the core's own client. An API key never authenticates (B-7.2-1).
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from registry.api import standing
from registry.api.certificates import client_thumbprint
from registry.api.standing import Standing
from registry.policy.rules import TokenFacts
from scp_portal.kernel import egress
from scp_portal.kernel.actor import Actor, ActorKind, Grant
from scp_portal.kernel.api.views import underlying
from scp_portal.kernel.destinations import EgressError
from scp_portal.kernel.facts import TokenFacts as TokenTrace
from scp_portal.kernel.facts import client_address
from scp_portal.kernel.problems import (
    AuthenticationRequired,
    ClientMismatch,
    IntegrationNotActive,
    ScopeViolation,
    TokenInvalid,
    TokenLifetime,
)
from scp_portal.kernel.tenancy import TENANT_CODE
from scp_portal.kernel.tokens import Claims, TokenVerifier

CORE_ROLE = "core"
CORE = Grant(CORE_ROLE)
BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] ([!-+\--~]+)")
"""One credential of visible characters (RFC 6750 section 2.1); a comma would be a second header, joined on the way."""


@dataclass(frozen=True, slots=True)
class PartnerIdentity:
    """What a genuine token says about an integration's client; not yet compared with the registry."""

    claims: Claims
    facts: TokenFacts

    @property
    def tenant_id(self) -> str:
        return self.facts.tenant_id

    @property
    def integration_id(self) -> UUID:
        return UUID(self.facts.integration_id)


@dataclass(frozen=True, slots=True)
class CoreIdentity:
    """The platform's own client: it writes what the core publishes, and reads nothing."""

    claims: Claims


Identity = PartnerIdentity | CoreIdentity


class BearerAuthentication(BaseAuthentication):
    """`request.auth` becomes the identity, `request.user` its actor. Raises a Problem for every other request."""

    def authenticate(self, request: Request) -> tuple[Actor, Identity]:
        inner = underlying(request)
        identity = identify(inner, bearer_token(inner))
        actor = _actor(identity, inner)
        inner.actor = actor  # type: ignore[attr-defined]
        return actor, identity

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="scp"'


class IsPartner(BasePermission):
    """An integration's client."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, PartnerIdentity):
            raise ScopeViolation("This address is for integrations' clients.", incident=True)
        return True


class IsCore(BasePermission):
    """The core's client."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, CoreIdentity):
            raise ScopeViolation("This address is for the platform's own modules.", incident=True)
        return True


# -- the token -----------------------------------------------------------------------------------------------------


def bearer_token(request: HttpRequest) -> str:
    """The one bearer token of the Authorization header. Raises AuthenticationRequired, TokenInvalid."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header.strip():
        raise AuthenticationRequired()
    match = BEARER.fullmatch(header)
    if match is None:
        request.token_facts = TokenTrace.of(header)  # type: ignore[attr-defined]
        raise TokenInvalid("Send one Authorization header: the word Bearer, a space, the token.", internal="header")
    return match[1]


def identify(request: HttpRequest, token: str) -> Identity:
    """The identity a token speaks of. Raises TokenInvalid, TokenLifetime, IdpUnavailable."""
    request.token_facts = TokenTrace.of(token)  # type: ignore[attr-defined]
    claims = verifier().verify(token)
    request.token_facts = TokenTrace(  # type: ignore[attr-defined]
        sha256=request.token_facts.sha256,  # type: ignore[attr-defined]
        kid=_key_id(token.split(".", 1)[0]),
        jti=claims.token_id,
        issuer=claims.issuer,
        client=claims.client_id,
        issued_at=claims.issued_at,
        expires_at=claims.expires_at,
    )
    if claims.client_id == settings.CORE_CLIENT_ID and claims.raw.get("scp_role") == CORE_ROLE:
        return CoreIdentity(claims)
    return PartnerIdentity(claims, _partner_facts(claims))


@lru_cache(maxsize=64)
def _key_id(head: str) -> str:
    """`kid` of a verified token's header, which is the same text for all tokens of one key."""
    return str(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])


def _partner_facts(claims: Claims) -> TokenFacts:
    tenant_id, integration_id = claims.text("tenant_id"), claims.text("integration_id")
    verticals = claims.texts("verticals")
    if not TENANT_CODE.fullmatch(tenant_id) or not _is_uuid(integration_id):
        raise TokenInvalid(internal="claim tenant_id or integration_id")
    return TokenFacts(
        client_id=claims.client_id,
        tenant_id=tenant_id,
        integration_id=integration_id,
        verticals=frozenset(verticals),
        certificate_thumbprint=_confirmation(claims),
    )


def _confirmation(claims: Claims) -> str:
    """`cnf.x5t#S256` of a certificate-bound token (RFC 8705 section 3.1), empty when it is not bound."""
    confirmation = claims.raw.get("cnf")
    if confirmation is None:
        return ""
    thumbprint = confirmation.get("x5t#S256") if isinstance(confirmation, dict) else None
    if not isinstance(thumbprint, str) or not thumbprint:
        raise TokenInvalid(internal="claim cnf")
    return thumbprint


def _is_uuid(text: str) -> bool:
    """In the one canonical spelling, so that what is compared with the row is what was signed."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _actor(identity: Identity, request: HttpRequest) -> Actor:
    request_id = getattr(request, "request_id", "")
    if isinstance(identity, CoreIdentity):
        return Actor(ActorKind.MACHINE, identity.claims.client_id, "SCP core", frozenset({CORE}), request_id)
    return Actor(ActorKind.MACHINE, identity.facts.integration_id, identity.claims.client_id, frozenset(), request_id)


def verifier() -> TokenVerifier:
    """One per process and issuer: it keeps the identity server's keys and the tokens it has already verified."""
    return _verifier(settings.TOKEN_ISSUER, settings.TOKEN_JWKS_URL, settings.TOKEN_AUDIENCE)


@lru_cache(maxsize=4)
def _verifier(issuer: str, jwks_url: str, audience: str) -> TokenVerifier:
    return TokenVerifier(
        issuer,
        jwks_url,
        audience,
        fetch=_fetch,
        algorithms=tuple(settings.TOKEN_ALGORITHMS),
        leeway=settings.TOKEN_LEEWAY,
        max_lifetime=settings.TOKEN_MAX_LIFETIME,
    )


def _fetch(url: str) -> bytes:
    """The key set. Raises OSError for anything but a 200, which the key set counts as an outage."""
    try:
        answer = egress.call("GET", url, purpose="jwks", timeout=5)
    except EgressError as error:
        raise OSError(str(error)) from error
    if answer.status != 200:
        raise OSError(f"the key set's address answered {answer.status}")
    return answer.body


# -- the registry's word -------------------------------------------------------------------------------------------


def established(identity: PartnerIdentity, request: HttpRequest) -> Standing:
    """The integration the token is for, as it stands now. Runs in the tenant's transaction.

    From here on the request's audit entry belongs to the tenant. Raises ClientMismatch (an incident), TokenLifetime.
    """
    found = standing.read(identity.integration_id, identity.tenant_id)
    if found is None or found.integration.auth_client_id != identity.claims.client_id:
        raise ClientMismatch(incident=True, internal="no such integration of this client in the tenant")
    request.tenant_id = identity.tenant_id  # type: ignore[attr-defined]
    request.audit_subject = f"integration:{identity.facts.integration_id}"  # type: ignore[attr-defined]
    if identity.claims.expires_at - identity.claims.issued_at > found.row.token_lifetime:
        raise TokenLifetime("The token lives longer than this integration's tokens may.")
    if found.row.partner_is_blocked:
        raise IntegrationNotActive("The partner is blocked.")
    return found


@dataclass(frozen=True, slots=True)
class Connection:
    """What the network says of a request: source address, client certificate, time."""

    source_ip: str | None
    certificate_thumbprint: str
    now: datetime

    @classmethod
    def of(cls, request: HttpRequest, now: datetime) -> Connection:
        return cls(client_address(request) or None, client_thumbprint(request), now)
