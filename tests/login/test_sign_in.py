"""Signing in and out, end to end through the identity servers' real pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.contrib.sessions.models import Session

from registry.models import Role, RoleGrant, RoleMapping
from scp_portal.embedded.issuer.realm import DemoPerson
from tests import make
from tests.keycloak.handle import Keycloak
from tests.keycloak.hostile import HostileIdp
from tests.login.steps import Browser, SignIn, entries, finish, map_groups, roles

pytestmark = pytest.mark.django_db


@pytest.mark.req("A-5.2-1", "A-3.3-1")
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


@pytest.mark.req("OI-04", "A-5.2-2")
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
    assert "_auth_user_id" in browser.session
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
