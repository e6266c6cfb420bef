"""The port to the identity server: a machine client per integration, by Keycloak's admin REST interface (governance
8.3).

The embedded issuer answers the same paths, so there is one code path. Nothing here runs inside a transaction, nothing
is stored: the caller keeps intent and result, and shows a new secret once. Every failure is `IdpUnavailable` with a
sentence for the person who waits, and the technical reason in `internal`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from django.conf import settings

from registry.models import Integration
from scp_portal.kernel import egress
from scp_portal.kernel.problems import IdpUnavailable

CLIENT_PREFIX = "scp-int-"
PURPOSE = "identity"
TIMEOUT = 5
EXPIRY_MARGIN = 30
"""Seconds before its end at which the provisioner's token is no longer used."""

UNREACHABLE = "The identity server cannot be reached, so nothing was changed there. Try again in a few minutes."
NOT_LET_IN = (
    "The identity server does not let the portal manage machine clients. An operator has to check the account "
    "scp-provisioner and the setting KEYCLOAK_PROVISIONER_SECRET."
)
UNEXPECTED = "The identity server gave an answer the portal does not understand. An operator has to look at it."
NO_CLIENT = "The identity server no longer has this integration's machine client. Issue a new one."


@dataclass(frozen=True, slots=True)
class ClientSpec:
    """What an integration's machine client has to be."""

    integration_id: UUID
    name: str
    tenant_id: str
    verticals: tuple[str, ...]
    token_lifetime: int = 300

    @classmethod
    def of(cls, integration: Integration) -> ClientSpec:
        return cls(
            integration_id=integration.integration_id,
            name=f"{integration.integration_name} ({integration.tenant_id})",
            tenant_id=integration.tenant_id,
            verticals=tuple(sorted(integration.vertical_ids)),
            token_lifetime=integration.token_lifetime,
        )

    @property
    def client_id(self) -> str:
        """Never reused: it contains the integration's own id."""
        return f"{CLIENT_PREFIX}{self.integration_id}"


@dataclass(frozen=True, slots=True)
class IssuedClient:
    """A machine client with its new secret, which is shown once and kept nowhere."""

    client_id: str
    internal_id: str
    secret: str

    def __repr__(self) -> str:
        return f"IssuedClient({self.client_id!r}, {self.internal_id!r}, secret=…)"


@dataclass(frozen=True, slots=True)
class Observation:
    """The machine client as the identity server has it. `drift` names what was changed there by hand."""

    internal_id: str
    enabled: bool
    drift: tuple[str, ...] = ()


def representation(spec: ClientSpec) -> dict[str, Any]:
    """Keycloak's client representation: client credentials only, short tokens, claims put on by the client's own
    mappers.

    The scope `basic` carries `sub`; `roles` is left out, so no role claim of the realm reaches a partner's token.
    """
    return {
        "clientId": spec.client_id,
        "name": spec.name,
        "protocol": "openid-connect",
        "enabled": True,
        "publicClient": False,
        "bearerOnly": False,
        "clientAuthenticatorType": "client-secret",
        "serviceAccountsEnabled": True,
        "standardFlowEnabled": False,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "fullScopeAllowed": False,
        "redirectUris": [],
        "webOrigins": [],
        "defaultClientScopes": ["basic"],
        "optionalClientScopes": [],
        "attributes": attributes(spec),
        "protocolMappers": mappers(spec),
    }


def attributes(spec: ClientSpec) -> dict[str, str]:
    return {
        "access.token.lifespan": str(spec.token_lifetime),
        "client_credentials.use_refresh_token": "false",
        "access.token.header.type.rfc9068": "true",
        "tls.client.certificate.bound.access.tokens": "false",
        "scp.integration_id": str(spec.integration_id),
    }


def mappers(spec: ClientSpec) -> list[dict[str, Any]]:
    return [
        _claim("tenant_id", spec.tenant_id),
        _claim("integration_id", str(spec.integration_id)),
        _claim("verticals", json.dumps(list(spec.verticals)), "JSON"),
        _mapper("aud-gateway", "oidc-audience-mapper", {"included.client.audience": settings.TOKEN_AUDIENCE}),
    ]


