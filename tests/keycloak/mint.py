"""Mints tokens as the identity server would, with keys made for the test run; for rightly signed hostile tokens as
well."""

import base64
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm, get_default_algorithms

ISSUER = "https://id.example.org/realms/scp"
AUDIENCE = "scp-gateway"


def b64(data: bytes | str | Mapping[str, Any]) -> str:
    """base64url without padding; a mapping is written as JSON."""
    if isinstance(data, Mapping):
        data = json.dumps(data)
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


class Mint:
    """One signing key and the JWK set that publishes it."""

    def __init__(self, kid: str = "key-1", algorithm: str = "RS256", bits: int = 2048) -> None:
        self.kid, self.algorithm = kid, algorithm
        self.private: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=bits)
        )

    @property
    def jwk(self) -> dict[str, Any]:
        kind = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        public = kind.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def key_set(self, *others: "Mint") -> bytes:
        return json.dumps({"keys": [mint.jwk for mint in (self, *others)]}).encode()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a partner's token (governance 8.4); a change to `...` leaves that claim out."""
        now = int(time.time())
        usual = {
            "exp": now + 300,
            "iat": now,
            "jti": f"trrtcc:{uuid.uuid4()}",
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "447989f5-0000-4000-8000-000000000001",
            "typ": "Bearer",
            "azp": "scp-int-7f3c",
            "scope": "",
            "tenant_id": "NZ",
            "integration_id": "7f3c0000-0000-4000-8000-000000000001",
            "verticals": ["community"],
        }
        return {name: value for name, value in (usual | changes).items() if value is not ...}

    def token(self, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        return self.sign(self.claims(**changes), header)

    def sign(self, payload: Mapping[str, Any] | str | bytes, header: Mapping[str, Any] | str | None = None) -> str:
        """Sign exactly this payload, whatever it is; a header mapping is laid over the usual one, a text replaces
        it."""
        usual = {"alg": self.algorithm, "typ": "JWT", "kid": self.kid}
        head = header if isinstance(header, str) else json.dumps(usual | dict(header or {}))
        content = f"{b64(head)}.{b64(payload)}"
        signature = get_default_algorithms()[self.algorithm].sign(content.encode(), self.private)
        return f"{content}.{b64(signature)}"
