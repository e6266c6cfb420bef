"""Machine clients, on the real Keycloak and on the embedded issuer: what holds on the one holds on the other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import pytest
import requests

from registry import identity
from registry.identity import ClientSpec
from scp_portal.kernel import egress
from scp_portal.kernel.problems import IdpUnavailable
from scp_portal.kernel.tokens import Claims, TokenVerifier
from tests.keycloak.handle import Keycloak


@dataclass(frozen=True)
class Server:
    """Where to ask for tokens, and a verifier that trusts its keys."""

    url: str

    def token(self, client_id: str, secret: str) -> requests.Response:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        return requests.post(f"{self.url}/realms/scp/protocol/openid-connect/token", data=form, timeout=20)

    def claims(self, issued: identity.IssuedClient) -> Claims:
        answer = self.token(issued.client_id, issued.secret)
        assert answer.status_code == 200, answer.text
        return self.verifier().verify(answer.json()["access_token"])

    def verifier(self) -> TokenVerifier:
        issuer = f"{self.url}/realms/scp"
        keys = f"{issuer}/protocol/openid-connect/certs"
        return TokenVerifier(issuer, keys, "scp-gateway", fetch=lambda url: requests.get(url, timeout=20).content)


@pytest.fixture(params=["embedded", "keycloak"])
def server(request: pytest.FixtureRequest, settings: Any) -> Server:
    if request.param == "embedded":
        return Server(request.getfixturevalue("issuer"))
    real: Keycloak = request.getfixturevalue("keycloak")
    real.point_settings_at(settings)
    return Server(real.url)


@pytest.fixture
def spec() -> ClientSpec:
    return ClientSpec(uuid4(), "Follow-up of vaccinations (NZ)", "NZ", ("community", "health"), 300)


def test_an_issued_client_gets_a_token_with_the_claims_of_its_integration(server: Server, spec: ClientSpec) -> None:
    claims = server.claims(identity.issue(spec))
    assert claims.client_id == spec.client_id
    assert claims.text("tenant_id") == "NZ"
    assert claims.text("integration_id") == str(spec.integration_id)
    assert claims.texts("verticals") == ("community", "health")
    assert claims.audience == ("scp-gateway",)
    assert claims.raw["typ"] == "Bearer"
    assert "realm_access" not in claims.raw
    assert "resource_access" not in claims.raw


@pytest.mark.parametrize("seconds", [60, 900])
def test_a_token_lives_as_long_as_the_integration_says(server: Server, spec: ClientSpec, seconds: int) -> None:
    claims = server.claims(identity.issue(replace(spec, token_lifetime=seconds)))
    assert claims.expires_at - claims.issued_at == seconds


def test_issuing_again_repairs_the_client_and_kills_the_first_secret(server: Server, spec: ClientSpec) -> None:
    first = identity.issue(spec)
    second = identity.issue(replace(spec, verticals=("health",)))
    assert second.internal_id == first.internal_id
    assert server.token(first.client_id, first.secret).status_code == 401
    assert server.claims(second).texts("verticals") == ("health",)


def test_a_rotated_secret_replaces_the_old_one_at_once(server: Server, spec: ClientSpec) -> None:
    issued = identity.issue(spec)
    rotated = identity.rotate(spec.client_id)
    assert rotated.secret != issued.secret
    assert server.token(spec.client_id, issued.secret).status_code == 401
    assert server.token(spec.client_id, rotated.secret).status_code == 200


@pytest.mark.req("AN-15")
def test_a_disabled_client_gets_no_token_until_it_is_enabled_again(server: Server, spec: ClientSpec) -> None:
    issued = identity.issue(spec)
    identity.disable(spec.client_id)
    refused = server.token(spec.client_id, issued.secret)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    seen = identity.observe(spec)
    assert seen is not None
    assert (seen.enabled, seen.drift) == (False, ())
    identity.enable(spec.client_id)
    assert server.token(spec.client_id, issued.secret).status_code == 200


def test_a_deleted_client_is_gone_and_deleting_it_again_is_fine(server: Server, spec: ClientSpec) -> None:
    issued = identity.issue(spec)
    identity.delete(spec.client_id)
    identity.delete(spec.client_id)
    assert identity.observe(spec) is None
    assert server.token(spec.client_id, issued.secret).status_code == 401
    for act in (identity.rotate, identity.enable, identity.disable):
        with pytest.raises(IdpUnavailable, match="no longer has"):
            act(spec.client_id)


def test_what_was_changed_by_hand_is_seen_as_drift(server: Server, spec: ClientSpec) -> None:
    identity.issue(spec)
    seen = identity.observe(spec)
    assert seen is not None
    assert (seen.enabled, seen.drift) == (True, ())
    other = replace(spec, tenant_id="KE", token_lifetime=600)
    changed = identity.observe(other)
    assert changed is not None
    assert changed.drift == ("attribute access.token.lifespan", "mapper tenant_id")


@pytest.mark.req("AN-10")
def test_a_client_whose_mapper_was_changed_shows_a_foreign_tenant_and_the_drift(
    keycloak: Keycloak, settings: Any, spec: ClientSpec
) -> None:
    """The token is genuine; what gives it away is that `azp` and the claims belong to different integrations."""
    keycloak.point_settings_at(settings)
    issued = identity.issue(spec)
    path = f"/clients/{issued.internal_id}"
    client = keycloak.admin_call("GET", path).json()
    for mapper in client["protocolMappers"]:
        if mapper["name"] == "tenant_id":
            mapper["config"]["claim.value"] = "KE"
    keycloak.admin_call("PUT", path, json={"protocolMappers": client["protocolMappers"]})
    claims = Server(keycloak.url).claims(issued)
    assert (claims.text("tenant_id"), claims.client_id) == ("KE", spec.client_id)
    seen = identity.observe(spec)
    assert seen is not None
    assert seen.drift == ("mapper tenant_id",)


def test_the_provisioner_may_manage_clients_and_nothing_else(keycloak: Keycloak) -> None:
    token = keycloak.machine_token("scp-provisioner", keycloak.secrets["KEYCLOAK_PROVISIONER_SECRET"]).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    for path in ("/users", "/groups", "/events", "/identity-provider/instances"):
        answer = requests.get(f"{keycloak.url}/admin/realms/scp{path}", headers=headers, timeout=20)
        assert answer.status_code == 403, path
    put = requests.put(f"{keycloak.url}/admin/realms/scp", json={"enabled": False}, headers=headers, timeout=20)
    assert put.status_code == 403


def test_a_wrong_provisioner_secret_is_told_to_the_operator(server: Server, spec: ClientSpec, settings: Any) -> None:
    settings.KEYCLOAK_PROVISIONER_SECRET = "wrong"
    with pytest.raises(IdpUnavailable, match="KEYCLOAK_PROVISIONER_SECRET"):
        identity.issue(spec)


def test_an_unreachable_server_changes_nothing_and_says_so(settings: Any, spec: ClientSpec) -> None:
    settings.KEYCLOAK_URL = "http://127.0.0.1:9"
    settings.TRUSTED_ORIGINS = ["http://127.0.0.1:9"]
    with pytest.raises(IdpUnavailable, match="cannot be reached") as caught:
        identity.issue(spec)
    assert caught.value.internal == "POST: connect"


def test_a_secret_is_not_in_the_representation_of_an_issued_client() -> None:
    assert "s3cret" not in repr(identity.IssuedClient("scp-int-1", "id", "s3cret"))


# -- answers that no server should give ----------------------------------------------------------------------------

Calls = list[tuple[str, str]]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Calls]:
    """Replace the network by a list of answers; returns the calls made."""

    def play(*answers: tuple[int, Any]) -> Calls:
        waiting, made = list(answers), []

        def call(method: str, url: str, **content: Any) -> egress.Answer:
            made.append((method, url.rsplit("/", 1)[-1]))
            status, body = waiting.pop(0)
            return egress.Answer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())

        monkeypatch.setattr(egress, "call", call)
        return made

    return play


TOKEN = (200, {"access_token": "t", "expires_in": 300})


@pytest.mark.parametrize(
    "answers",
    [
        [(200, b"<html>")],
        [(200, [])],
        [(500, b"")],
        [TOKEN, (200, b"[" * 5000)],
        [TOKEN, (200, {"not": "a list"})],
        [TOKEN, (302, b"")],
        [TOKEN, (200, []), (500, {})],
        [TOKEN, (200, []), (201, {}), (200, [])],
        [TOKEN, (200, [{"id": "x", "clientId": "other"}]), (418, {})],
    ],
)
def test_an_answer_that_makes_no_sense_is_a_problem_not_a_crash(
    scripted: Callable[..., Calls], spec: ClientSpec, answers: list[tuple[int, Any]]
) -> None:
    scripted(*answers)
    with pytest.raises(IdpUnavailable):
        identity.IdentityServer("http://idp", "scp", "p", "s").issue(spec)


def test_the_provisioners_token_is_kept_until_shortly_before_it_ends(
    scripted: Callable[..., Calls], spec: ClientSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scripted(TOKEN, (200, []), (200, []), TOKEN, (200, []))
    port = identity.IdentityServer("http://idp", "scp", "p", "s")
    now = time.monotonic()
    port.observe(spec)
    port.observe(spec)
    assert [method for method, _ in made] == ["POST", "GET", "GET"]
    monkeypatch.setattr(time, "monotonic", lambda: now + 271)
    port.observe(spec)
    assert [method for method, _ in made] == ["POST", "GET", "GET", "POST", "GET"]


def test_a_token_that_the_server_forgot_is_replaced_once(scripted: Callable[..., Calls], spec: ClientSpec) -> None:
    port = identity.IdentityServer("http://idp", "scp", "p", "s")
    scripted(TOKEN, (401, {}), TOKEN, (200, []))
    assert port.observe(spec) is None
    scripted((401, {}), TOKEN, (401, {}))
    with pytest.raises(IdpUnavailable, match="does not let"):
        port.observe(spec)
