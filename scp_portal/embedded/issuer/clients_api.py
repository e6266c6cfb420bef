"""The part of Keycloak's admin interface that the portal uses: `/admin/realms/scp/clients`, same paths, statuses and
shapes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scp_portal.embedded.issuer.minting import Minter
from scp_portal.embedded.issuer.store import ClientExists, ClientStore

PROVISIONER = "scp-provisioner"
MASKED = "**********"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class ClientsApi:
    def __init__(self, clients: ClientStore, minter: Minter, base: str) -> None:
        self.clients, self.minter, self.base = clients, minter, base

    def handle(self, method: str, path: list[str], query: Mapping[str, str], bearer: str, body: bytes) -> Reply:
        """`path` is what follows `/clients`, split at the slashes."""
        claims = self.minter.read(bearer, "Bearer")
        if claims is None:
            return Reply(401, {"error": "HTTP 401 Unauthorized"})
        if claims["azp"] != PROVISIONER:
            return Reply(403, {"error": "HTTP 403 Forbidden"})
        match method, path:
            case "GET", []:
                return self._search(query)
            case "POST", []:
                return self._create(body)
            case _, [internal_id, *rest] if self.clients.get(internal_id) is not None:
                return self._one(method, internal_id, rest, body)
        return Reply(404, {"error": "Could not find client"})

    def _search(self, query: Mapping[str, str]) -> Reply:
        wanted = query.get("clientId")
        return Reply(200, [self._shown(c) for c in self.clients.all() if wanted is None or c["clientId"] == wanted])

    def _create(self, body: bytes) -> Reply:
        representation = _object(body)
        if representation is None or not isinstance(representation.get("clientId"), str):
            return Reply(400, {"error": "unable to read contents from stream"})
        try:
            internal_id = self.clients.create(representation)
        except ClientExists:
            return Reply(409, {"errorMessage": f"Client {representation['clientId']} already exists"})
        return Reply(201, headers={"Location": f"{self.base}/clients/{internal_id}"})

    def _one(self, method: str, internal_id: str, rest: list[str], body: bytes) -> Reply:
        fixed = self.clients.is_fixed(internal_id)
        match method, rest:
            case "GET", []:
                return Reply(200, self._shown(self.clients.get(internal_id) or {}))
            case "GET", ["client-secret"]:
                return Reply(200, {"type": "secret", "value": MASKED})
            case (("PUT" | "DELETE" | "POST"), _) if fixed:
                return Reply(403, {"error": "The clients of the realm file are changed in the file."})
            case "PUT", []:
                return self._change(internal_id, body)
            case "DELETE", []:
                self.clients.delete(internal_id)
                return Reply(204)
            case "POST", ["client-secret"]:
                return Reply(200, {"type": "secret", "value": self.clients.new_secret(internal_id)})
        return Reply(404, {"error": "HTTP 404 Not Found"})

    def _change(self, internal_id: str, body: bytes) -> Reply:
        changes = _object(body)
        if changes is None:
            return Reply(400, {"error": "unable to read contents from stream"})
        self.clients.merge(internal_id, changes)
        return Reply(204)

    def _shown(self, client: Mapping[str, Any]) -> dict[str, Any]:
        return {**client, "secret": MASKED} if "secret" in client else dict(client)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
