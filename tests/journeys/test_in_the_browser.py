"""The whole main job in a real browser, against the real Keycloak, on real conversations.

Four people sign in by code flow at Keycloak's own page: the tenant's administrator requests, the vertical's owner
reviews, the umbrella authority approves, the administrator activates and is shown the secret once. Then the partner's
machine gets its token from Keycloak and reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from audit.models import Entry
from exchange.models import Record
from registry.actions import consent
from registry.models import Integration
from scp_portal.demo import ground
from scp_portal.embedded.issuer.realm import DemoPerson
from tests import make
from tests.journeys import country
from tests.journeys.machine import Machine
from tests.keycloak.handle import Keycloak

NAME = "Conversations for the public record"
SignIn = Callable[[str], Page]


@pytest.fixture
def portal(live_server: LiveServer, keycloak: Keycloak, settings: Any) -> str:
    """The portal at an address that Keycloak's realm knows."""
    keycloak.point_settings_at(settings)
    keycloak.allow_portal_at(live_server.url)
    country.lay()
    country.fill()
    return live_server.url


@pytest.fixture
def sign_in(portal: str, browser: Browser, keycloak: Keycloak, demo_person: Callable[[str], DemoPerson]) -> SignIn:
    """Each person has a browser of their own, signed in through Keycloak's page."""

    def signed_in(name: str) -> Page:
        page = browser.new_context(locale="en-GB", timezone_id="Pacific/Auckland").new_page()
        page.set_default_timeout(20_000)
        page.goto(f"{portal}/admin/")
        page.get_by_role("link", name=re.compile("Sign in|Choose who to be")).click()
        page.get_by_label(re.compile("Username")).fill(demo_person(name).username)
        page.get_by_label("Password", exact=True).fill(keycloak.person_password)
        page.get_by_role("button", name="Sign In").click()
        page.wait_for_url(f"{portal}/admin/")
        return page

    return signed_in


@pytest.mark.timeout(420)
@pytest.mark.req("B-1-1", "B-3-1", "B-6.2-1", "B-6.2-2", "B-6.2-3", "B-6.2-4", "B-6.2-6", "B-7.1-1", "A-5.2-1", "B-9-1")
def test_from_request_to_the_partners_first_page_and_the_end_of_it(
    sign_in: SignIn, portal: str, keycloak: Keycloak
) -> None:
    grace, aroha, amara = sign_in("grace.whitfield"), sign_in("aroha.ngata"), sign_in("amara.okonkwo")
    _draft(grace, portal)
    thing = _stored()
    place = f"{portal}/admin/registry/integration/{thing.pk}"

    _take(grace, place, "submit", "Submit for review")
    _sees_a_sentence_and_no_button(grace, place, "accept")
    _take(aroha, place, "accept", "Accept for your vertical", note="As the community was told.")
    _sees_a_sentence_and_no_button(aroha, place, "approve")
    _take(amara, place, "approve", "Approve", conditions="Findings are published openly.")
    _sees_a_sentence_and_no_button(amara, place, "activate")
    client_id, secret = _activate(grace, place)
    _the_secret_is_gone(grace, place, secret)
    _the_history_names_everyone(grace, place)

    machine = Machine(f"{keycloak.oidc}/token", client_id, secret, _asks(portal))
    _reads_are_governed(machine)
    _a_withdrawal_is_seen_at_once(machine)
    _a_suspension_stops_the_very_next_request(machine, amara, place)
    _every_step_stands_in_the_trail(thing)
    _nobody_without_a_role_gets_in(sign_in, portal, place)


# -- in the browser ------------------------------------------------------------------------------------------------


