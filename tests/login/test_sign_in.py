"""Signing in and out, end to end through the issuer's real pages; and every way in which it must not work."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.sessions.models import Session
from django.test import Client

from audit.models import Entry
from registry.models import Role, RoleGrant, RoleMapping, User
from scp_portal.embedded.issuer.realm import DemoPerson
from scp_portal.login import guard, provider, sessions
from tests import make
from tests.keycloak.handle import Keycloak
from tests.keycloak.hostile import HostileIdp

pytestmark = pytest.mark.django_db

CALLBACK = "/oidc/callback/"


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
        return User.objects.filter(pk=self.session.get("_auth_user_id")).first()


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


SignIn = Callable[[Browser, str], Any]


@pytest.fixture(params=["embedded", "keycloak"])
def sign_in(request: pytest.FixtureRequest, settings: Any, demo_person: Callable[[str], DemoPerson]) -> SignIn:
    """`sign_in(browser, "grace.whitfield")` goes all the way; the callback's answer. On both identity servers."""
    if request.param == "keycloak":
        real: Keycloak = request.getfixturevalue("keycloak")
        real.point_settings_at(settings)
        return lambda browser, name: browser.come_back(real.sign_in_form(browser.start(), demo_person(name)))
    request.getfixturevalue("issuer")
    return lambda browser, name: browser.come_back(choose(browser.start(), demo_person(name)))


@pytest.fixture
def embedded(issuer: str, demo_person: Callable[[str], DemoPerson]) -> SignIn:
    """The same, on the embedded issuer only: for what does not depend on the server."""
    return lambda browser, name: browser.come_back(choose(browser.start(), demo_person(name)))


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


@pytest.mark.req("A-5.2-1")
def test_a_person_signs_in_by_code_and_pkce_and_gets_the_roles_of_their_groups(
    sign_in: SignIn, settings: Any, demo_person: Callable[[str], DemoPerson]
) -> None:
    map_groups()
    browser = Browser()
    answer = sign_in(browser, "grace.whitfield")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    person = browser.person
    assert person is not None
    assert (person.name, person.email) == ("Grace Whitfield", demo_person("grace.whitfield").email)
    assert person.issuer == settings.TOKEN_ISSUER
    assert roles(person) == {(Role.TENANT_ADMIN, "NZ")}
    (entry,) = entries("person.sign_in")
    assert entry["result"]["status"] == "success"
    assert entry["data"] == {"first_time": True, "granted": ["tenant_admin NZ"], "revoked": []}
    assert "Grace" not in json.dumps(entry)


def test_roles_follow_the_groups_at_every_sign_in_and_local_grants_stay(embedded: SignIn) -> None:
    map_groups()
    browser = Browser()
    embedded(browser, "grace.whitfield")
    person = browser.person
    assert person is not None
    with make.seen():
        RoleGrant.objects.create(user=person, role=Role.OPERATOR, source=RoleGrant.Source.PORTAL)
        RoleMapping.objects.filter(group="scp-tenant-admin-nz").update(role=Role.AUDITOR, tenant=None)
    embedded(browser, "grace.whitfield")
    assert roles(person) == {(Role.AUDITOR, None), (Role.OPERATOR, None)}
    assert entries("person.sign_in")[-1]["data"] == {
        "first_time": False,
        "granted": ["auditor"],
        "revoked": ["tenant_admin NZ"],
    }


@pytest.mark.req("A-5.3-1")
def test_whoever_has_no_known_group_is_a_member(embedded: SignIn) -> None:
    browser = Browser()
    embedded(browser, "siosaia.fifita")
    assert browser.person is not None
    assert roles(browser.person) == {(Role.MEMBER_USER, None)}


@pytest.mark.req("OI-04")
def test_an_account_is_found_by_issuer_and_subject_never_by_email(hostile: HostileIdp) -> None:
    admin = make.user("The real admin", email="ada@example.org")
    browser = Browser()
    assert finish(browser, hostile).status_code == 302
    assert browser.person is not None
    assert browser.person.pk != admin.pk


@pytest.mark.req("OI-04")
def test_an_address_that_is_not_verified_is_not_kept(hostile: HostileIdp) -> None:
    browser = Browser()
    finish(browser, hostile, email_verified=False)
    assert browser.person is not None
    assert browser.person.email == ""