def _claim(name: str, value: str, kind: str = "String") -> dict[str, Any]:
    config = {"claim.name": name, "claim.value": value, "jsonType.label": kind, "userinfo.token.claim": "false"}
    return _mapper(name, "oidc-hardcoded-claim-mapper", config)


def _mapper(name: str, kind: str, config: Mapping[str, str]) -> dict[str, Any]:
    targets = {"access.token.claim": "true", "id.token.claim": "false", "introspection.token.claim": "true"}
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": {**config, **targets}}


def drift(spec: ClientSpec, found: Mapping[str, Any]) -> tuple[str, ...]:
    """What differs from `representation(spec)`, apart from `enabled`: names such as "attribute
    access.token.lifespan"."""
    wanted = representation(spec)
    left_alone = {"enabled", "attributes", "protocolMappers", "defaultClientScopes", "name"}
    changed = [name for name in wanted.keys() - left_alone if found.get(name) != wanted[name]]
    has = found.get("attributes") or {}
    changed += [f"attribute {name}" for name, value in wanted["attributes"].items() if has.get(name) != value]
    ours, theirs = _by_name(wanted["protocolMappers"]), _by_name(found.get("protocolMappers") or [])
    for name in ours.keys() | theirs.keys():
        if name not in ours or name not in theirs or not _same_mapper(ours[name], theirs[name]):
            changed.append(f"mapper {name}")
    # Keycloak adds its scope `service_account` to every client that has a service account.
    if not set(found.get("defaultClientScopes") or []) <= {"basic", "service_account"}:
        changed.append("defaultClientScopes")
    return tuple(sorted(changed))


