"""The demo: loaded by one command, by real actions, the same every time."""

from __future__ import annotations

import json
import stat
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command
from django.test import Client

from audit.models import Entry
from registry.models import ConsentState, Decision, Integration, RoleMapping, Tenant, User
from scp_portal.demo import ground, people
from scp_portal.demo.countries import COUNTRIES
from scp_portal.demo.stories import SHOWN, STORIES
from tests import make

STATES = {
    "draft": 2,
    "requested": 2,
    "reviewed": 2,
    "approved": 2,
    "active": 3,
    "restricted": 1,
    "suspended": 1,
    "deprecated": 1,
    "rejected": 1,
    "archived": 1,
}


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Path:
    """A folder for the client's file, in a place that calls itself a demo."""
    settings.DEBUG = True
    monkeypatch.setenv("PORTAL_VAR", str(tmp_path))
    return tmp_path


def load() -> str:
    out = StringIO()
    call_command("load_demo", stdout=out)
    return out.getvalue()


def read(issuer: str, client: dict[str, str], path: str) -> Any:
    form = {"grant_type": "client_credentials"}
    basic = (client["client_id"], client["client_secret"])
    granted = requests.post(f"{issuer}/realms/scp/protocol/openid-connect/token", form, auth=basic, timeout=5)
    return Client().get(path, headers={"Authorization": f"Bearer {granted.json()['access_token']}"})


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("B-6.1-1", "B-3-1")
def test_one_command_makes_four_countries_and_integrations_in_every_state(issuer: str, var: Path) -> None:
    said = load()
    assert "The demo is loaded (" in said
    with make.seen():
        assert set(Tenant.objects.values_list("code", flat=True)) == {"NZ", "CA", "TW", "EG"}
        assert Counter(Integration.objects.values_list("status", flat=True)) == STATES
        _every_step_was_a_persons_and_is_in_the_trail()
        _everybody_has_their_account()
        _consents_are_of_every_kind()
    _the_printed_client_reads_governed_records(issuer, var)
    _a_second_run_does_nothing(var)
    _a_lost_secret_is_replaced(issuer, var)


def _every_step_was_a_persons_and_is_in_the_trail() -> None:
    assert Decision.objects.count() == sum(len(story.steps) + 1 for story in STORIES)
    assert not Decision.objects.exclude(actor_kind="person").exists()
    moved = Entry.objects.filter(subject__startswith="integration:", action="integration.activated")
    assert moved.count() == sum(any(step.verb == "activate" for step in story.steps) for story in STORIES)


def _everybody_has_their_account() -> None:
    known = people.read()
    assert set(RoleMapping.objects.values_list("group", flat=True)) == set(known["groups"])
    assert set(User.objects.values_list("subject", flat=True)) == {person["sub"] for person in known["people"]}
    assert not User.objects.get(name="Siosaia Fifita").role_grants.exists()


def _consents_are_of_every_kind() -> None:
    statuses = set(ConsentState.objects.values_list("status", flat=True))
    assert statuses == {"given", "renewed", "withdrawn", "refused"}
    assert set(ConsentState.objects.values_list("vertical_id", flat=True)) == {"community", "health", "education"}


def _the_printed_client_reads_governed_records(issuer: str, var: Path) -> None:
    file = var / "demo-client.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    client = json.loads(file.read_text())
    answer = read(issuer, client, f"/api/v1/datasets/{client['dataset']}/records?page_size=50")
    assert answer.status_code == 200, answer.content
    body = answer.content.decode()
    assert "nz-0" not in body
    assert "psn_" in body
    other = read(issuer, client, "/api/v1/datasets/immunisations/records")
    assert other.status_code == 403


def _a_second_run_does_nothing(var: Path) -> None:
    before = (var / "demo-client.json").read_text()
    with make.seen():
        entries = Entry.objects.count()
    assert load() == "The demo is loaded already.\n"
    with make.seen():
        assert Entry.objects.count() == entries
    assert (var / "demo-client.json").read_text() == before


def _a_lost_secret_is_replaced(issuer: str, var: Path) -> None:
    (var / "demo-client.json").unlink()
    load()
    client = json.loads((var / "demo-client.json").read_text())
    assert read(issuer, client, "/api/v1/whoami").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_load_that_was_stopped_goes_on_where_it_was(issuer: str, var: Path, settings: Any) -> None:
    settings.KEYCLOAK_URL = "http://127.0.0.1:9"
    settings.TRUSTED_ORIGINS = ["http://127.0.0.1:9", issuer]
    with pytest.raises(CommandError, match="identity server"):
        load()
    with make.seen():
        assert Integration.objects.get(integration_name=SHOWN).status == "approved"
        Integration.objects.get(integration_name=SHOWN).client_sync.__class__.objects.update(next_attempt_at=None)
    settings.KEYCLOAK_URL = issuer
    load()
    with make.seen():
        assert Counter(Integration.objects.values_list("status", flat=True)) == STATES


@pytest.mark.django_db
@pytest.mark.parametrize(("demo", "debug"), [(False, True), (True, False)])
def test_it_refuses_where_there_is_no_demo(settings: Any, demo: bool, debug: bool) -> None:
    settings.DEMO, settings.DEBUG = demo, debug
    with pytest.raises(CommandError, match="PORTAL_DEMO=1 and DEBUG=1"):
        load()
    with make.seen():
        assert not Tenant.objects.exists()


@pytest.mark.django_db
def test_it_refuses_beside_tenants_it_did_not_make(settings: Any) -> None:
    make.tenant("KE")
    settings.DEBUG = True
    with pytest.raises(CommandError, match="KE"):
        load()


def test_the_world_is_the_same_every_time_and_speaks_five_languages() -> None:
    for country in COUNTRIES:
        made = list(ground.data(country))
        assert made == list(ground.data(country))
        assert {each.dataset for each in made} >= {"sub_communities", "posts", "comments"}
    said = " ".join(str(each.payload.get("body")) for country in COUNTRIES for each in ground.data(country))
    assert all(word in said for word in ("moana", "Il faut", "Every notice", "颱風", "شجرة"))


@pytest.mark.req("B-4.2-2")
def test_health_and_education_know_some_of_the_same_persons_and_doses_at_school_touch_both() -> None:
    made = list(ground.data(COUNTRIES[0]))
    by_dataset: dict[str, set[str]] = {}
    for each in made:
        by_dataset.setdefault(each.dataset, set()).add(each.person)
    assert len(by_dataset["immunisations"] & by_dataset["enrolments"]) > 50
    assert Counter(each.verticals for each in made if each.dataset == "immunisations").keys() == {
        ("health",),
        ("education", "health"),
    }
    assert by_dataset["comments"] - by_dataset["immunisations"]
