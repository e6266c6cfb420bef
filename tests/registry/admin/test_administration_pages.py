"""Partners, limits, countries, verticals and roles at their pages: what each person is shown and may do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Entry
from registry.actions import tenants
from registry.models import Partner, RateLimitPolicy, RoleGrant, RoleMapping, Tenant, TenantVertical
from tests import make
from tests.registry.admin.conftest import SignIn

REASON = {"reason": "They sold what they were given."}
PARTNER = {"tenant": "NZ", "name": "Red Cross", "partner_type": "ngo", "security_contact": "alarm@example.org"}


def page(model: str, thing: Any, name: str = "change", *more: str) -> str:
    return reverse(f"admin:registry_{model}_{name}", args=[thing.pk, *more])


def add(client: Client, model: str, **values: Any) -> Any:
    return client.post(reverse(f"admin:registry_{model}_add"), values)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def row(model: type[Any], **which: Any) -> Any:
    with make.seen():
        return model.objects.get(**which)


# -- partners ------------------------------------------------------------------------------------------------------


def test_the_administrator_adds_and_edits_a_partner(sign_in: SignIn) -> None:
    client = sign_in(make.cast("NZ").admin)
    assert client.get(reverse("admin:registry_partner_add")).status_code == 200
    assert add(client, "partner", **PARTNER).status_code == 302
    made = row(Partner, name="Red Cross")
    assert client.get(page("partner", made, "edit")).status_code == 200
    answer = client.post(page("partner", made, "edit"), {**PARTNER, "name": "Red Cross NZ"})
    assert (answer.status_code, answer["Location"]) == (302, page("partner", made))
    assert "Red Cross NZ" in text(client.get(page("partner", made)))
    with make.seen():
        assert Entry.objects.filter(subject=f"partner:{made.pk}", result="success").count() == 2


def test_a_partner_of_a_similar_name_is_warned_of(sign_in: SignIn) -> None:
    client = sign_in(make.cast("NZ").admin)
    add(client, "partner", **PARTNER)
    warned = add(client, "partner", **{**PARTNER, "name": "The Red Cross"})
    assert warned.status_code == 422
    assert "There is “Red Cross” already" in text(warned)
    assert 'value="The Red Cross"' in text(warned)
    assert add(client, "partner", **{**PARTNER, "name": "The Red Cross"}, another="on").status_code == 302


@pytest.mark.req("B-4.1-1")
def test_the_form_offers_and_accepts_no_other_country(sign_in: SignIn) -> None:
    make.tenant("CA")
    client = sign_in(make.cast("NZ").admin)
    assert 'value="CA"' not in text(client.get(reverse("admin:registry_partner_add")))
    add(client, "partner", **{**PARTNER, "tenant": "CA"})
    with make.seen():
        assert not Partner.objects.filter(name="Red Cross").exists()


@pytest.mark.parametrize("who", ["authority", "owner", "operator", "auditor", "partner_user", "root"])
def test_others_find_no_form_for_partners(sign_in: SignIn, who: str) -> None:
    cast = make.cast("NZ")
    client = sign_in(getattr(cast, who))
    assert client.get(reverse("admin:registry_partner_add")).status_code == 403
    assert add(client, "partner", **PARTNER).status_code == 403
    assert client.post(page("partner", cast.partner, "edit"), PARTNER).status_code == 403


def test_a_partner_is_blocked_and_another_lifts_it_on_the_step_pages(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    blocking = page("partner", cast.partner, "step", "block")
    lifting = page("partner", cast.partner, "step", "unblock")
    client = sign_in(cast.authority)
    assert client.get(blocking).status_code == 200
    assert client.post(blocking, {"reason": "short"}).status_code == 422
    assert client.post(blocking, REASON).status_code == 302
    told = text(client.get(page("partner", cast.partner)))
    assert REASON["reason"] in told
    assert "someone else must lift that" in told
    assert client.post(lifting, REASON).status_code == 403
    assert sign_in(cast.second_authority).post(lifting, REASON).status_code == 302
    assert row(Partner, pk=cast.partner.pk).blocked_at is None


def test_a_step_that_somebody_took_before_says_so(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    blocking = page("partner", cast.partner, "step", "block")
    client = sign_in(cast.admin)
    client.post(blocking, REASON)
    again = client.post(blocking, REASON)
    assert again.status_code == 403
    assert "The partner is blocked already." in text(again)


# -- limits --------------------------------------------------------------------------------------------------------

LIMIT = {"name": "Slow", "burst": 1, "per_minute": 60, "per_day": 1000}


def test_limits_are_added_and_edited_above_nothing(sign_in: SignIn) -> None:
    client = sign_in(make.cast("NZ").admin)
    assert add(client, "ratelimitpolicy", tenant="NZ", **LIMIT).status_code == 302
    made = row(RateLimitPolicy, name="Slow")
    refused = client.post(page("ratelimitpolicy", made, "edit"), {**LIMIT, "burst": 0})
    assert "has-error" in text(refused)
    assert client.post(page("ratelimitpolicy", made, "edit"), {**LIMIT, "burst": 2}).status_code == 302
    assert row(RateLimitPolicy, name="Slow").burst == 2
    assert client.get(page("ratelimitpolicy", made)).status_code == 200


@pytest.mark.parametrize("who", ["authority", "owner", "operator", "auditor", "root"])
def test_others_find_no_form_for_limits(sign_in: SignIn, who: str) -> None:
    assert add(sign_in(getattr(make.cast("NZ"), who)), "ratelimitpolicy", tenant="NZ", **LIMIT).status_code == 403


# -- countries and verticals ---------------------------------------------------------------------------------------

KENYA = {"code": "KE", "name": "Kenya", "language": "en", "time_zone": "Africa/Nairobi", "verticals": ["health"]}


def test_the_authority_takes_a_country_in(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    client = sign_in(cast.authority)
    assert client.get(reverse("admin:registry_tenant_add")).status_code == 200
    wrong = add(client, "tenant", **{**KENYA, "time_zone": "Middle/Earth"})
    assert "There is no such time zone" in text(wrong)
    assert add(client, "tenant", **KENYA).status_code == 302
    made = row(Tenant, pk="KE")
    assert (
        client.post(page("tenant", made, "step", "verticals"), {"verticals": ["health", "education"]}).status_code
        == 302
    )
    with make.seen():
        assert set(made.verticals.values_list("vertical_id", flat=True)) == {"health", "education"}
    assert add(sign_in(cast.operator), "tenant", **{**KENYA, "code": "TZ"}).status_code == 403


@pytest.mark.req("B-4.2-2")
def test_rules_are_set_on_their_page_and_a_fault_is_told_with_its_path(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    country = row(Tenant, pk="NZ")
    client, address = sign_in(cast.admin), page("tenant", country, "step", "policy")
    shown = client.get(address)
    assert tenants.policy_hash({}) in text(shown)
    seen = {"expected_hash": tenants.policy_hash({})}
    wrong = client.post(address, {**seen, "policy": '{"classes": {"personal": {"fn": "shout"}}}'})
    assert wrong.status_code == 422
    assert "classes.personal" in text(wrong)
    for broken in ("{", "[]", '{"minCell": NaN}', '{"minCell": 1, "minCell": 2}', '{"purposes": ["\\u0000"]}', ""):
        assert client.post(address, {**seen, "policy": broken}).status_code == 422
    assert client.post(address, {**seen, "policy": '{"minCell": 12}'}).status_code == 302
    assert row(Tenant, pk="NZ").policy == {"minCell": 12}
    late = client.post(address, {**seen, "policy": "{}"})
    assert late.status_code == 412
    assert tenants.policy_hash({"minCell": 12}) in text(late)


@pytest.mark.req("B-4.2-2")
def test_the_owner_sets_the_verticals_rules_and_the_administrator_reads_who_can(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    health = row(TenantVertical, tenant_id="NZ", vertical_id="health")
    rules = {"datasets": {"visits": {"permitted": True}}}
    typed = {"policy": json.dumps(rules), "expected_hash": tenants.policy_hash({})}
    address = page("tenantvertical", health, "step", "policy")
    assert sign_in(cast.admin).post(address, typed).status_code == 403
    assert sign_in(cast.owners["education"]).post(address, typed).status_code == 403
    assert sign_in(cast.owner).post(address, typed).status_code == 302
    assert row(TenantVertical, pk=health.pk).policy == rules
    told = text(sign_in(cast.admin).get(page("tenantvertical", health)))
    assert "Who can: the vertical&#x27;s owner." in told
    assert page("tenantvertical", health) in text(sign_in(cast.admin).get(page("tenant", row(Tenant, pk="NZ"))))


@pytest.mark.parametrize("model", ["tenant", "tenantvertical"])
def test_what_is_frozen_says_so_and_why(sign_in: SignIn, model: str) -> None:
    cast = make.cast("NZ")
    thing = row(Tenant, pk="NZ") if model == "tenant" else row(TenantVertical, tenant_id="NZ", vertical_id="health")
    client = sign_in(cast.authority)
    assert sign_in(cast.admin).post(page(model, thing, "step", "freeze"), REASON).status_code == 403
    assert client.post(page(model, thing, "step", "freeze"), REASON).status_code == 302
    told = text(sign_in(cast.admin).get(page(model, thing)))
    assert "Frozen: everything here refuses" in told
    assert REASON["reason"] in told
    assert client.post(page(model, thing, "step", "unfreeze"), REASON).status_code == 302
    assert "Open" in text(client.get(page(model, thing)))


# -- roles ---------------------------------------------------------------------------------------------------------


def test_the_operator_gives_a_role_and_takes_it(sign_in: SignIn) -> None:
    cast, someone = make.cast("NZ"), make.user("New Colleague")
    client = sign_in(cast.operator)
    shown = text(client.get(reverse("admin:registry_rolegrant_add")))
    assert "New Colleague" in shown
    assert f'value="{cast.operator.pk}"' not in shown, "nobody is offered themselves"
    wanted = {"user": str(someone.pk), "role": "tenant_admin"}
    lacking = add(client, "rolegrant", **wanted)
    assert "Say in which country." in text(lacking)
    assert add(client, "rolegrant", **wanted, tenant="NZ").status_code == 302
    grant = row(RoleGrant, user=someone)
    assert cast.operator.name in text(client.get(page("rolegrant", grant)))
    taken = client.post(page("rolegrant", grant, "step", "take"))
    assert (taken.status_code, taken["Location"]) == (302, reverse("admin:registry_rolegrant_changelist"))
    with make.seen():
        assert not RoleGrant.objects.filter(user=someone).exists()


def test_nobody_gives_themselves_a_role_by_a_form_of_their_own(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    add(sign_in(cast.operator), "rolegrant", user=str(cast.operator.pk), role="umbrella_authority")
    with make.seen():
        assert [grant.role for grant in RoleGrant.objects.filter(user=cast.operator)] == ["operator"]


@pytest.mark.parametrize("who", ["admin", "auditor", "root"])
def test_others_see_roles_and_change_none(sign_in: SignIn, who: str) -> None:
    cast, someone = make.cast("NZ"), make.user()
    client = sign_in(getattr(cast, who))
    assert client.get(reverse("admin:registry_rolegrant_changelist")).status_code == 200
    assert add(client, "rolegrant", user=str(someone.pk), role="auditor", tenant="NZ").status_code == 403
    assert add(client, "rolemapping", group="mine", role="auditor", tenant="NZ").status_code == 403


@pytest.mark.req("A-5.3-1")
def test_a_group_is_mapped_changed_and_unmapped(sign_in: SignIn) -> None:
    client = sign_in(make.cast("NZ").authority)
    mapping = {"group": "nz-data", "role": "tenant_admin", "tenant": "NZ"}
    assert add(client, "rolemapping", **mapping).status_code == 302
    made = row(RoleMapping, group="nz-data")
    assert client.get(page("rolemapping", made, "edit")).status_code == 200
    changed = {**mapping, "role": "vertical_owner", "vertical": "health"}
    assert client.post(page("rolemapping", made, "edit"), changed).status_code == 302
    assert row(RoleMapping, pk=made.pk).vertical_id == "health"
    assert client.get(page("rolemapping", made)).status_code == 200
    assert client.post(page("rolemapping", made, "step", "remove")).status_code == 302
    with make.seen():
        assert not RoleMapping.objects.filter(pk=made.pk).exists()


def test_an_address_that_deletes_does_not_exist(sign_in: SignIn) -> None:
    cast = make.cast("NZ")
    assert sign_in(cast.admin).post(f"/admin/registry/partner/{cast.partner.pk}/delete/").status_code == 404
