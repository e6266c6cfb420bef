"""An identity server that signs whatever a test wants signed."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from jwt.algorithms import RSAAlgorithm

from scp_portal.kernel.tokens import TokenVerifier

KID = "test-key"
LEFT_OUT = object()
"""As a claim's value: the claim is not there."""


@lru_cache(maxsize=4)
def private_key(kid: str = KID) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer:
    """Keys, and the tokens they sign."""

    def __init__(self) -> None:
        self.kids = [KID]
        self.fetches = 0
        self.fails: Callable[[], bytes] | None = None

    def fetch(self, url: str) -> bytes:
        self.fetches += 1
        if self.fails is not None:
            return self.fails()
        return json.dumps({"keys": [self._public(kid) for kid in self.kids]}).encode()

    @staticmethod
    def _public(kid: str) -> dict[str, Any]:
        key = RSAAlgorithm.to_jwk(private_key(kid).public_key(), as_dict=True)
        return {**key, "kid": kid, "use": "sig", "alg": "RS256"}

    def verifier(self) -> TokenVerifier:
        return TokenVerifier(
            settings.TOKEN_ISSUER,
            settings.TOKEN_JWKS_URL,
            settings.TOKEN_AUDIENCE,
            fetch=self.fetch,
            leeway=settings.TOKEN_LEEWAY,
            max_lifetime=settings.TOKEN_MAX_LIFETIME,
        )

    def sign(self, claims: Mapping[str, Any], *, kid: str = KID, headers: Mapping[str, Any] | None = None) -> str:
        given = {name: value for name, value in claims.items() if value is not LEFT_OUT}
        return jwt.encode(given, private_key(kid), algorithm="RS256", headers={"kid": kid, **(headers or {})})

    def token(self, client_id: str, **claims: Any) -> str:
        """A good access token of that client, but for the claims named."""
        return self.sign({**good_claims(client_id), **claims})


def good_claims(client_id: str) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": settings.TOKEN_ISSUER,
        "aud": settings.TOKEN_AUDIENCE,
        "sub": str(uuid.uuid4()),
        "typ": "Bearer",
        "azp": client_id,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 300,
    }