@pytest.mark.req("OI-05")
def test_the_session_gets_a_new_key_at_sign_in_and_at_the_next_one(embedded: SignIn) -> None:
    browser = Browser()
    browser.start()
    planted = browser.session.session_key
    embedded(browser, "ingrid.solheim")
    first = browser.session.session_key
    embedded(browser, "ingrid.solheim")
    assert len({planted, first, browser.session.session_key}) == 3
    assert not Session.objects.filter(session_key__in=[planted, first]).exists()


def test_one_goes_on_to_the_page_one_wanted_but_never_to_another_site(hostile: HostileIdp) -> None:
    browser = Browser()
    assert finish(browser, hostile, target="/admin/registry/")["Location"] == "/admin/registry/"
    for elsewhere in ("https://evil.example/", "//evil.example", "http:///evil.example", "javascript:alert(1)"):
        browser = Browser()
        assert finish(browser, hostile, target=elsewhere)["Location"] == "/admin/"


def test_no_token_is_readable_in_the_session(embedded: SignIn) -> None:
    browser = Browser()
    embedded(browser, "ingrid.solheim")
    assert "eyJ" not in json.dumps(dict(browser.session.items()))


# -- what must not work --------------------------------------------------------------------------------------------


def finish(browser: Browser, idp: HostileIdp, target: str = "", header: Any = None, **claims: Any) -> Any:
    """Start, let the identity server put these claims into a rightly signed ID token, and come back."""
    query = parse_qs(urlsplit(browser.start(target)).query)
    idp.says(idp.id_claims(**({"nonce": query["nonce"][0]} | claims)), header)
    return browser.get(CALLBACK, {"code": "c", "state": query["state"][0]})


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


# -- the page and the way out --------------------------------------------------------------------------------------


def test_the_sign_in_page_offers_one_button_and_no_password() -> None:
    page = Browser().get("/login/", {"next": "/admin/registry/"})
    assert page.status_code == 200
    assert b"/oidc/authenticate/?next=%2Fadmin%2Fregistry%2F" in page.content
    assert b"password" not in page.content.replace(b"you need no password", b"").replace(b"sees your password", b"")
    assert b"<form" not in page.content
    assert Browser().post("/login/", {"username": "root", "password": "x"}).status_code == 405


def test_the_admins_own_login_leads_here() -> None:
    answer = Browser().get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/login/?next=")
    assert Browser().post("/admin/login/", {"username": "root", "password": "x"}).status_code in {302, 403, 404}


@pytest.mark.req("OI-12")
def test_signing_out_takes_a_post_with_the_csrf_token(embedded: SignIn, settings: Any) -> None:
    browser = Browser(enforce_csrf_checks=True)
    embedded(browser, "ingrid.solheim")
    assert browser.get("/logout/").status_code == 405
    assert browser.post("/logout/").status_code == 403
    assert browser.person is not None
    browser.handler.enforce_csrf_checks = False
    answer = browser.post("/logout/")
    assert answer["Location"].startswith(settings.OIDC_OP_LOGOUT_ENDPOINT)
    assert browser.person is None
    back = requests.get(answer["Location"], allow_redirects=False, timeout=10)
    assert back.headers["Location"] == "http://localhost:8000/login/"
    assert entries("person.sign_out")[0]["result"]["status"] == "success"


def test_signing_out_at_the_real_keycloak_comes_back_here(
    keycloak: Keycloak, settings: Any, demo_person: Callable[[str], DemoPerson]
) -> None:
    keycloak.point_settings_at(settings)
    browser, there = Browser(), requests.Session()
    browser.come_back(keycloak.sign_in_form(browser.start(), demo_person("ingrid.solheim"), there))
    back = there.get(browser.post("/logout/")["Location"], allow_redirects=False, timeout=20)
    assert (back.status_code, back.headers["Location"]) == (302, "http://localhost:8000/login/")
    shown = there.get(browser.start(), timeout=20)
    assert 'name="password"' in shown.text


# -- during a session ----------------------------------------------------------------------------------------------


def age(browser: Browser, **seconds: int) -> None:
    """Make the session's times older."""
    session = browser.session
    for name, value in seconds.items():
        session[getattr(sessions, name.upper())] -= value
    session.save()