def _draft(page: Page, portal: str) -> None:
    now = timezone.now()
    page.goto(f"{portal}/admin/registry/integration/add/")
    page.get_by_label(re.compile("^Partner \\(needed\\)")).select_option(label="Harbour Research Trust")
    page.get_by_label(re.compile("^Name")).fill(NAME)
    page.get_by_label("Purpose").fill("See what communities agree on, and publish it for them.")
    page.get_by_label("Legal basis").select_option("https://w3id.org/dpv#Consent")
    page.get_by_label("Law or assessment").fill("Notice to the community, version 2026-03")
    page.get_by_label("Partner deletes after (days)").fill("90")
    page.get_by_label("Where the data go from there").fill("none")
    page.get_by_label("Community").check()
    page.get_by_label("Contract").select_option(label="nz-open-conversation@1.0.0")
    page.get_by_label("In use from").fill((now - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_label("In use until").fill((now + timedelta(days=300)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_label("Rate limit").select_option(label="Generous (600/min)")
    page.get_by_role("main").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)


def _take(page: Page, place: str, step: str, label: str, **answers: str) -> None:
    """From the integration's page, by its button, through the step's page, back."""
    page.goto(f"{place}/change/")
    page.locator(f"a[href$='/step/{step}/']").first.click()
    for name, text in answers.items():
        page.locator(f"[name={name}]").fill(text)
    page.get_by_role("main").get_by_role("button", name=label, exact=True).click()
    page.wait_for_url(f"{place}/change/")
    expect(page.get_by_text(f"Done: {label}. It is recorded.")).to_be_visible()


def _sees_a_sentence_and_no_button(page: Page, place: str, step: str) -> None:
    """Who may not is told why and who may, on the page and at the step's own address."""
    page.goto(f"{place}/change/")
    expect(page.locator(f"a[href$='/step/{step}/']")).to_have_count(0)
    expect(page.get_by_text(re.compile(r"Who can: ")).first).to_be_visible()
    answer = page.goto(f"{place}/step/{step}/")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_text("You cannot do this.")).to_be_visible()


def _activate(page: Page, place: str) -> tuple[str, str]:
    page.goto(f"{place}/change/")
    page.locator("a[href$='/step/activate/']").first.click()
    page.get_by_role("main").get_by_role("button", name="Activate", exact=True).click()
    secret = page.locator("#secret").inner_text()
    client_id = page.get_by_text(re.compile(r"^scp-int-")).first.inner_text()
    return client_id, secret


def _the_secret_is_gone(page: Page, place: str, secret: str) -> None:
    page.get_by_role("link", name="I have stored it").click()
    for tab in ("overview", "credentials", "history"):
        page.goto(f"{place}/change/?tab={tab}")
        assert secret not in page.content()


def _the_history_names_everyone(page: Page, place: str) -> None:
    page.goto(f"{place}/change/?tab=history")
    for name in ("Grace Whitfield", "Aroha Ngata", "Amara Okonkwo"):
        expect(page.get_by_role("main").get_by_text(name).first).to_be_visible()


def _nobody_without_a_role_gets_in(sign_in: SignIn, portal: str, place: str) -> None:
    member = sign_in("siosaia.fifita")
    answer = member.goto(f"{place}/change/")
    assert answer is not None
    assert answer.status in (403, 404)
    assert NAME not in member.content()


# -- the partner's machine -------------------------------------------------------------------------------------------


def _asks(portal: str) -> Callable[[str, dict[str, str]], tuple[int, Any]]:
    def get(path: str, headers: dict[str, str]) -> tuple[int, Any]:
        answer = requests.get(f"{portal}{path}", headers=headers, timeout=30)
        return answer.status_code, answer.json()

    return get


def _stored() -> Integration:
    with make.seen():
        return Integration.objects.get(integration_name=NAME)


def _reads_are_governed(machine: Machine) -> None:
    posts = machine.all_records("posts")
    with make.seen():
        served = Record.objects.filter(dataset="posts", payload__moderation__in=country.SERVED)
        known = {str(key) for key in served.values_list("record_id", flat=True)}
        references = list(Record.objects.filter(dataset="posts").values_list("person__reference", flat=True)[:50])
    found = {post["record_id"] for post in posts}
    assert found
    assert found <= known
    if country.POLIS.is_dir():
        assert found == known, "everybody in the files is recorded as consenting"
    assert {tuple(post["fields"]) for post in posts} == {
        ("post_id", "sub_community_id", "author_id", "written_at", "body", "agrees", "disagrees")
    }
    assert all(re.fullmatch(r"psn_[0-9a-f]{32}", post["fields"]["author_id"]) for post in posts)
    assert all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", post["fields"]["written_at"]) for post in posts)
    sent = json.dumps([post["fields"]["author_id"] for post in posts])
    assert not any(reference in sent for reference in references)
    status, page = machine.read("datasets/comments/records?page_size=200")
    assert (status, len(page["data"])) == (200, 200)
    assert machine.read("datasets/immunisations/records")[1]["code"] == "scope_violation"


def _a_withdrawal_is_seen_at_once(machine: Machine) -> None:
    token = machine.token().json()["access_token"]
    record_id = machine.read_with(token, "datasets/posts/records?page_size=1")[1]["data"][0]["record_id"]
    with make.seen():
        record = Record.objects.select_related("person").get(pk=record_id)
        assert record.person is not None
        consent.withdraw(record.person, "community", actor=ground.core())
    assert machine.read_with(token, f"datasets/posts/records/{record_id}")[1]["code"] == "consent_denied"
    assert record_id not in {post["record_id"] for post in machine.all_records("posts")}


def _a_suspension_stops_the_very_next_request(machine: Machine, authority: Page, place: str) -> None:
    token = machine.token().json()["access_token"]
    assert machine.read_with(token, "datasets/posts/records")[0] == 200
    authority.goto(f"{place}/step/suspend/")
    authority.locator("[name=reason_code]").select_option("security")
    authority.locator("[name=reason]").fill("The secret was found in a public repository.")
    authority.locator("[name=typed_name]").fill(NAME)
    authority.get_by_role("main").get_by_role("button", name="Suspend now", exact=True).click()
    authority.wait_for_url(f"{place}/change/")
    status, problem = machine.read_with(token, "datasets/posts/records")
    assert (status, problem["code"]) == (403, "integration_not_active")


def _every_step_stands_in_the_trail(thing: Integration) -> None:
    with make.seen():
        about = Entry.objects.filter(subject=f"integration:{thing.pk}").order_by("entry_id")
        told = [f"{entry.action} {entry.result}" for entry in about]
        refused = Entry.objects.filter(actor_id=str(thing.pk), action="api.request").order_by("entry_id")
        codes = [entry.document["result"]["code"] for entry in refused]
    assert [line for line in told if line.startswith("integration.")] == [
        "integration.created success",
        "integration.requested success",
        "integration.reviewed success",
        "integration.approved success",
        "integration.activation_intended unknown",
        "integration.activated success",
        "integration.suspended success",
    ]
    assert "records.read success" in told
    assert codes == ["scope_violation", "consent_denied", "integration_not_active"]
