"""What the audit trail keeps of a request: no secret, no payload, no personal value in clear (B-9-1)."""

import hashlib
import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from scp_portal.kernel.secrets import keyring

UNMATCHED = "(unmatched)"
"""In place of the path when no address matches: it may hold anything, a token or a name included."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What is kept of an access token; `sha256` is the hash of the token itself, which is too random to guess."""

    sha256: str
    kid: str = ""
    jti: str = ""
    issuer: str = ""
    client: str = ""
    issued_at: int | None = None
    expires_at: int | None = None

    @classmethod
    def of(cls, token: str, **known: Any) -> "TokenFacts":
        return cls(sha256=hashlib.sha256(token.encode("utf-8", "replace")).hexdigest(), **known)


@dataclass(frozen=True, slots=True)
class RequestFacts:
    request_id: str
    method: str = ""
    route: str = ""
    peer: str = ""
    """A commitment to the caller's network address: equal for equal addresses, not to be guessed without the key."""
    auth_method: str = ""
    token: TokenFacts | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> "RequestFacts":
        """`request.token_facts` is set by whoever authenticated, also when it refused the token."""
        match = request.resolver_match
        token: TokenFacts | None = getattr(request, "token_facts", None)
        return cls(
            request_id=getattr(request, "request_id", ""),
            method=(request.method or "")[:16],
            route=f"/{match.route}" if match else UNMATCHED,
            peer=commitment("peer", client_address(request)),
            auth_method="bearer" if token else "",
            token=token,
        )

    def as_body(self) -> dict[str, Any]:
        return {"id": self.request_id, "method": self.method, "route": self.route, "peer_c": self.peer}

    def auth_body(self) -> dict[str, Any]:
        if self.token is None:
            return {"method": self.auth_method}
        token = self.token
        return {
            "method": self.auth_method,
            "iss": token.issuer,
            "client": token.client,
            "tok": {
                "kid": token.kid,
                "jti": token.jti,
                "iat": token.issued_at,
                "exp": token.expires_at,
                "sha256": token.sha256,
            },
        }


def commitment(name: str, value: str) -> str:
    """SHA-256 over a secret salt, the name and the value; the empty value stays empty."""
    if not value:
        return ""
    salt = keyring().derive("audit/commitment", kid=settings.PSEUDONYM_KEY_ID)
    parts = (b"scp-audit/sd/v1", b"\x00", salt, len(name).to_bytes(2, "big"), name.encode(), value.encode())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def client_address(request: HttpRequest) -> str:
    """The caller's network address: the last hop of X-Forwarded-For that is not one of our own proxies.

    The header counts only when the connection itself comes from a proxy of settings.TRUSTED_PROXIES; whatever is
    not an address ends the search at the last one that is.
    """
    address = _canonical(request.META.get("REMOTE_ADDR", ""))
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while address and hops and _is_ours(address, tuple(settings.TRUSTED_PROXIES)):
        hop = _canonical(hops.pop().strip())
        if not hop:
            break
        address = hop
    return address


def from_own_proxy(request: HttpRequest) -> bool:
    """The connection itself comes from a proxy of settings.TRUSTED_PROXIES, so the headers it adds count."""
    address = _canonical(request.META.get("REMOTE_ADDR", ""))
    return bool(address) and _is_ours(address, tuple(settings.TRUSTED_PROXIES))


def _canonical(text: str) -> str:
    """The one spelling of an address; an IPv4 address inside IPv6 is taken out. Empty when it is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)


@lru_cache(maxsize=1024)
def _is_ours(address: str, proxies: tuple[str, ...]) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(proxy, strict=False) for proxy in proxies)
