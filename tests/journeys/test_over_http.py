"""The whole main job without a browser: every page by its address, every step by its form, on the embedded issuer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from exchange.models import Record
from registry.actions import consent
from registry.models import ConsentState, DataContract, Integration, Partner, RateLimitPolicy
from scp_portal.demo import ground
from scp_portal.embedded.issuer.realm import DemoPerson
from tests import make
from tests.journeys import country
from tests.journeys.machine import Machine

NAME = "Open conversations for research"
PAGES = "/admin/registry/integration"


class Desk(Client):
    """One person at their own browser, at the address that the realm knows the portal by."""

    def __init__(self, person: DemoPerson) -> None:
        super().__init__(headers={"host": "localhost:8000", "accept-language": "en"})
        self.person = person

    def sign_in(self) -> Desk:
        start = self.get("/oidc/authenticate/")["Location"]
        shown = requests.get(start, timeout=10).text
        request, action = (
            re.search(pattern, shown) for pattern in (r'name="request" value="([^"]+)"', r'action="([^"]+)"')
        )
        assert request, (start, shown)
        assert action
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(start))
        form = {"request": request[1], "person": self.person.sub}
        chosen = requests.post(origin + action[1], data=form, allow_redirects=False, timeout=10)
        back = urlsplit(chosen.headers["Location"])
        assert self.get(f"{back.path}?{back.query}")["Location"] == "/admin/"
        return self

    def page(self, thing: Integration) -> str:
        return self.get(f"{PAGES}/{thing.pk}/change/").content.decode()

    def take(self, step: str, thing: Integration, **answers: Any) -> Any:
        """Open the step's page, fill in its form, send it."""
        address = f"{PAGES}/{thing.pk}/step/{step}/"
        asked = self.get(address)
        if asked.status_code != 200:
            return asked
        hidden = dict(re.findall(r'type="hidden" name="(expected_\w+)" value="([^"]*)"', asked.content.decode()))
        return self.post(address, hidden | answers)


DeskOf = Callable[[str], Desk]


@pytest.fixture
def desk(issuer: str, demo_person: Callable[[str], DemoPerson]) -> DeskOf:
    return lambda name: Desk(demo_person(name)).sign_in()


