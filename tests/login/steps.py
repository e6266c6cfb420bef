"""Steps of a sign-in, for the tests: a browser without a window, and the identity server's pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from django.test import Client

from audit.models import Entry
from registry.models import Role, RoleGrant, RoleMapping, User
from scp_portal.embedded.issuer.realm import DemoPerson
from tests import make
from tests.keycloak.hostile import HostileIdp

CALLBACK = "/oidc/callback/"
SignIn = Callable[["Browser", str], Any]
"""Goes all the way as one of the demo's people; the callback's answer."""


class Browser(Client):
    """Django's test client at the address that the realm knows the portal by."""

    def __init__(self, **options: Any) -> None:
        super().__init__(headers={"host": "localhost:8000"}, **options)

    def start(self, target: str = "") -> str:
        """Press the button; the address of the identity server's page."""
        answer = self.get("/oidc/authenticate/", {"next": target} if target else {})
        assert answer.status_code == 302, answer.content
        return str(answer["Location"])

    def come_back(self, address: str) -> Any:
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"http://localhost:8000{CALLBACK}"
        return self.get(f"{parts.path}?{parts.query}")

    @property
    def person(self) -> User | None:
        key = self.session.get("_auth_user_id")
        return User.objects.filter(pk=key).first() if key else None


def choose(authorization_url: str, person: DemoPerson) -> str:
    """The embedded issuer's page: who do you want to be? Where the browser is sent then."""
    shown = requests.get(authorization_url, timeout=10)
    assert shown.status_code == 200, shown.text
    token = re.search(r'name="request" value="([^"]+)"', shown.text)
    action = re.search(r'action="([^"]+)"', shown.text)
    assert token
    assert action
    parts = urlsplit(authorization_url)
    form = {"request": token[1], "person": person.sub}
    address = f"{parts.scheme}://{parts.netloc}{action[1]}"
    return requests.post(address, data=form, allow_redirects=False, timeout=10).headers["Location"]


def entries(action: str) -> list[dict[str, Any]]:
    """The bodies of the audit entries on this action, oldest first."""
    with make.seen():
        return [json.loads(bytes(entry.body)) for entry in Entry.objects.filter(action=action).order_by("entry_id")]


def map_groups() -> None:
    make.tenant("NZ")
    with make.seen():
        RoleMapping.objects.create(group="scp-tenant-admin-nz", role=Role.TENANT_ADMIN, tenant_id="NZ")
        RoleMapping.objects.create(group="scp-auditor", role=Role.AUDITOR)


def roles(user: User) -> set[tuple[str, str | None]]:
    with make.seen():
        return set(RoleGrant.objects.filter(user=user).values_list("role", "tenant_id"))


def finish(browser: Browser, idp: HostileIdp, target: str = "", header: Any = None, **claims: Any) -> Any:
    """Start, let the identity server put these claims into a rightly signed ID token, and come back."""
    query = parse_qs(urlsplit(browser.start(target)).query)
    idp.says(idp.id_claims(**({"nonce": query["nonce"][0]} | claims)), header)
    return browser.get(CALLBACK, {"code": "c", "state": query["state"][0]})
