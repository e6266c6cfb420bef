"""What an ID token and a logout token must say (OpenID Connect Core 3.1.3.7, Back-Channel Logout 2.6; security 5.5).

Signature, shape and types are the kernel's; here are the rules of these two kinds. Whatever is wrong is a `Refusal`
whose text is a short reason for the audit trail.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from scp_portal.kernel.jwks import KeySet
from scp_portal.kernel.tokens import Refusal, audience_claim, signed_content, text_claim, texts_claim, time_claim

ALGORITHMS = frozenset({"RS256", "ES256"})
LEEWAY = 30
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_HEADER_TYPES = frozenset({"jwt", "logout+jwt"})
MAX_GROUPS = 500

Claims = Mapping[str, Any]


def id_claims(token: str, keys: KeySet, *, nonce: str | None, now: float) -> Claims:
    """The claims of an ID token made for this portal and this sign-in. `nonce` None: a refreshed token, which has
    none."""
    header, claims = signed_content(token, keys, ALGORITHMS)
    _header_type(header, frozenset({"jwt"}))
    _common(claims, now)
    _parties(claims)
    if claims.get("typ", "ID") != "ID":
        raise Refusal("typ")
    if nonce is not None and not _equal(text_claim(claims, "nonce"), nonce):
        raise Refusal("nonce")
    if "groups" in claims and len(texts_claim(claims, "groups")) > MAX_GROUPS:
        raise Refusal("claim groups")
    return claims


def logout_claims(token: str, keys: KeySet, *, now: float) -> Claims:
    """The claims of a logout token: whose session (`sid`), or else whose sessions (`sub`), are over."""
    header, claims = signed_content(token, keys, ALGORITHMS)
    _header_type(header, LOGOUT_HEADER_TYPES)
    _common(claims, now)
    text_claim(claims, "jti")
    if claims.get("typ", "Logout") != "Logout":
        raise Refusal("typ")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise Refusal("events")
    if "nonce" in claims:
        raise Refusal("nonce")
    if "sid" not in claims and "sub" not in claims:
        raise Refusal("neither sid nor sub")
    for name in claims.keys() & {"sid", "sub"}:
        text_claim(claims, name)
    return claims


def _header_type(header: Claims, allowed: frozenset[str]) -> None:
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in allowed:
        raise Refusal("header typ")


def _common(claims: Claims, now: float) -> None:
    if claims.get("iss") != settings.TOKEN_ISSUER:
        raise Refusal("issuer")
    if settings.OIDC_RP_CLIENT_ID not in audience_claim(claims):
        raise Refusal("audience")
    if time_claim(claims, "exp") <= now - LEEWAY:
        raise Refusal("expired")
    not_before = time_claim(claims, "nbf") if "nbf" in claims else 0
    if max(time_claim(claims, "iat"), not_before) > now + LEEWAY:
        raise Refusal("not yet valid")


def _parties(claims: Claims) -> None:
    text_claim(claims, "sub")
    several = len(audience_claim(claims)) > 1
    if (several or "azp" in claims) and claims.get("azp") != settings.OIDC_RP_CLIENT_ID:
        raise Refusal("azp")


def _equal(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
