"""The public keys of the identity server: fetched once, kept while good, never erased by an outage.

`KeySet` answers "which key has this kid" for signed tokens (RFC 7517). Rules (governance 8.4, security AN-16, AN-18,
AN-19): a set is fresh for 10 minutes; an unknown kid costs at most one fetch per 30 s; one thread fetches at a time;
when the server is down or answers rubbish the last good set stays usable for an hour, then `IdpUnavailable`. While
there is no fresh set a new attempt is made every 5 s, so that the portal recovers soon after the identity server
does.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from scp_portal.kernel.destinations import EgressError
from scp_portal.kernel.problems import IdpUnavailable, Problem

LOGGER = logging.getLogger(__name__)

FRESH_SECONDS = 600
UNKNOWN_KID_COOLDOWN = 30
RETRY_COOLDOWN = 5
STALE_SECONDS = 3600
MAX_BYTES = 256 * 1024
MAX_KEYS = 64
RSA_BITS = range(2048, 8193)
LOWEST_RSA_EXPONENT = 65537


class KeySetRejected(ValueError):
    """The answer is no usable JWK set; the text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Key:
    """A prepared public key and the signature algorithms it may be used with."""

    kid: str
    algorithms: frozenset[str]
    public: RSAPublicKey | EllipticCurvePublicKey
    fingerprint: str


def parse_key_set(body: bytes) -> dict[str, Key]:
    """Usable signing keys by kid. Symmetric, weak and foreign keys are left out; the same kid for two keys rejects
    the set."""
    if len(body) > MAX_BYTES:
        raise KeySetRejected(f"larger than {MAX_BYTES} bytes")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise KeySetRejected("not JSON") from error
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise KeySetRejected("no list of keys, or too many")
    keys: dict[str, Key] = {}
    for entry in entries:
        key = _prepare(entry)
        if key is None:
            continue
        if keys.get(key.kid, key).fingerprint != key.fingerprint:
            raise KeySetRejected("two keys of the same kid")
        keys[key.kid] = key
    if not keys:
        raise KeySetRejected("no usable signing key")
    return keys


def _prepare(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    kid = entry.get("kid")
    if not isinstance(kid, str) or not kid:
        return None
    public = _public_key(entry)
    if public is None:
        return None
    fits = frozenset({"RS256", "PS256"} if isinstance(public, RSAPublicKey) else {"ES256"})
    named = entry.get("alg")
    algorithms = fits if named is None else fits & {named} if isinstance(named, str) else frozenset()
    fingerprint = json.dumps(entry, sort_keys=True)
    return Key(kid, algorithms, public, fingerprint) if algorithms else None


def _public_key(entry: Mapping[str, Any]) -> RSAPublicKey | EllipticCurvePublicKey | None:
    """The key itself without private parts, or None when its kind, size or curve is not trusted here."""
    try:
        if entry.get("kty") == "RSA":
            rsa = RSAAlgorithm.from_jwk({name: entry[name] for name in ("kty", "n", "e")})
            return rsa if isinstance(rsa, RSAPublicKey) and _is_strong(rsa) else None
        if entry.get("kty") == "EC":
            curve = ECAlgorithm.from_jwk({name: entry[name] for name in ("kty", "crv", "x", "y")})
            return curve if isinstance(curve, EllipticCurvePublicKey) and isinstance(curve.curve, SECP256R1) else None
    except (PyJWTError, KeyError, ValueError, TypeError, AttributeError, OverflowError):
        return None
    return None


def _is_strong(key: RSAPublicKey) -> bool:
    """A low exponent makes signatures easy to forge, an enormous modulus makes checking them an attack."""
    return key.key_size in RSA_BITS and key.public_numbers().e >= LOWEST_RSA_EXPONENT


class KeySet:
    """The keys at one JWKS address. Thread-safe; `fetch(url)` returns the body or raises.

    `generation` grows whenever the keys change, so that verdicts made with older keys can be dropped.
    """

    def __init__(
        self,
        url: str,
        fetch: Callable[[str], bytes],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self.generation = 0
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Key] = {}
        self._good_at: float | None = None
        self._tried_at: float | None = None
        self._failed = False
        self._flight = threading.Lock()

    def ensure(self) -> int:
        """Keep the set usable (fetching when it is no longer fresh) and return its generation. Raises
        IdpUnavailable."""
        age = self._age()
        if age is None or age >= FRESH_SECONDS:
            self._refresh(RETRY_COOLDOWN, wait=age is None or age >= STALE_SECONDS)
            age = self._age()
        if age is None or age >= STALE_SECONDS:
            raise IdpUnavailable(internal=f"no usable signing keys at {self.url}")
        return self.generation

    def find(self, kid: str) -> Key | None:
        """The key of that kid, or None when the identity server does not have it. Raises IdpUnavailable when it
        cannot say."""
        self.ensure()
        key = self._keys.get(kid)
        if key is None:
            self._refresh(UNKNOWN_KID_COOLDOWN, wait=True)
            key = self._keys.get(kid)
        if key is None and self._failed:
            raise IdpUnavailable(internal=f"no usable signing keys at {self.url}")
        return key

    def _fetched(self) -> bytes:
        try:
            return self._fetch(self.url)
        finally:
            # Stamped at the end: threads that waited for this fetch must find it done, not repeat it.
            self._tried_at = self._clock()

    def _age(self) -> float | None:
        return None if self._good_at is None else self._clock() - self._good_at

    def _cooling(self, seconds: float) -> bool:
        return self._tried_at is not None and self._clock() - self._tried_at < seconds

    def _refresh(self, cooldown: float, *, wait: bool) -> None:
        """Fetch once, unless that was tried a moment ago. Without `wait` a thread leaves the fetch to the one already
        at it."""
        if self._cooling(cooldown) or not self._flight.acquire(blocking=wait):
            return
        try:
            if not self._cooling(cooldown):
                self._load()
        finally:
            self._flight.release()

    def _load(self) -> None:
        try:
            keys = parse_key_set(self._fetched())
        except (Problem, EgressError, OSError, KeySetRejected) as error:
            self._failed = True
            LOGGER.warning("signing keys at %s not usable, keeping the last good ones: %s", self.url, error)
            return
        if {kid: key.fingerprint for kid, key in keys.items()} != {kid: k.fingerprint for kid, k in self._keys.items()}:
            self._keys = keys
            self.generation += 1
        self._good_at = self._clock()
        self._failed = False