def test_a_session_ends_after_eight_hours_whatever_happens(embedded: SignIn) -> None:
    browser = Browser()
    embedded(browser, "ingrid.solheim")
    age(browser, began=8 * 3600)
    answer = browser.get("/admin/registry/")
    assert answer["Location"] == "/login/?next=%2Fadmin%2Fregistry%2F"
    assert browser.person is None
    assert entries("person.session_ended")[0]["data"] == {"reason": "age"}


@pytest.mark.req("OI-08")
def test_a_closed_account_is_out_with_the_next_request_also_a_post(embedded: SignIn) -> None:
    browser = Browser()
    embedded(browser, "ingrid.solheim")
    User.objects.update(is_active=False)
    answer = browser.post("/admin/", {"anything": "1"})
    assert (answer.status_code, b"nothing was saved" in answer.content) == (401, True)
    assert browser.person is None


@pytest.mark.req("OI-08")
def test_after_five_minutes_the_identity_server_is_asked_and_roles_follow(hostile: HostileIdp) -> None:
    map_groups()
    browser = Browser()
    finish(browser, hostile, groups=["scp-tenant-admin-nz"])
    person = browser.person
    assert person is not None
    hostile.says(hostile.id_claims(groups=["scp-auditor"]))
    browser.get("/login/")
    assert roles(person) == {(Role.TENANT_ADMIN, "NZ")}
    age(browser, checked=guard.RECHECK_SECONDS)
    browser.post("/admin/", {})
    assert roles(person) == {(Role.AUDITOR, None)}
    assert entries("person.roles_renewed")[0]["data"] == {"granted": ["auditor"], "revoked": ["tenant_admin NZ"]}


@pytest.mark.req("OI-08")
@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_the_identity_server_no_longer_knows_is_out(hostile: HostileIdp, method: str) -> None:
    browser = Browser()
    finish(browser, hostile)
    hostile.answer = (400, b'{"error": "invalid_grant"}')
    age(browser, checked=guard.RECHECK_SECONDS)
    assert getattr(browser, method)("/admin/").status_code == {"get": 302, "post": 401}[method]
    assert browser.person is None


def test_a_refreshed_token_of_another_person_ends_the_session(hostile: HostileIdp) -> None:
    browser = Browser()
    finish(browser, hostile)
    hostile.says(hostile.id_claims(sub="subject-2"))
    age(browser, checked=guard.RECHECK_SECONDS)
    browser.get("/admin/")
    assert entries("person.session_ended")[0]["data"] == {"reason": "another person"}


def test_an_outage_is_borne_for_a_while_and_then_said(hostile: HostileIdp) -> None:
    browser = Browser()
    finish(browser, hostile)
    hostile.answer = (500, b"")
    age(browser, checked=guard.RECHECK_SECONDS)
    calls = len(hostile.forms)
    assert browser.get("/login/").status_code == 302
    assert browser.get("/login/").status_code == 302
    assert len(hostile.forms) == calls + 1
    age(browser, checked=guard.OUTAGE_SECONDS, tried=guard.RETRY_SECONDS)
    assert browser.get("/login/").status_code == 503
    assert browser.person is not None


@pytest.mark.req("OI-08")
def test_a_person_disabled_in_keycloak_is_out_at_the_next_check(
    keycloak: Keycloak, settings: Any, demo_person: Callable[[str], DemoPerson]
) -> None:
    keycloak.point_settings_at(settings)
    browser, person = Browser(), demo_person("tomasz.zielinski")
    browser.come_back(keycloak.sign_in_form(browser.start(), person))
    assert browser.person is not None
    age(browser, checked=guard.RECHECK_SECONDS)
    assert browser.get("/login/").status_code == 302
    path = f"/users/{keycloak.add_person(person)}"
    keycloak.admin_call("PUT", path, json={"enabled": False})
    try:
        age(browser, checked=guard.RECHECK_SECONDS, tried=guard.RETRY_SECONDS)
        assert browser.post("/admin/").status_code == 401
        assert browser.person is None
    finally:
        keycloak.admin_call("PUT", path, json={"enabled": True})


def test_keys_are_fetched_once_for_many_sign_ins(hostile: HostileIdp) -> None:
    before = provider.keys().generation
    for number in range(3):
        assert finish(Browser(), hostile, sub=f"subject-{number}").status_code == 302
    assert provider.keys().generation - before <= 1
