"""The identity server's call to end sessions (OI-07): a valid one ends them at once, everything else is 400."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from registry.models import User
from scp_portal.login.id_token import LOGOUT_EVENT
from tests.keycloak.hostile import HostileIdp

pytestmark = [pytest.mark.django_db, pytest.mark.req("OI-07")]

ADDRESS = "/oidc/backchannel-logout/"


def signed_in(idp: HostileIdp, sub: str, sid: str) -> Client:
    browser = Client()
    query = parse_qs(urlsplit(browser.get("/oidc/authenticate/")["Location"]).query)
    idp.says(idp.id_claims(sub=sub, sid=sid, nonce=query["nonce"][0]))
    browser.get("/oidc/callback/", {"code": "c", "state": query["state"][0]})
    assert is_in(browser)
    return browser


def is_in(browser: Client) -> bool:
    key = browser.session.get("_auth_user_id")
    return User.objects.filter(pk=str(key)).exists() if key else False


def logout(idp: HostileIdp, header: dict[str, Any] | None = None, **changes: Any) -> Any:
    usual = {"sub": "ada", "sid": "one", "events": {LOGOUT_EVENT: {}}, "typ": "Logout"}
    gone = dict.fromkeys(("name", "email", "email_verified", "azp"), ...)
    token = idp.mint.sign(idp.id_claims(**(usual | gone | changes)), header)
    return Client().post(ADDRESS, {"logout_token": token})


@pytest.mark.req("A-5.2-3")
def test_a_session_named_by_sid_ends_at_once_and_no_other(hostile: HostileIdp) -> None:
    one, two, other = signed_in(hostile, "ada", "one"), signed_in(hostile, "ada", "two"), signed_in(hostile, "bo", "x")
    began = time.monotonic()
    answer = logout(hostile)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert time.monotonic() - began < 1
    assert (is_in(one), is_in(two), is_in(other)) == (False, True, True)


def test_without_sid_every_session_of_the_person_ends(hostile: HostileIdp) -> None:
    one, two, other = signed_in(hostile, "ada", "one"), signed_in(hostile, "ada", "two"), signed_in(hostile, "bo", "x")
    assert logout(hostile, sid=...).status_code == 200
    assert (is_in(one), is_in(two), is_in(other)) == (False, False, True)


def test_a_sid_without_sub_is_enough(hostile: HostileIdp) -> None:
    one = signed_in(hostile, "ada", "one")
    assert logout(hostile, {"typ": "logout+jwt"}, sub=...).status_code == 200
    assert not is_in(one)


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "ID"},
        {"typ": "Bearer"},
        {"nonce": "n"},
        {"nonce": None},
        {"events": ...},
        {"events": {}},
        {"events": [LOGOUT_EVENT]},
        {"events": {LOGOUT_EVENT: True}},
        {"aud": "scp-gateway"},
        {"iss": "https://id.example.org/realms/other"},
        {"exp": 1_700_000_000},
        {"exp": ...},
        {"iat": 4_000_000_000},
        {"jti": ...},
        {"jti": 7},
        {"sub": ..., "sid": ...},
        {"sub": 7},
        {"sid": ["one"]},
    ],
)
def test_any_other_logout_token_is_refused_and_ends_nothing(hostile: HostileIdp, changes: dict[str, Any]) -> None:
    one = signed_in(hostile, "ada", "one")
    answer = logout(hostile, **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert is_in(one)


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"kid": "other"}, {"typ": "at+jwt"}])
def test_a_logout_token_of_a_wrong_header_is_refused(hostile: HostileIdp, header: dict[str, Any]) -> None:
    assert logout(hostile, header).status_code == 400


def test_the_same_logout_token_works_once(hostile: HostileIdp) -> None:
    signed_in(hostile, "ada", "one")
    assert logout(hostile, jti="logout-1").status_code == 200
    again = signed_in(hostile, "ada", "one")
    assert logout(hostile, jti="logout-1").status_code == 400
    assert is_in(again)


@pytest.mark.parametrize("form", [{}, {"logout_token": ""}, {"logout_token": "x" * 20000}, {"logout_token": "a.b.c"}])
def test_what_is_no_token_is_refused(hostile: HostileIdp, form: dict[str, str]) -> None:
    assert Client().post(ADDRESS, form).status_code == 400
    assert Client().get(ADDRESS).status_code == 405


def test_without_keys_it_is_503_so_that_the_identity_server_tries_again(hostile: HostileIdp) -> None:
    hostile.keys_status = 500
    assert logout(hostile).status_code == 503
