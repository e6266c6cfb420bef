"""Verification of signed access tokens (RFC 7519, RFC 9068), strict and without a call per request.

The order of the checks is governance 8.4. Whatever is wrong with a token ends as `TokenInvalid` (or `TokenLifetime`),
never as another exception, however hostile its content; the caller learns nothing more, while `problem.internal`
tells the audit trail a short code such as "alg", "signature", "audience".
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from jwt.algorithms import get_default_algorithms
from jwt.exceptions import PyJWTError

from scp_portal.kernel.jwks import KeySet
from scp_portal.kernel.problems import TokenInvalid, TokenLifetime

T = TypeVar("T")

MAX_TOKEN_BYTES = 8 * 1024
MAX_TEXT = 1024
REMEMBERED_TOKENS = 2048
LATEST_TIME = 2**40
SAFE_ALGORITHMS = frozenset({"RS256", "PS256", "ES256"})
ALGORITHMS = {name: algorithm for name, algorithm in get_default_algorithms().items() if name in SAFE_ALGORITHMS}
ACCESS_TOKEN_TYPES = frozenset({"jwt", "at+jwt"})
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Refusal(ValueError):
    """Why a token is not accepted, as a short code for the audit trail; never sent to the caller."""


class LifetimeRefusal(Refusal):
    """The token is genuine but lives too long."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. Times are Unix seconds; `raw` holds every claim, read-only."""

    issuer: str
    subject: str
    client_id: str
    audience: tuple[str, ...]
    token_id: str
    key_id: str
    issued_at: int
    expires_at: int
    not_before: int
    raw: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A claim that must be a non-empty text. Raises TokenInvalid."""
        return _or_refuse(lambda: text_claim(self.raw, name))

    def texts(self, name: str) -> tuple[str, ...]:
        """A claim that must be a list of non-empty texts. Raises TokenInvalid."""
        return _or_refuse(lambda: texts_claim(self.raw, name))


def _is_text(value: Any) -> bool:
    """Printable only: a NUL or a lone surrogate in a claim would break the database's text further on."""
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable()


def text_claim(claims: Mapping[str, Any], name: str) -> str:
    """A printable text of 1 to MAX_TEXT characters. Raises Refusal."""
    value = claims.get(name)
    if not _is_text(value):
        raise Refusal(f"claim {name}")
    return str(value)


