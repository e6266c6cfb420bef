"""The demo's token issuer: for the demo only, on loopback only, and as strict as the server it stands in for."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from scp_portal.embedded.issuer import __main__ as command
from scp_portal.embedded.issuer.realm import demo_people
from scp_portal.embedded.issuer.server import Issuer, make_server
from scp_portal.embedded.issuer.store import ClientStore
from scp_portal.kernel.tokens import TokenVerifier

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
REDIRECT = "http://localhost:8000/oidc/callback/"
REQUEST = {
    "client_id": "scp-portal",
    "redirect_uri": REDIRECT,
    "response_type": "code",
    "scope": "openid profile email",
    "state": "state-1",
    "nonce": "nonce-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def oidc(address: str, path: str) -> str:
    return f"{address}/realms/scp/protocol/openid-connect/{path}"


def ask(address: str, **changes: str) -> requests.Response:
    query = {name: value for name, value in (REQUEST | changes).items() if value}
    return requests.get(oidc(address, "auth"), params=query, allow_redirects=False, timeout=10)


def code_for(address: str, username: str = "aroha.ngata") -> str:
    person = next(p for p in demo_people() if p.username == username)
    token = re.search(r'name="request" value="([^"]+)"', ask(address).text)
    assert token
    form = {"request": token[1], "person": person.sub}
    action = f"{address}/realms/scp/login-actions/authenticate"
    back = requests.post(action, data=form, allow_redirects=False, timeout=10).headers["Location"]
    assert back.startswith(REDIRECT)
    query = parse_qs(urlsplit(back).query)
    assert query["state"] == ["state-1"]
    return query["code"][0]


def redeem(address: str, code: str, **changes: str) -> requests.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    credentials = ("scp-portal", os.environ["OIDC_CLIENT_SECRET"])
    return requests.post(oidc(address, "token"), data=form | changes, auth=credentials, timeout=10)


def test_the_page_offers_every_person_by_role_without_script(issuer_address: str) -> None:
    page = ask(issuer_address)
    assert page.status_code == 200
    for person in demo_people():
        assert person.name in page.text
    assert page.text.count("<button") == len(demo_people())
    assert "<script" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_a_code_becomes_the_tokens_of_the_chosen_person(issuer_address: str) -> None:
    told = redeem(issuer_address, code_for(issuer_address)).json()
    claims = jwt.decode(told["id_token"], options={"verify_signature": False})
    assert (claims["name"], claims["groups"]) == ("Aroha Ngata", ["scp-vertical-owner-nz-community"])
    assert (claims["aud"], claims["azp"], claims["typ"], claims["nonce"]) == (
        "scp-portal",
        "scp-portal",
        "ID",
        "nonce-1",
    )


@pytest.mark.parametrize(
    "changes", [{"client_id": "other"}, {"redirect_uri": "https://evil.example/"}, {"redirect_uri": ""}]
)
def test_a_request_of_a_stranger_is_answered_here_and_never_redirected(issuer_address: str, changes: Any) -> None:
    answer = ask(issuer_address, **changes)
    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_wrong_request_of_our_own_goes_back_with_the_error(issuer_address: str, changes: Any, error: str) -> None:
    answer = ask(issuer_address, **changes)
    assert parse_qs(urlsplit(answer.headers["Location"]).query) == {"error": [error], "state": ["state-1"]}


@pytest.mark.parametrize(
    "changes",
    [{"code_verifier": "w" * 43}, {"code_verifier": ""}, {"redirect_uri": "http://localhost:8000/"}],
)
def test_a_code_is_used_up_by_a_wrong_try(issuer_address: str, changes: dict[str, str]) -> None:
    code = code_for(issuer_address)
    refused = redeem(issuer_address, code, **changes)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert redeem(issuer_address, code).status_code == 400


def test_a_code_works_once(issuer_address: str) -> None:
    code = code_for(issuer_address)
    assert redeem(issuer_address, code).status_code == 200
    assert redeem(issuer_address, code).status_code == 400


def test_a_session_that_was_ended_is_not_refreshed(issuer_address: str) -> None:
    told = redeem(issuer_address, code_for(issuer_address)).json()
    again = {"grant_type": "refresh_token", "refresh_token": told["refresh_token"]}
    assert redeem(issuer_address, "", **again).status_code == 200
    out = {"id_token_hint": told["id_token"], "post_logout_redirect_uri": "https://evil.example/"}
    assert (
        requests.get(oidc(issuer_address, "logout"), params=out, allow_redirects=False, timeout=10).status_code == 200
    )
    assert redeem(issuer_address, "", **again).json()["error"] == "invalid_grant"


def test_the_cores_token_passes_the_portals_own_check(issuer_address: str) -> None:
    credentials = ("scp-core", os.environ["CORE_CLIENT_SECRET"])
    form = {"grant_type": "client_credentials"}
    token = requests.post(oidc(issuer_address, "token"), data=form, auth=credentials, timeout=10).json()["access_token"]
    issuer = f"{issuer_address}/realms/scp"
    verifier = TokenVerifier(
        issuer, oidc(issuer_address, "certs"), "scp-gateway", fetch=lambda url: requests.get(url, timeout=10).content
    )
    assert verifier.verify(token).raw["scp_role"] == "core"


@pytest.mark.parametrize("credentials", [("scp-core", "wrong"), ("scp-core", ""), ("nobody", "x"), ("scp-gateway", "")])
def test_wrong_credentials_are_refused(issuer_address: str, credentials: tuple[str, str]) -> None:
    form = {"grant_type": "client_credentials"}
    answer = requests.post(oidc(issuer_address, "token"), data=form, auth=credentials, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_the_login_client_gets_no_machine_token(issuer_address: str) -> None:
    answer = redeem(issuer_address, "", grant_type="client_credentials")
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized_client")


@pytest.mark.parametrize("bearer", ["", "Bearer x", "Bearer a.b.c"])
def test_clients_are_managed_by_the_provisioner_only(issuer_address: str, bearer: str) -> None:
    address = f"{issuer_address}/admin/realms/scp/clients"
    assert requests.get(address, headers={"Authorization": bearer}, timeout=10).status_code == 401
    form = {"grant_type": "client_credentials"}
    credentials = ("scp-core", os.environ["CORE_CLIENT_SECRET"])
    core = requests.post(oidc(issuer_address, "token"), data=form, auth=credentials, timeout=10).json()["access_token"]
    assert requests.post(address, headers={"Authorization": f"Bearer {core}"}, json={}, timeout=10).status_code == 403


def test_no_address_answers_with_a_crash(issuer_address: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        for path in (
            "/",
            "/realms/scp",
            "/realms/other/protocol/openid-connect/token",
            "/admin/realms/scp/clients/x/y/z",
        ):
            answer = requests.request(method, issuer_address + path, data=b"\xff\xfe", timeout=10)
            assert answer.status_code in {401, 404}, (method, path)
    too_much = requests.post(oidc(issuer_address, "token"), data=b"x" * 70_000, timeout=10)
    assert too_much.status_code == 413


def test_another_name_for_this_machine_is_refused(issuer_address: str) -> None:
    answer = requests.get(oidc(issuer_address, "certs"), headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 421


def test_it_listens_on_loopback_only(tmp_path: Path, issuer_address: str) -> None:
    server = make_server(0, tmp_path)
    try:
        assert server.server_address[0] == "127.0.0.1"
    finally:
        server.server_close()


@pytest.mark.parametrize("missing", ["DEBUG", "PORTAL_DEMO"])
def test_it_refuses_to_start_outside_the_demo(tmp_path: Path, missing: str) -> None:
    environment = {**os.environ, "DEBUG": "1", "PORTAL_DEMO": "1", missing: "0"}
    run = [sys.executable, "-m", command.__name__.removesuffix(".__main__"), "--port", "1", "--folder", str(tmp_path)]
    ended = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert missing in ended.stderr
    assert not any(tmp_path.iterdir())


def test_key_and_clients_outlive_a_restart_and_nobody_else_reads_them(tmp_path: Path, issuer_address: str) -> None:
    first = Issuer("http://127.0.0.1:1", tmp_path / "home")
    internal_id = first.clients.create({"clientId": "scp-int-1", "serviceAccountsEnabled": True})
    secret = first.clients.new_secret(internal_id)
    again = Issuer("http://127.0.0.1:1", tmp_path / "home")
    assert again.minter.key_set() == first.minter.key_set()
    assert again.clients.authenticate("scp-int-1", secret)
    for file in (tmp_path / "home").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
        assert secret not in file.read_text()


def test_a_client_without_secret_cannot_be_authenticated(tmp_path: Path) -> None:
    store = ClientStore(tmp_path, [])
    store.create({"clientId": "scp-int-1"})
    assert store.authenticate("scp-int-1", "") is None


def test_the_people_of_the_demo_belong_to_groups_that_mean_something() -> None:
    told = json.loads((Path(command.__file__).parents[1] / "people.json").read_text(encoding="utf-8"))
    people = demo_people()
    assert len({person.sub for person in people}) == len(people)
    assert {group for person in people for group in person.groups} == set(told["groups"])
