"""A running Keycloak, as the tests use it: its administrator's calls, its people, its sign-in page."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field
from typing import Any

import requests

from scp_portal.embedded.issuer.realm import DemoPerson

REALM = "scp"


@dataclass(frozen=True)
class Keycloak:
    """A running server, its administrator, and the secrets its realm was given."""

    url: str
    admin: str
    admin_password: str
    secrets: dict[str, str]
    person_password: str = "only-for-tests"
    _session: requests.Session = field(default_factory=requests.Session, compare=False, repr=False)
    _kept: dict[str, tuple[str, float]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{REALM}"

    @property
    def oidc(self) -> str:
        return f"{self.issuer}/protocol/openid-connect"

    def admin_call(self, method: str, path: str, **content: Any) -> requests.Response:
        """One call as the server's administrator; `path` follows `/admin/realms/scp`. Fails on an error status."""
        headers = {"Authorization": f"Bearer {self._admin_token()}"}
        address = f"{self.url}/admin/realms/{REALM}{path}"
        answer = self._session.request(method, address, headers=headers, timeout=20, **content)
        answer.raise_for_status()
        return answer

    def _admin_token(self) -> str:
        """Kept for half a minute: the administrator's password is slow to check, on purpose."""
        token, until = self._kept.get("token", ("", 0.0))
        if time.monotonic() >= until:
            form = {"grant_type": "password", "client_id": "admin-cli"}
            form |= {"username": self.admin, "password": self.admin_password}
            master = f"{self.url}/realms/master/protocol/openid-connect/token"
            token = str(self._session.post(master, data=form, timeout=20).json()["access_token"])
            self._kept["token"] = (token, time.monotonic() + 30)
        return token

    def client_uuid(self, client_id: str) -> str:
        found = self.admin_call("GET", "/clients", params={"clientId": client_id}).json()
        return str(found[0]["id"])

    def allow_portal_at(self, url: str) -> None:
        """Let the login client send people back to this address too, such as a live server's."""
        path = f"/clients/{self.client_uuid('scp-portal')}"
        client = self.admin_call("GET", path).json()
        attributes = client["attributes"]
        redirects = sorted({*client["redirectUris"], f"{url}/oidc/callback/"})
        after = {*attributes.get("post.logout.redirect.uris", "").split("##"), f"{url}/login/"} - {""}
        attributes["post.logout.redirect.uris"] = "##".join(sorted(after))
        attributes["backchannel.logout.url"] = f"{url}/oidc/backchannel-logout/"
        self.admin_call("PUT", path, json={"redirectUris": redirects, "attributes": attributes})

    def add_person(self, person: DemoPerson) -> str:
        """Make the person with their groups; the subject under which tokens will name them. Repeatable."""
        known = self.admin_call("GET", "/users", params={"username": person.username, "exact": "true"}).json()
        if known:
            return str(known[0]["id"])
        for group in person.groups:
            with contextlib.suppress(requests.HTTPError):  # 409: the group is there
                self.admin_call("POST", "/groups", json={"name": group})
        made = self.admin_call(
            "POST",
            "/users",
            json={
                "username": person.username,
                "enabled": True,
                "firstName": person.given_name,
                "lastName": person.family_name,
                "email": person.email,
                "emailVerified": True,
                "groups": list(person.groups),
                "credentials": [{"type": "password", "value": self.person_password, "temporary": False}],
            },
        )
        return made.headers["Location"].rsplit("/", 1)[-1]

    def machine_token(self, client_id: str, secret: str) -> requests.Response:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        return requests.post(f"{self.oidc}/token", data=form, timeout=20)

    def point_settings_at(self, settings: Any) -> None:
        """For pytest-django's `settings` fixture."""
        point_settings_at(settings, self.url, self.secrets)

    def sign_in_form(self, authorization_url: str, person: DemoPerson, browser: requests.Session | None = None) -> str:
        """Go through Keycloak's own sign-in page without a browser; the address it then sends the browser to."""
        browser = browser or requests.Session()
        shown = browser.get(authorization_url, timeout=20)
        if (form := re.search(r'action="([^"]+)"', shown.text)) is None:
            raise AssertionError(f"no sign-in form: {shown.status_code} {shown.text[:300]}")
        for cookie in browser.cookies:
            cookie.secure = False  # a browser counts loopback as secure, requests does not
        credentials = {"username": person.username, "password": self.person_password}
        answer = browser.post(form[1].replace("&amp;", "&"), data=credentials, allow_redirects=False, timeout=20)
        if answer.status_code != 302:
            raise AssertionError(f"not signed in: {answer.status_code} {answer.text[:300]}")
        for cookie in browser.cookies:
            cookie.secure = False
        return answer.headers["Location"]


def point_settings_at(settings: Any, url: str, client_secrets: dict[str, str]) -> None:
    """Every setting that is derived from KEYCLOAK_URL, for a server of that address."""
    issuer = f"{url}/realms/{REALM}"
    oidc = f"{issuer}/protocol/openid-connect"
    values = {
        "KEYCLOAK_URL": url,
        "TOKEN_ISSUER": issuer,
        "TOKEN_JWKS_URL": f"{oidc}/certs",
        "OIDC_OP_AUTHORIZATION_ENDPOINT": f"{oidc}/auth",
        "OIDC_OP_TOKEN_ENDPOINT": f"{oidc}/token",
        "OIDC_OP_USER_ENDPOINT": f"{oidc}/userinfo",
        "OIDC_OP_JWKS_ENDPOINT": f"{oidc}/certs",
        "OIDC_OP_LOGOUT_ENDPOINT": f"{oidc}/logout",
        "OIDC_RP_CLIENT_SECRET": client_secrets["OIDC_CLIENT_SECRET"],
        "KEYCLOAK_PROVISIONER_SECRET": client_secrets["KEYCLOAK_PROVISIONER_SECRET"],
        "TRUSTED_ORIGINS": [url],
    }
    for name, value in values.items():
        setattr(settings, name, value)
    policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {**policy, "form-action": ["'self'", url]}}