def texts_claim(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A list of such texts, which may be empty. Raises Refusal."""
    values = claims.get(name)
    if not isinstance(values, list) or not all(_is_text(value) for value in values):
        raise Refusal(f"claim {name}")
    return tuple(values)


def time_claim(claims: Mapping[str, Any], name: str) -> int:
    """A NumericDate as whole seconds. Booleans, fractions, infinities and times beyond the far future are refused."""
    value = claims.get(name)
    if type(value) is not int or not 0 < value < LATEST_TIME:
        raise Refusal(f"claim {name}")
    return value


def audience_claim(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """`aud` is a text when single and a list when several (RFC 7519 section 4.1.3)."""
    return (text_claim(claims, "aud"),) if isinstance(claims.get("aud"), str) else texts_claim(claims, "aud")


def signed_content(token: str, keys: KeySet, algorithms: frozenset[str]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims of a compact JWS whose signature holds. Raises Refusal, or IdpUnavailable for want of keys.

    Only the configured key set is asked: `jku`, `x5u`, `jwk` and `x5c` of the header are not looked at.
    """
    if not isinstance(token, str) or len(token) > MAX_TOKEN_BYTES or not COMPACT.fullmatch(token):
        raise Refusal("shape")
    head, body, signature = token.split(".")
    header = _json_object(head, "header")
    name = header.get("alg")
    if not isinstance(name, str) or name not in algorithms:
        raise Refusal("alg")
    if "crit" in header or "b64" in header or "zip" in header:
        raise Refusal("crit")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid or len(kid) > MAX_TEXT:
        raise Refusal("kid")
    key = keys.find(kid)
    if key is None or name not in key.algorithms:
        raise Refusal("unknown key")
    try:
        genuine = ALGORITHMS[name].verify(f"{head}.{body}".encode(), key.public, _bytes(signature))
    except (PyJWTError, ValueError, TypeError) as error:
        raise Refusal("signature") from error
    if not genuine:
        raise Refusal("signature")
    return header, _json_object(body, "payload")


def _bytes(part: str) -> bytes:
    """Strict base64url without padding: a text that is not its own canonical encoding is refused."""
    data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        raise Refusal("base64")
    return data


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise Refusal("duplicate name")
    return names


def _no_constant(name: str) -> Any:
    raise Refusal(f"number {name}")


def _json_object(part: str, what: str) -> dict[str, Any]:
    try:
        text = _bytes(part).decode("utf-8")
        value = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except Refusal:
        raise
    except (ValueError, RecursionError) as error:
        raise Refusal(what) from error
    if not isinstance(value, dict):
        raise Refusal(what)
    return value


def _or_refuse(check: Callable[[], T]) -> T:
    try:
        return check()
    except LifetimeRefusal as refusal:
        raise TokenLifetime(internal=str(refusal)) from refusal
    except Refusal as refusal:
        raise TokenInvalid(internal=str(refusal)) from refusal


class TokenVerifier:
    """Checks access tokens of one issuer for one audience; safe to share between threads.

    `fetch(url) -> bytes` reads the JWKS; `clock` gives Unix seconds. A token seen before skips the signature, not its
    times.
    """

    def __init__(
        self,
        issuer: str,
        jwks_url: str,
        audience: str,
        *,
        fetch: Callable[[str], bytes],
        algorithms: tuple[str, ...] = ("RS256", "ES256", "PS256"),
        leeway: int = 30,
        max_lifetime: int = 900,
        clock: Callable[[], float] = time.time,
        keys: KeySet | None = None,
    ) -> None:
        if not algorithms or not SAFE_ALGORITHMS.issuperset(algorithms):
            raise ValueError(f"only asymmetric algorithms are trusted: {sorted(SAFE_ALGORITHMS)}")
        self.issuer, self.audience = issuer, audience
        self.algorithms = frozenset(algorithms)
        self.leeway, self.max_lifetime = leeway, max_lifetime
        self.keys = keys or KeySet(jwks_url, fetch)
        self._clock = clock
        self._seen: OrderedDict[bytes, tuple[int, Claims]] = OrderedDict()
        self._seen_lock = threading.Lock()

    def verify(self, token: str) -> Claims:
        """The claims of a genuine, current access token. Raises TokenInvalid, TokenLifetime or IdpUnavailable."""
        return _or_refuse(lambda: self._verify(token))

    def _verify(self, token: str) -> Claims:
        if not isinstance(token, str) or len(token) > MAX_TOKEN_BYTES:
            raise Refusal("shape")
        generation = self.keys.ensure()
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        claims = self._remembered(digest, generation)
        if claims is None:
            header, payload = signed_content(token, self.keys, self.algorithms)
            claims = self._checked(header, payload)
            self._remember(digest, generation, claims)
        self._check_times(claims)
        return claims

    def _checked(self, header: Mapping[str, Any], payload: Mapping[str, Any]) -> Claims:
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in ACCESS_TOKEN_TYPES:
            raise Refusal("header typ")
        if payload.get("iss") != self.issuer:
            raise Refusal("issuer")
        audience = audience_claim(payload)
        if self.audience not in audience:
            raise Refusal("audience")
        claims = Claims(
            issuer=self.issuer,
            subject=text_claim(payload, "sub"),
            client_id=text_claim(payload, "azp"),
            audience=audience,
            token_id=text_claim(payload, "jti"),
            key_id=str(header["kid"]),
            issued_at=time_claim(payload, "iat"),
            expires_at=time_claim(payload, "exp"),
            not_before=time_claim(payload, "nbf") if "nbf" in payload else 0,
            raw=MappingProxyType(dict(payload)),
        )
        if claims.expires_at <= claims.issued_at:
            raise Refusal("claim exp")
        if claims.expires_at - claims.issued_at > self.max_lifetime:
            raise LifetimeRefusal("lifetime")
        if payload.get("typ") != "Bearer":
            raise Refusal("typ")
        return claims

    def _check_times(self, claims: Claims) -> None:
        now = self._clock()
        if claims.expires_at <= now - self.leeway:
            raise Refusal("expired")
        if max(claims.not_before, claims.issued_at) > now + self.leeway:
            raise Refusal("not yet valid")

    def _remembered(self, digest: bytes, generation: int) -> Claims | None:
        with self._seen_lock:
            known = self._seen.get(digest)
            if known is None or known[0] != generation:
                return None
            self._seen.move_to_end(digest)
            return known[1]

    def _remember(self, digest: bytes, generation: int, claims: Claims) -> None:
        with self._seen_lock:
            self._seen[digest] = (generation, claims)
            while len(self._seen) > REMEMBERED_TOKENS:
                self._seen.popitem(last=False)
