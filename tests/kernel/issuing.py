"""An issuer in the test's hand: keys, a JWKS address with a clock and failures, verifiers of its tokens."""

from __future__ import annotations

from typing import Any

import pytest

from scp_portal.kernel.jwks import KeySet
from scp_portal.kernel.problems import TokenInvalid
from scp_portal.kernel.tokens import TokenVerifier
from tests.keycloak.mint import AUDIENCE, ISSUER, Mint

URL = "https://id.example.org/realms/scp/protocol/openid-connect/certs"
MINT = Mint()
OTHER = Mint()
CURVE = Mint("key-ec", "ES256")


class Server:
    """A JWKS address whose answer, clock and failures the test controls."""

    def __init__(self, body: bytes | None = None) -> None:
        self.body = body or MINT.key_set(CURVE)
        self.now = 1000.0
        self.asked = 0
        self.error: Exception | None = None

    def fetch(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        if self.error:
            raise self.error
        return self.body


def verifier(server: Server | None = None, **options: Any) -> TokenVerifier:
    server = server or Server()
    keys = KeySet(URL, server.fetch, clock=lambda: server.now)
    return TokenVerifier(ISSUER, URL, AUDIENCE, fetch=server.fetch, keys=keys, **options)


VERIFIER = verifier()


def refusal(token: Any, using: TokenVerifier = VERIFIER) -> str:
    with pytest.raises(TokenInvalid) as caught:
        using.verify(token)
    return caught.value.internal
