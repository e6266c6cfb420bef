"""During a session: its age, the account, and what the identity server says of the person now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from registry.models import Role, User
from scp_portal.embedded.issuer.realm import DemoPerson
from scp_portal.login import guard, provider, sessions
from tests.keycloak.handle import Keycloak
from tests.keycloak.hostile import HostileIdp
from tests.login.steps import Browser, SignIn, entries, finish, map_groups, roles

pytestmark = pytest.mark.django_db


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