def _by_name(mapper_list: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {mapper["name"]: mapper for mapper in mapper_list}


def _same_mapper(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    same_config = ours["config"].items() <= (theirs.get("config") or {}).items()
    return bool(ours["protocolMapper"] == theirs.get("protocolMapper") and same_config)


class IdentityServer:
    """One realm of one Keycloak (or of the embedded issuer), as the account that may manage its clients and nothing
    else."""

    def __init__(self, url: str, realm: str, provisioner_id: str, provisioner_secret: str) -> None:
        self._token_url = f"{url}/realms/{realm}/protocol/openid-connect/token"
        self._clients_url = f"{url}/admin/realms/{realm}/clients"
        self._credentials = {"client_id": provisioner_id, "client_secret": provisioner_secret}
        self._lock = threading.Lock()
        self._token, self._usable_until = "", 0.0

    def issue(self, spec: ClientSpec) -> IssuedClient:
        """Make or repair the client and give it a new secret. Repeating it is safe; the last secret is the valid
        one."""
        found = self._find(spec.client_id)
        internal_id = self._create(spec) if found is None else str(found["id"])
        if found is not None:
            self._request("PUT", f"/{internal_id}", representation(spec), expect=(204,))
        return IssuedClient(spec.client_id, internal_id, self._new_secret(internal_id))

    def rotate(self, client_id: str) -> IssuedClient:
        """A new secret; the old one is dead at once."""
        internal_id = self._existing(client_id)
        return IssuedClient(client_id, internal_id, self._new_secret(internal_id))

    def enable(self, client_id: str) -> None:
        self._request("PUT", f"/{self._existing(client_id)}", {"enabled": True}, expect=(204,))

    def disable(self, client_id: str) -> None:
        """No new tokens. Those already given out verify until they expire, so the portal's own state check stands
        before them."""
        self._request("PUT", f"/{self._existing(client_id)}", {"enabled": False}, expect=(204,))

    def delete(self, client_id: str) -> None:
        """Gone for good; a client that is already gone is fine."""
        found = self._find(client_id)
        if found is not None:
            self._request("DELETE", f"/{found['id']}", expect=(204, 404))

    def observe(self, spec: ClientSpec) -> Observation | None:
        """What is there now, or None when there is no such client."""
        found = self._find(spec.client_id)
        if found is None:
            return None
        return Observation(str(found["id"]), found.get("enabled") is True, drift(spec, found))

    def _find(self, client_id: str) -> dict[str, Any] | None:
        found = _parsed(self._request("GET", f"?{urlencode({'clientId': client_id})}", expect=(200,)), list)
        exact = [client for client in found if isinstance(client, dict) and client.get("clientId") == client_id]
        return exact[0] if exact else None

    def _existing(self, client_id: str) -> str:
        found = self._find(client_id)
        if found is None:
            raise IdpUnavailable(NO_CLIENT, internal=f"no client {client_id}")
        return str(found["id"])

    def _create(self, spec: ClientSpec) -> str:
        answer = self._request("POST", "", representation(spec), expect=(201, 409))
        location = answer.headers.get("location", "")
        if answer.status == 201 and location:
            return location.rstrip("/").rsplit("/", 1)[-1]
        return self._existing(spec.client_id)  # somebody else made it in the meantime

    def _new_secret(self, internal_id: str) -> str:
        answer = self._request("POST", f"/{quote(internal_id, safe='')}/client-secret", expect=(200,))
        secret = _parsed(answer, dict).get("value")
        if not isinstance(secret, str) or not secret:
            raise IdpUnavailable(UNEXPECTED, internal="client-secret without value")
        return secret

    def _request(self, method: str, path: str, body: Any = None, *, expect: tuple[int, ...]) -> egress.Answer:
        """One admin call. A token the server no longer takes (it was restarted, its keys rotated) is replaced once."""
        for attempt in (1, 2):
            headers = {"Authorization": f"Bearer {self._access_token(fresh=attempt == 2)}"}
            answer = _call(method, self._clients_url + path, headers=headers, json=body)
            if answer.status != 401:
                break
        if answer.status in (401, 403):
            raise IdpUnavailable(NOT_LET_IN, internal=f"{method} clients{path}: {answer.status}")
        if answer.status not in expect:
            raise IdpUnavailable(UNEXPECTED, internal=f"{method} clients{path}: {answer.status}")
        return answer

    def _access_token(self, *, fresh: bool) -> str:
        with self._lock:
            if fresh or time.monotonic() >= self._usable_until:
                answer = _call("POST", self._token_url, data={**self._credentials, "grant_type": "client_credentials"})
                if answer.status != 200:
                    detail = NOT_LET_IN if answer.status in (400, 401) else UNEXPECTED
                    raise IdpUnavailable(detail, internal=f"token: {answer.status}")
                told = _parsed(answer, dict)
                self._token = str(told.get("access_token", ""))
                self._usable_until = time.monotonic() + max(0, int(told.get("expires_in", 0)) - EXPIRY_MARGIN)
            return self._token


def _call(method: str, url: str, **content: Any) -> egress.Answer:
    try:
        return egress.call(method, url, purpose=PURPOSE, timeout=TIMEOUT, **content)
    except egress.EgressError as error:
        raise IdpUnavailable(UNREACHABLE, internal=f"{method}: {error}") from error


def _parsed(answer: egress.Answer, kind: type[Any]) -> Any:
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise IdpUnavailable(UNEXPECTED, internal="not JSON") from error
    if not isinstance(value, kind):
        raise IdpUnavailable(UNEXPECTED, internal=f"JSON, but no {kind.__name__}")
    return value


@lru_cache(maxsize=4)
def _server(url: str, realm: str, provisioner_id: str, provisioner_secret: str) -> IdentityServer:
    return IdentityServer(url, realm, provisioner_id, provisioner_secret)


def server() -> IdentityServer:
    """The identity server of the settings; one per process, so that its token is asked for once."""
    return _server(
        settings.KEYCLOAK_URL,
        settings.KEYCLOAK_REALM,
        settings.KEYCLOAK_PROVISIONER_ID,
        settings.KEYCLOAK_PROVISIONER_SECRET,
    )


def issue(spec: ClientSpec) -> IssuedClient:
    return server().issue(spec)


def rotate(client_id: str) -> IssuedClient:
    return server().rotate(client_id)


def enable(client_id: str) -> None:
    server().enable(client_id)


def disable(client_id: str) -> None:
    server().disable(client_id)


def delete(client_id: str) -> None:
    server().delete(client_id)


def observe(spec: ClientSpec) -> Observation | None:
    return server().observe(spec)