def draft_form() -> dict[str, Any]:
    now = timezone.now()
    with make.seen():
        return {
            "partner": Partner.objects.get(name="Harbour Research Trust").pk,
            "integration_name": NAME,
            "purpose": "See what communities agree on.",
            "legal_basis": "https://w3id.org/dpv#Consent",
            "legal_basis_reference": "Notice to the community, version 2026-03",
            "retention_days": 90,
            "transfers": "none",
            "vertical_ids": ["community"],
            "data_contract": DataContract.objects.get(name="nz-open-conversation").pk,
            "active_from": (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"),
            "active_until": (now + timedelta(days=300)).strftime("%Y-%m-%dT%H:%M"),
            "rate_limit_policy": RateLimitPolicy.objects.get(name="Generous").pk,
            "token_lifetime": 300,
            "ip_allowlist": "",
            "certificate_thumbprint": "",
            "dpia_link": "",
        }


def stored() -> Integration:
    with make.seen():
        return Integration.objects.get(integration_name=NAME)


def told_of(thing: Integration, prefix: str) -> list[str]:
    """What the audit trail says of it, in order: actions of this kind, with their results."""
    with make.seen():
        told = Entry.objects.filter(subject=f"integration:{thing.pk}", action__startswith=prefix).order_by("entry_id")
        return [f"{action} {result}" for action, result in told.values_list("action", "result")]


def refusals_of(thing: Integration) -> list[str]:
    """The codes with which its machine was refused, in order."""
    with make.seen():
        refused = Entry.objects.filter(actor_id=str(thing.pk), action="api.request").order_by("entry_id")
        return [str(entry.document["result"]["code"]) for entry in refused]


def portal_get(path: str, headers: dict[str, str]) -> tuple[int, Any]:
    answer = Client().get(path, headers=headers)
    return answer.status_code, answer.json()


def secret_in(answer: Any) -> tuple[str, str]:
    shown = answer.content.decode()
    client, secret = (
        re.search(p, shown) for p in (r'<bdi dir="ltr">(scp-int-[^<]+)<', r'id="secret"><bdi dir="ltr">([^<]+)<')
    )
    assert client
    assert secret
    return client[1], secret[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("B-1-1", "B-4.3-2", "B-4.4-1", "B-6.2-1", "B-6.2-2", "B-6.2-3", "B-6.2-4", "B-6.2-6")
def test_four_people_bring_an_integration_to_life_and_its_partner_reads(desk: DeskOf, issuer: str) -> None:
    country.lay()
    country.fill_from_seed()
    grace, aroha, amara = desk("grace.whitfield"), desk("aroha.ngata"), desk("amara.okonkwo")

    made = grace.post(f"{PAGES}/add/", draft_form())
    assert made.status_code == 302, made.content.decode()
    thing = stored()
    assert grace.take("submit", thing, note="").status_code == 302
    assert _refused(grace, "accept", thing)
    assert aroha.take("accept", thing, note="As the community was told.").status_code == 302
    assert _refused(aroha, "approve", thing)
    assert amara.take("approve", thing, note="", conditions="Publish openly.").status_code == 302
    assert _refused(amara, "activate", thing)
    activated = grace.take("activate", thing)
    assert activated.status_code == 200, activated.content.decode()
    client_id, secret = secret_in(activated)
    assert secret not in grace.page(thing)

    machine = Machine(f"{issuer}/realms/scp/protocol/openid-connect/token", client_id, secret, portal_get)
    _reads_are_governed(machine)
    _a_withdrawal_is_seen_at_once(machine)
    _a_suspension_stops_the_very_next_request(machine, amara, thing)

    assert told_of(thing, "integration.") == [
        "integration.created success",
        "integration.requested success",
        "integration.reviewed success",
        "integration.approved success",
        "integration.activation_intended unknown",
        "integration.activated success",
        "integration.suspended success",
    ]
    assert "records.read success" in told_of(thing, "records.")
    assert refusals_of(thing) == [
        "scope_violation",
        "scope_violation",
        "consent_denied",
        "integration_not_active",
    ]


def _refused(who: Desk, step: str, thing: Integration) -> bool:
    """A sentence, not a button; and the step's own page refuses too."""
    page = who.page(thing)
    assert f"/step/{step}/" not in page
    return bool(who.take(step, thing).status_code == 403)


def _reads_are_governed(machine: Machine) -> None:
    status, me = machine.read("whoami")
    assert status == 200
    assert me["integration_name"] == NAME
    posts = machine.all_records("posts")
    with make.seen():
        consenting = ConsentState.objects.filter(
            vertical="community",
            status__in=["given", "renewed"],
            notice_version="2026-03",
            valid_until__gt=timezone.now(),
        )
        served = Record.objects.filter(dataset="posts", payload__moderation__in=country.SERVED)
        expected = set(served.filter(person__in=consenting.values("person")).values_list("record_id", flat=True))
        assert 0 < len(expected) < Record.objects.filter(dataset="posts").count()
    assert {post["record_id"] for post in posts} == set(map(str, expected))
    assert {tuple(post["fields"]) for post in posts} == {
        ("post_id", "sub_community_id", "author_id", "written_at", "body", "agrees", "disagrees")
    }
    assert all(re.fullmatch(r"psn_[0-9a-f]{32}", post["fields"]["author_id"]) for post in posts)
    assert all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", post["fields"]["written_at"]) for post in posts)
    assert "nz-0" not in json.dumps(posts)
    assert machine.read("datasets/immunisations/records")[0] == 403
    assert machine.read("datasets/posts/records?fields=moderation")[0] == 403


def _a_withdrawal_is_seen_at_once(machine: Machine) -> None:
    before = machine.all_records("posts")
    with make.seen():
        record = Record.objects.select_related("person").get(pk=before[0]["record_id"])
        assert record.person is not None
        theirs = set(Record.objects.filter(dataset="posts", person=record.person).values_list("record_id", flat=True))
        consent.withdraw(record.person, "community", actor=ground.core())
    after = {post["record_id"] for post in machine.all_records("posts")}
    assert after == {post["record_id"] for post in before} - set(map(str, theirs))
    status, problem = machine.read(f"datasets/posts/records/{record.pk}")
    assert (status, problem["code"]) == (403, "consent_denied")


def _a_suspension_stops_the_very_next_request(machine: Machine, authority: Desk, thing: Integration) -> None:
    token = machine.token().json()["access_token"]
    assert machine.read_with(token, "datasets/posts/records")[0] == 200
    reason = {"reason_code": "security", "reason": "The secret was found in a public repository.", "typed_name": NAME}
    assert authority.take("suspend", thing, **reason).status_code == 302
    status, problem = machine.read_with(token, "datasets/posts/records")
    assert (status, problem["code"]) == (403, "integration_not_active")
