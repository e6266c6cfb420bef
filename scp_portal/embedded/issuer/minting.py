"""Signs tokens in Keycloak's shape (governance 8.4), with the mappers a client carries."""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from scp_portal.embedded.issuer.realm import Client, DemoPerson

DEFAULT_LIFESPAN = 300
REFRESH_LIFESPAN = 1800


class Minter:
    """The issuer's name and key."""

    def __init__(self, issuer: str, key: rsa.RSAPrivateKey) -> None:
        self.issuer = issuer
        self._key = key
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        digest = hashes.Hash(hashes.SHA256())
        digest.update(public)
        self.kid = digest.finalize().hex()[:32]

    def key_set(self) -> dict[str, Any]:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self.kid, "use": "sig", "alg": "RS256"}]}

    def machine_token(self, client: Client) -> dict[str, Any]:
        """The answer to a client-credentials grant."""
        lifespan = int(client.get("attributes", {}).get("access.token.lifespan", DEFAULT_LIFESPAN))
        subject = str(uuid.uuid5(uuid.NAMESPACE_URL, f"service-account-{client['id']}"))
        claims = self._common(client, subject, lifespan, "Bearer") | mapped_claims(client, "access.token.claim")
        typed = client.get("attributes", {}).get("access.token.header.type.rfc9068") == "true"
        token = self._sign({"scope": "", **claims}, "at+jwt" if typed else "JWT")
        return {
            "access_token": token,
            "expires_in": lifespan,
            "refresh_expires_in": 0,
            "token_type": "Bearer",
            "not-before-policy": 0,
            "scope": "",
        }

    def person_tokens(self, client: Client, person: DemoPerson, sid: str, nonce: str, auth_time: int) -> dict[str, Any]:
        """The answer to an authorization-code or refresh grant: ID, access and refresh token."""
        own = {"sid": sid, "auth_time": auth_time} | ({"nonce": nonce} if nonce else {})
        profile = {
            "name": person.name,
            "preferred_username": person.username,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "email": person.email,
            "email_verified": True,
            "locale": person.language,
        }
        identity = self._common(client, person.sub, DEFAULT_LIFESPAN, "ID") | own | profile
        identity |= {"aud": client["clientId"], "acr": "1"} | mapped_claims(client, "id.token.claim", person)
        access = self._common(client, person.sub, DEFAULT_LIFESPAN, "Bearer") | own | {"scope": "openid profile email"}
        refresh = self._common(client, person.sub, REFRESH_LIFESPAN, "Refresh") | own | {"aud": self.issuer}
        return {
            "access_token": self._sign(access),
            "id_token": self._sign(identity),
            "refresh_token": self._sign(refresh),
            "expires_in": DEFAULT_LIFESPAN,
            "refresh_expires_in": REFRESH_LIFESPAN,
            "token_type": "Bearer",
            "not-before-policy": 0,
            "session_state": sid,
            "scope": "openid profile email",
        }

    def read(self, token: str, kind: str) -> Mapping[str, Any] | None:
        """The claims of a token of this issuer and kind, or None."""
        options: jwt.types.Options = {"verify_aud": False, "require": ["exp", "iat", "sub", "azp"]}
        try:
            claims = jwt.decode(token, self._key.public_key(), ["RS256"], options=options, issuer=self.issuer)
        except jwt.PyJWTError:
            return None
        return claims if claims.get("typ") == kind else None

    def _common(self, client: Client, subject: str, lifespan: int, kind: str) -> dict[str, Any]:
        now = int(time.time())
        return {
            "exp": now + lifespan,
            "iat": now,
            "jti": f"{kind.lower()}:{uuid.uuid4()}",
            "iss": self.issuer,
            "sub": subject,
            "typ": kind,
            "azp": client["clientId"],
        }

    def _sign(self, claims: Mapping[str, Any], header_type: str = "JWT") -> str:
        return jwt.encode(dict(claims), self._key, "RS256", {"kid": self.kid, "typ": header_type})


def mapped_claims(client: Client, target: str, person: DemoPerson | None = None) -> dict[str, Any]:
    """The claims that the client's mappers add to the kind of token named by `target`, e.g. "access.token.claim"."""
    claims: dict[str, Any] = {}
    audience: list[str] = []
    for mapper in client.get("protocolMappers", []):
        config = mapper["config"]
        if config.get(target) != "true":
            continue
        match mapper["protocolMapper"]:
            case "oidc-hardcoded-claim-mapper":
                typed = config.get("jsonType.label") == "JSON"
                claims[config["claim.name"]] = json.loads(config["claim.value"]) if typed else config["claim.value"]
            case "oidc-audience-mapper":
                audience.append(config["included.client.audience"])
            case "oidc-group-membership-mapper" if person is not None:
                claims[config["claim.name"]] = list(person.groups)
    if audience:
        claims["aud"] = audience[0] if len(audience) == 1 else audience
    return claims
