"""Back-channel logout by the real Keycloak, which calls the portal over the network (OI-07)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from scp_portal.embedded.issuer.realm import DemoPerson
from tests.keycloak.handle import Keycloak


@pytest.mark.req("OI-07")
def test_ending_a_persons_sessions_in_keycloak_ends_them_here_at_once(
    keycloak: Keycloak, live_server: Any, settings: Any, demo_person: Callable[[str], DemoPerson]
) -> None:
    keycloak.point_settings_at(settings)
    keycloak.allow_portal_at(live_server.url)
    browser, person = requests.Session(), demo_person("henrik.lindqvist")
    start = browser.get(f"{live_server.url}/oidc/authenticate/", allow_redirects=False, timeout=20)
    back = keycloak.sign_in_form(start.headers["Location"], person)
    assert browser.get(back, allow_redirects=False, timeout=20).headers["Location"] == "/admin/"
    assert browser.get(f"{live_server.url}/login/", allow_redirects=False, timeout=20).status_code == 302
    keycloak.admin_call("POST", f"/users/{keycloak.add_person(person)}/logout")
    assert browser.get(f"{live_server.url}/login/", allow_redirects=False, timeout=20).status_code == 200
