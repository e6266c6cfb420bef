"""The frame around every page: who is let in, in whose rows, and what a refusal looks like."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from registry.admin.integrations import FIELDS
from tests import make
from tests.registry.admin.conftest import SignIn

HOME = "/admin/"
PAGES = {
    "registry_integration": {"admin", "partner_user", "owner", "authority", "operator", "auditor", "root"},
    "registry_datacontract": {"admin", "partner_user", "owner", "authority", "operator", "auditor", "root"},
    "registry_partner": {"admin", "partner_user", "owner", "authority", "operator", "auditor", "root"},
    "registry_ratelimitpolicy": {"admin", "owner", "authority", "operator", "auditor", "root"},
    "registry_tenant": {"admin", "owner", "authority", "operator", "auditor", "root"},
    "registry_vertical": {"admin", "owner", "authority", "operator", "auditor", "root"},
    "registry_user": {"authority", "operator", "auditor", "root"},
    "registry_rolegrant": {"admin", "authority", "operator", "auditor", "root"},
    "registry_rolemapping": {"admin", "authority", "operator", "auditor", "root"},
    "registry_person": {"admin", "owner"},
    "exchange_dataset": {"admin", "partner_user", "owner", "authority", "operator", "auditor", "root"},
    "audit_entry": {"admin", "authority", "auditor", "root"},
}
"""Who may open which list; everybody else is told why not, and the attempt is recorded."""


def test_a_stranger_is_sent_to_the_log_in_page(db: None) -> None:
    answer = Client().get("/admin/registry/integration/")
    assert answer.status_code == 302
    assert answer["Location"] == "/login/?next=/admin/registry/integration/"


def test_a_person_without_a_role_is_told_what_to_do(sign_in: SignIn) -> None:
    answer = sign_in(make.user("Nobody Yet")).get(HOME)
    assert answer.status_code == 403
    assert "You have no role here yet" in answer.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_each_list_opens_for_its_roles_and_for_no_other(sign_in: SignIn, page: str) -> None:
    cast = make.cast("NZ")
    people = ("admin", "partner_user", "owner", "authority", "operator", "auditor", "root")
    address = reverse(f"admin:{page}_changelist")
    opened = {name for name in people if sign_in(getattr(cast, name)).get(address).status_code == 200}
    assert opened == PAGES[page]


@pytest.mark.req("B-9-1")
def test_a_page_that_may_not_be_opened_is_refused_in_words_and_recorded(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    answer = sign_in(cast.owner).get(reverse("admin:audit_entry_changelist"))
    assert answer.status_code == 403
    assert "Your roles do not cover it" in answer.content.decode()
    with make.seen():
        assert Entry.objects.get(action="admin.access_denied").actor_id == str(cast.owner.pk)


@pytest.mark.req("B-9-1", "A-6-2")
def test_reading_the_trail_is_itself_recorded(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    client = sign_in(cast.auditor)
    client.get(reverse("admin:audit_entry_changelist"), {"result": "denied"})
    with make.seen():
        entry = Entry.objects.get(action="audit.searched")
    assert entry.document["data"] == {"filters": ["result"]}
    assert client.get(reverse("admin:audit_entry_change", args=[entry.pk])).status_code == 200
    with make.seen():
        assert Entry.objects.filter(action="audit.entry_read", subject=f"entry:{entry.pk}").exists()


def test_an_unknown_address_is_a_page_in_words(sign_in: SignIn) -> None:
    answer = sign_in(make.cast("NZ").admin).get("/admin/no/such/page/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


@pytest.mark.parametrize("address", [HOME, "/admin/reviews/", "/admin/registry/integration/"])
def test_pages_are_kept_by_no_one(sign_in: SignIn, address: str) -> None:
    assert sign_in(make.cast("NZ").admin).get(address)["Cache-Control"] == "no-store"


def test_a_post_without_its_token_changes_nothing(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("requested", cast=cast)
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.owner)
    answer = client.post(reverse("admin:registry_integration_step", args=[integration.pk, "accept"]), {})
    assert answer.status_code == 403


def test_the_scope_narrows_and_never_widens(sign_in: SignIn) -> None:
    here, there = make.cast("NZ"), make.cast("CA")
    mine, theirs = make.integration(cast=here), make.integration(cast=there)
    client = sign_in(here.authority)
    listing = reverse("admin:registry_integration_changelist")
    both = client.get(listing).content.decode()
    assert mine.integration_name in both
    assert theirs.integration_name in both
    client.post(reverse("admin:scope"), {"tenant": "NZ"})
    narrowed = client.get(listing).content.decode()
    assert theirs.integration_name not in narrowed
    assert sign_in(here.admin).post(reverse("admin:scope"), {"tenant": "CA"}).status_code == 403


@pytest.mark.req("B-6.4-1")
def test_a_download_has_exactly_the_names_of_the_register(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("draft", cast=cast, integration_name="=cmd|' /C calc'!A0")
    client = sign_in(cast.admin)
    listing = reverse("admin:registry_integration_changelist")
    table = list(csv.DictReader(io.StringIO(client.get(f"{listing}download/csv/").content.decode())))
    assert tuple(table[0]) == FIELDS
    assert table[0]["integration_name"] == "'" + integration.integration_name
    listed = json.loads(client.get(f"{listing}download/json/").content)
    assert listed[0]["integration_name"] == integration.integration_name
    assert listed[0]["vertical_ids"] == integration.vertical_ids
    assert listed[0]["created_by"] == str(cast.admin.pk)
    with make.seen():
        assert Entry.objects.filter(action="registry.integration_list_exported").count() == 2


def test_text_of_people_is_never_markup(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    integration = make.integration("requested", cast=cast, integration_name=hostile, purpose=hostile)
    client = sign_in(cast.owner)
    page = reverse("admin:registry_integration_change", args=[integration.pk])
    for address in (HOME, "/admin/reviews/", reverse("admin:registry_integration_changelist"), page):
        content = client.get(address).content.decode()
        assert "<script>alert" not in content
        assert "<img src=x" not in content


def test_consent_is_looked_up_by_reference_and_on_the_record(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    person = make.person("NZ", "REF-1")
    make.notice("NZ")
    make.consent(person)
    client = sign_in(cast.admin)
    address = reverse("admin:registry_person_changelist")
    assert "REF-1" not in client.get(address).content.decode()
    found = client.post(address, {"tenant": "NZ", "reference": "REF-1", "reason": "case 4412"})
    assert "Given" in found.content.decode()
    withdrawal = {"person": str(person.pk), "vertical": "health", "reason": "case 4412"}
    assert client.post(reverse("admin:registry_person_withdraw"), withdrawal).status_code == 302
    found = client.post(address, {"tenant": "NZ", "reference": "REF-1", "reason": "case 4412"})
    assert "Withdrawn" in found.content.decode()
    with make.seen():
        assert Entry.objects.filter(action="consent.looked_up", subject=f"person:{person.pk}").count() == 2


def test_a_page_asks_the_database_a_bounded_number_of_questions(
    sign_in: SignIn, django_assert_max_num_queries: object
) -> None:
    cast = make.cast("NZ")
    for _ in range(12):
        make.integration("draft", cast=cast)
    client = sign_in(cast.auditor)
    with django_assert_max_num_queries(25):  # type: ignore[operator]
        client.get(reverse("admin:registry_integration_changelist"))
