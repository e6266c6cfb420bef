"""The shipped realm, as a real Keycloak understands it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from scp_portal.embedded.issuer.realm import DemoPerson
from scp_portal.embedded.issuer.server import Issuer
from scp_portal.kernel.tokens import TokenVerifier
from tests.keycloak.distribution import REALM_FILE
from tests.keycloak.handle import Keycloak

REALM: dict[str, Any] = json.loads(REALM_FILE.read_text(encoding="utf-8"))


def test_the_file_holds_no_person_and_no_secret() -> None:
    assert [user["username"] for user in REALM["users"]] == ["service-account-scp-provisioner"]
    for client in REALM["clients"]:
        assert client.get("secret", "${").startswith("${")
        assert client["fullScopeAllowed"] is False
        assert client["directAccessGrantsEnabled"] is False
        assert client["implicitFlowEnabled"] is False


def test_discovery_names_the_addresses_that_the_portal_derives(keycloak: Keycloak, settings: Any) -> None:
    keycloak.point_settings_at(settings)
    told = requests.get(f"{keycloak.issuer}/.well-known/openid-configuration", timeout=20).json()
    assert told["issuer"] == settings.TOKEN_ISSUER
    assert told["authorization_endpoint"] == settings.OIDC_OP_AUTHORIZATION_ENDPOINT
    assert told["token_endpoint"] == settings.OIDC_OP_TOKEN_ENDPOINT
    assert told["jwks_uri"] == settings.OIDC_OP_JWKS_ENDPOINT == settings.TOKEN_JWKS_URL
    assert told["end_session_endpoint"] == settings.OIDC_OP_LOGOUT_ENDPOINT
    assert told["backchannel_logout_supported"] is True


def test_the_cores_token_passes_the_portals_own_check(keycloak: Keycloak) -> None:
    answer = keycloak.machine_token("scp-core", keycloak.secrets["CORE_CLIENT_SECRET"]).json()
    verifier = TokenVerifier(
        keycloak.issuer,
        f"{keycloak.oidc}/certs",
        "scp-gateway",
        fetch=lambda url: requests.get(url, timeout=20).content,
    )
    claims = verifier.verify(answer["access_token"])
    assert (claims.client_id, claims.raw["scp_role"], claims.audience) == ("scp-core", "core", ("scp-gateway",))
    assert claims.expires_at - claims.issued_at == 300
    assert "refresh_token" not in answer


@pytest.mark.parametrize("client_id", ["scp-gateway", "scp-portal"])
def test_clients_without_service_account_get_no_machine_token(keycloak: Keycloak, client_id: str) -> None:
    secret = keycloak.secrets["OIDC_CLIENT_SECRET"]
    assert keycloak.machine_token(client_id, secret).status_code in {400, 401}


def test_a_persons_password_buys_no_token_without_the_sign_in_page(
    keycloak: Keycloak, demo_person: Callable[[str], DemoPerson]
) -> None:
    form = {
        "grant_type": "password",
        "client_id": "scp-portal",
        "client_secret": keycloak.secrets["OIDC_CLIENT_SECRET"],
        "username": demo_person("ingrid.solheim").username,
        "password": keycloak.person_password,
        "scope": "openid",
    }
    assert requests.post(f"{keycloak.oidc}/token", data=form, timeout=20).status_code in {400, 401}


@pytest.mark.req("OI-02")
@pytest.mark.parametrize("method", ["", "plain"])
def test_sign_in_without_pkce_by_sha256_is_refused(keycloak: Keycloak, method: str) -> None:
    query = {
        "client_id": "scp-portal",
        "redirect_uri": "http://localhost:8000/oidc/callback/",
        "response_type": "code",
        "scope": "openid",
        "state": "s",
    }
    if method:
        query |= {"code_challenge": "v" * 43, "code_challenge_method": method}
    answer = requests.get(f"{keycloak.oidc}/auth", params=query, allow_redirects=False, timeout=20)
    assert "error=invalid_request" in answer.headers["Location"]


def test_the_embedded_issuer_promises_nothing_that_keycloak_does_not(
    keycloak: Keycloak, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in keycloak.secrets.items():
        monkeypatch.setenv(name, value)
    ours = Issuer("http://127.0.0.1:1", tmp_path / "issuer").discovery()
    theirs = requests.get(f"{keycloak.issuer}/.well-known/openid-configuration", timeout=20).json()
    for name, value in ours.items():
        if isinstance(value, list):
            assert set(value) <= set(theirs[name]), name
        elif isinstance(value, str):
            path = value.removeprefix("http://127.0.0.1:1")
            assert theirs[name] == keycloak.url + path, name
        else:
            assert theirs[name] == value, name
