"""Every way in which signing in must not work: a page with a way on, no session, an entry with the reason."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from registry.models import User
from tests.keycloak.hostile import HostileIdp
from tests.login.steps import CALLBACK, Browser, SignIn, choose, entries, finish

pytestmark = pytest.mark.django_db


def refused(answer: Any, browser: Browser, reason: str) -> None:
    """A page of 400 with a way on, no session, and an entry with the reason, which the page does not tell."""
    assert answer.status_code == 400
    assert b"Try again" in answer.content
    assert browser.person is None
    last = entries("person.sign_in")[-1]
    assert (last["kind"], last["result"]["status"], last["data"]) == ("auth_failure", "denied", {"reason": reason})
    assert answer["X-Request-Id"] in answer.content.decode()


def test_a_right_id_token_is_accepted(hostile: HostileIdp) -> None:
    browser = Browser()
    assert finish(browser, hostile).status_code == 302
    assert browser.person is not None


@pytest.mark.req("OI-02", "OI-03")
@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "scp-core"}, "audience"),
        ({"aud": ...}, "claim aud"),
        ({"aud": ["scp-portal", "scp-core"], "azp": "scp-core"}, "azp"),
        ({"aud": ["scp-portal", "scp-core"], "azp": ...}, "azp"),
        ({"azp": "scp-core"}, "azp"),
        ({"iss": "https://id.example.org/realms/other"}, "issuer"),
        ({"iss": ...}, "issuer"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": ...}, "claim nonce"),
        ({"nonce": None}, "claim nonce"),
        ({"exp": 1_700_000_000}, "expired"),
        ({"exp": None}, "claim exp"),
        ({"exp": [1]}, "claim exp"),
        ({"iat": 4_000_000_000}, "not yet valid"),
        ({"iat": None}, "claim iat"),
        ({"nbf": 4_000_000_000}, "not yet valid"),
        ({"sub": ...}, "claim sub"),
        ({"sub": 7}, "claim sub"),
        ({"typ": "Bearer"}, "typ"),
        ({"groups": "scp-root"}, "claim groups"),
        ({"groups": [7]}, "claim groups"),
        ({"groups": ["g"] * 501}, "claim groups"),
    ],
)
def test_a_rightly_signed_but_wrong_id_token_is_refused(hostile: HostileIdp, claims: Any, reason: str) -> None:
    browser = Browser()
    refused(finish(browser, hostile, **claims), browser, reason)


@pytest.mark.req("OI-03")
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "HS256"}, "alg"),
        ({"alg": "none"}, "alg"),
        ({"kid": None}, "kid"),
        ({"kid": "other"}, "unknown key"),
        ({"typ": "logout+jwt"}, "header typ"),
    ],
)
def test_a_wrongly_signed_id_token_is_refused(hostile: HostileIdp, header: Any, reason: str) -> None:
    browser = Browser()
    refused(finish(browser, hostile, header=header), browser, reason)


def test_a_clock_that_is_five_seconds_off_is_fine(hostile: HostileIdp) -> None:
    browser = Browser()
    now = int(time.time())
    assert finish(browser, hostile, iat=now + 5, exp=now + 300).status_code == 302


@pytest.mark.req("OI-01")
def test_a_state_that_is_foreign_absent_or_used_is_refused(embedded: SignIn, demo_person: Any) -> None:
    browser = Browser()
    address = choose(browser.start(), demo_person("ingrid.solheim"))
    stranger = Browser()
    refused(stranger.come_back(address), stranger, "no sign-in was started here")
    stranger.start()
    refused(stranger.come_back(address), stranger, "state")
    refused(stranger.get(CALLBACK, {"code": "c"}), stranger, "no sign-in was started here")
    refused(stranger.get(CALLBACK), stranger, "no sign-in was started here")
    assert browser.come_back(address).status_code == 302
    again = Browser()
    again.cookies = browser.cookies
    assert again.come_back(address).status_code == 400


@pytest.mark.req("OI-01")
def test_a_code_works_once(embedded: SignIn, demo_person: Any) -> None:
    browser, other = Browser(), Browser()
    address = choose(browser.start(), demo_person("ingrid.solheim"))
    code = parse_qs(urlsplit(address).query)["code"][0]
    assert browser.come_back(address).status_code == 302
    state = parse_qs(urlsplit(other.start()).query)["state"][0]
    refused(other.get(CALLBACK, {"code": code, "state": state}), other, "the identity server refused the grant")


@pytest.mark.req("OI-02")
def test_a_code_stolen_from_another_browser_fails_for_want_of_its_verifier(embedded: SignIn, demo_person: Any) -> None:
    victim, thief = Browser(), Browser()
    code = parse_qs(urlsplit(choose(victim.start(), demo_person("rafael.duarte"))).query)["code"][0]
    state = parse_qs(urlsplit(thief.start()).query)["state"][0]
    refused(thief.get(CALLBACK, {"code": code, "state": state}), thief, "the identity server refused the grant")


def test_an_answer_that_names_another_issuer_is_refused(hostile: HostileIdp) -> None:
    browser = Browser()
    state = parse_qs(urlsplit(browser.start()).query)["state"][0]
    answer = browser.get(CALLBACK, {"code": "c", "state": state, "iss": "https://evil.example"})
    refused(answer, browser, "answer of another issuer")


def test_an_error_of_the_identity_server_ends_nobodys_session(embedded: SignIn) -> None:
    browser = Browser()
    embedded(browser, "ingrid.solheim")
    for error in ("access_denied", "<script>alert(1)</script>"):
        answer = browser.get(CALLBACK, {"error": error})
        assert answer.status_code == 400
        assert b"<script>" not in answer.content
    assert browser.person is not None


@pytest.mark.req("OI-09")
@pytest.mark.parametrize(
    "answer",
    [
        (500, b"secret of the upstream"),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (302, b""),
        (401, b"{}"),
        (200, b"[" * 9999),
    ],
)
def test_a_token_endpoint_that_fails_is_a_503_with_advice(
    hostile: HostileIdp, answer: tuple[int, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    browser = Browser()
    state = parse_qs(urlsplit(browser.start()).query)["state"][0]
    hostile.answer = answer
    page = browser.get(CALLBACK, {"code": "c", "state": state})
    assert page.status_code == 503
    assert b"Try again in a minute" in page.content
    assert b"secret of the upstream" not in page.content
    assert "secret of the upstream" not in caplog.text
    assert entries("person.sign_in")[-1]["result"]["status"] == "failure"


@pytest.mark.req("OI-09")
def test_a_token_endpoint_that_hangs_is_a_503_within_the_time_limit(hostile: HostileIdp, settings: Any) -> None:
    settings.OIDC_TIMEOUT = 1
    browser = Browser()
    state = parse_qs(urlsplit(browser.start()).query)["state"][0]
    hostile.delay = 3
    began = time.monotonic()
    assert browser.get(CALLBACK, {"code": "c", "state": state}).status_code == 503
    assert time.monotonic() - began < 2.5


@pytest.mark.req("A-7-2")
def test_nobody_is_sent_to_an_identity_server_that_is_down(hostile: HostileIdp) -> None:
    hostile.keys_status = 503
    assert Browser().get("/oidc/authenticate/").status_code == 503
    hostile.close()
    assert Browser().get("/oidc/authenticate/").status_code == 503


def test_a_closed_account_is_told_so_and_not_let_in(hostile: HostileIdp) -> None:
    browser = Browser()
    finish(browser, hostile)
    User.objects.update(is_active=False)
    answer = finish(Browser(), hostile)
    assert (answer.status_code, b"has been closed" in answer.content) == (403, True)
