"""The integration's page, its steps and its draft form, as people of each role meet them."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from audit.models import Entry, Kind
from registry.models import Decision, Integration
from tests import make
from tests.registry.admin.conftest import SignIn

REASON = "Two fields are more than the purpose needs."


def page_of(integration: Integration, tab: str = "overview") -> str:
    return reverse("admin:registry_integration_change", args=[integration.pk]) + f"?tab={tab}"


def step_of(integration: Integration, step: str) -> str:
    return reverse("admin:registry_integration_step", args=[integration.pk, step])


def seen_version(integration: Integration, **typed: Any) -> dict[str, Any]:
    return {"expected_version": integration.version, "expected_hash": integration.content_hash, **typed}


def status_of(integration: Integration) -> str:
    with make.seen():
        return str(Integration.objects.values_list("status", flat=True).get(pk=integration.pk))


@pytest.mark.parametrize("tab", ["overview", "scope", "preview", "checks", "history", "credentials", "no-such-tab"])
@pytest.mark.parametrize("status", ["draft", "requested", "active", "archived"])
def test_every_tab_opens_in_every_kind_of_state(sign_in: SignIn, status: str, tab: str) -> None:
    cast = make.cast("NZ")
    integration = make.integration(status, cast=cast)
    answer = sign_in(cast.admin).get(page_of(integration, tab))
    assert answer.status_code == 200
    assert integration.integration_name in answer.content.decode()


@pytest.mark.req("B-6.2-2")
def test_the_owner_of_the_vertical_accepts_on_the_step_page(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("requested", cast=cast)
    client = sign_in(cast.owner)
    assert client.get(step_of(integration, "accept")).status_code == 200
    answer = client.post(step_of(integration, "accept"), seen_version(integration, note="Fits the purpose."))
    assert answer.status_code == 302
    assert status_of(integration) == "reviewed"


@pytest.mark.req("B-6.2-3")
def test_a_step_one_may_not_take_is_a_sentence_and_no_button(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("reviewed", cast=cast)
    make.grant(cast.owner, "umbrella_authority")
    page = sign_in(cast.owner).get(page_of(integration)).content.decode()
    assert f'href="{step_of(integration, "approve")}"' not in page
    assert "You reviewed it for Health, so you cannot approve it." in page
    assert cast.authority.name in page


@pytest.mark.req("B-6.2-3")
def test_posting_a_step_one_may_not_take_is_refused_and_recorded(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("reviewed", cast=cast)
    make.grant(cast.owner, "umbrella_authority")
    answer = sign_in(cast.owner).post(step_of(integration, "approve"), seen_version(integration, note="Looks good."))
    assert answer.status_code == 403
    assert status_of(integration) == "reviewed"
    with make.seen():
        denials = Entry.objects.filter(kind=Kind.DENIED, subject=f"integration:{integration.pk}")
        assert [entry.document["result"]["code"] for entry in denials] == ["sod_violation"]


def test_a_get_changes_nothing(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("requested", cast=cast)
    sign_in(cast.owner).get(step_of(integration, "accept"), seen_version(integration))
    assert status_of(integration) == "requested"


def test_a_stale_tab_decides_nothing_and_keeps_what_was_typed(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("requested", cast=cast)
    typed = {"expected_version": integration.version - 1, "expected_hash": integration.content_hash, "reason": REASON}
    answer = sign_in(cast.owner).post(step_of(integration, "return_for_changes"), typed)
    assert answer.status_code == 412
    assert REASON in answer.content.decode()
    assert status_of(integration) == "requested"


def test_a_step_that_somebody_took_first_says_so_and_keeps_the_text(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("draft", cast=cast)
    typed = seen_version(integration, reason=REASON)
    answer = sign_in(cast.owner).post(step_of(integration, "return_for_changes"), typed)
    assert answer.status_code == 409
    assert REASON in answer.content.decode()


def test_a_reason_that_says_nothing_is_not_accepted(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("requested", cast=cast)
    answer = sign_in(cast.owner).post(
        step_of(integration, "return_for_changes"), seen_version(integration, reason="no")
    )
    assert answer.status_code == 422
    assert status_of(integration) == "requested"


@pytest.mark.req("B-6.2-6")
def test_suspending_asks_for_the_name(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("active", cast=cast)
    client = sign_in(cast.authority)
    typed = seen_version(integration, reason=REASON, reason_code="security", typed_name="another")
    assert client.post(step_of(integration, "suspend"), typed).status_code == 422
    assert status_of(integration) == "active"
    typed["typed_name"] = integration.integration_name.upper()
    assert client.post(step_of(integration, "suspend"), typed).status_code == 302
    assert status_of(integration) == "suspended"


@pytest.mark.req("B-6.2-1")
def test_an_administrator_drafts_an_integration(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    form = {
        "partner": cast.partner.pk,
        "integration_name": "Clinic reminders",
        "vertical_ids": ["health"],
        "token_lifetime": 300,
    }
    answer = sign_in(cast.admin).post(reverse("admin:registry_integration_add"), form)
    assert answer.status_code == 302, answer.context["errors"]
    with make.seen():
        made = Integration.objects.get(integration_name="Clinic reminders")
        assert (made.status, made.tenant_id, made.created_by_id) == ("draft", "NZ", cast.admin.pk)
        assert Decision.objects.filter(integration=made, step="create").exists()
        assert Entry.objects.filter(action="integration.created", subject=f"integration:{made.pk}").exists()


def test_what_the_action_refuses_stands_at_the_field_and_nothing_typed_is_lost(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    form = {
        "partner": cast.partner.pk,
        "integration_name": "Clinic reminders",
        "vertical_ids": ["health"],
        "token_lifetime": 300,
        "ip_allowlist": "203.0.113.7\nnot-an-address",
    }
    answer = sign_in(cast.admin).post(reverse("admin:registry_integration_add"), form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "“not-an-address” is no address or range" in page
    assert "Clinic reminders" in page
    with make.seen():
        assert not Integration.objects.filter(integration_name="Clinic reminders").exists()


def test_a_draft_is_edited_and_an_old_tab_overwrites_nothing(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("draft", cast=cast)
    client = sign_in(cast.admin)
    address = reverse("admin:registry_integration_edit", args=[integration.pk])
    form = client.get(address).context["adminform"].form
    typed = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    sent = {name: value for name, value in typed.items() if value not in (None, "", [], False)}
    sent |= {"integration_name": "Renamed", "expected_version": integration.version}
    sent["active_from"], sent["active_until"] = "2026-12-01T00:00", "2027-12-01T00:00"
    assert client.post(address, sent).status_code == 302
    assert client.post(address, {**sent, "integration_name": "Again"}).status_code == 412
    with make.seen():
        assert Integration.objects.get(pk=integration.pk).integration_name == "Renamed"


def test_what_is_not_yours_does_not_exist(sign_in: SignIn) -> None:
    stranger = make.cast("CA")
    integration = make.integration("requested", cast=make.cast("NZ"))
    assert sign_in(stranger.admin).get(page_of(integration)).status_code == 404


@pytest.mark.req("B-4.2-1")
def test_an_owner_sees_only_integrations_of_their_vertical(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("requested", cast=cast)
    assert sign_in(cast.owners["education"]).get(page_of(integration)).status_code == 404
    assert sign_in(cast.owners["health"]).get(page_of(integration)).status_code == 200


def test_there_is_no_way_to_delete_or_to_act_in_bulk(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    integration = make.integration("draft", cast=cast)
    client = sign_in(cast.admin)
    listing = reverse("admin:registry_integration_changelist")
    assert client.get(f"{listing}{integration.pk}/delete/").status_code == 404
    bulk = {"action": "delete_selected", "_selected_action": str(integration.pk)}
    client.post(listing, bulk)
    assert status_of(integration) == "draft"
