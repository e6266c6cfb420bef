"""What tests ask of an identity server behind the portal's back."""

from __future__ import annotations

import requests
from django.conf import settings


class IdentityServer:
    """Where it listens, and what its clients are, asked over HTTP as the portal's provisioner."""

    def __init__(self, url: str) -> None:
        self.url = url

    def token(self, client_id: str, secret: str) -> requests.Response:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        return requests.post(f"{self.url}/realms/scp/protocol/openid-connect/token", data=form, timeout=5)

    def clients(self, client_id: str) -> list[dict[str, object]]:
        granted = self.token(settings.KEYCLOAK_PROVISIONER_ID, settings.KEYCLOAK_PROVISIONER_SECRET).json()
        answer = requests.get(
            f"{self.url}/admin/realms/scp/clients",
            params={"clientId": client_id},
            headers={"Authorization": f"Bearer {granted['access_token']}"},
            timeout=5,
        )
        answer.raise_for_status()
        return list(answer.json())
