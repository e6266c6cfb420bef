"""Tenants and the verticals they run: taken in, given rules, frozen (row 29)."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import Entry, Event
from registry.actions import integrations, tenants
from registry.models import Tenant, TenantVertical
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.problems import ContentChanged, PermissionRefused, ValidationFailed
from tests import make

pytestmark = pytest.mark.django_db
BECAUSE = "An inquiry of the ombudsman."
OMITS_HEALTH = {"classes": {"public": {"fn": "clear"}}, "minCell": 20}


@pytest.fixture
def cast() -> make.Cast:
    return make.cast()


def authority() -> Actor:
    return make.actor("umbrella_authority")


def ruled(code: str = "health") -> TenantVertical:
    with make.seen():
        return TenantVertical.objects.get(tenant_id="NZ", vertical_id=code)


def the_tenant(code: str = "NZ") -> Tenant:
    with make.seen():
        return Tenant.objects.get(pk=code)


def told(action: str) -> list[dict[str, Any]]:
    with make.seen():
        return [each.document["data"] for each in Entry.objects.filter(action=action, result="success")]


# -- taken in ------------------------------------------------------------------------------------------------------


@pytest.mark.req("B-4.1-1")
@pytest.mark.parametrize("looking_at", [(), ("NZ",)], ids=["all", "one"])
def test_the_authority_takes_a_country_in_whatever_it_looks_at(looking_at: tuple[str, ...]) -> None:
    make.tenant("NZ")
    with make.seen(*looking_at):
        tenants.create(
            actor=authority(), code="KE", name="Kenya", time_zone="Africa/Nairobi", verticals=["health", "community"]
        )
    made = the_tenant("KE")
    with make.seen("KE"):
        run = dict(made.verticals.values_list("vertical_id", "policy"))
    assert (made.name, made.policy, run) == ("Kenya", {}, {"community": {}, "health": {}})
    assert told("tenant.created") == [{"name": "Kenya", "verticals": ["community", "health"]}]


@pytest.mark.parametrize("role", ["root", "operator", "auditor", "tenant_admin"])
def test_nobody_else_takes_a_country_in(role: str) -> None:
    actor = make.actor(role)
    with make.seen(), pytest.raises(PermissionRefused):
        tenants.create(actor=actor, code="KE", name="Kenya")
    with make.seen():
        assert Entry.objects.filter(action="tenant.created", result="denied", tenant_id=None).exists()


def test_the_authority_over_one_country_takes_no_other_in(cast: make.Cast) -> None:
    actor = make.actor("umbrella_authority", "NZ")
    with make.seen(), pytest.raises(PermissionRefused):
        tenants.create(actor=actor, code="KE", name="Kenya")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"code": "n z"}, "code"),
        ({"code": "NZ"}, "code"),
        ({"name": ""}, "name"),
        ({"language": "tlh"}, "language"),
        ({"time_zone": "Middle/Earth"}, "time_zone"),
        ({"verticals": ["astrology"]}, "verticals"),
    ],
)
def test_what_is_wrong_with_a_new_country_is_told_at_its_field(
    cast: make.Cast, wrong: dict[str, Any], field: str
) -> None:
    with make.seen(), pytest.raises(ValidationFailed) as refused:
        tenants.create(actor=authority(), **{"code": "KE", "name": "Kenya", **wrong})
    assert [error["field"] for error in refused.value.errors] == [field]
    with make.seen():
        assert not Tenant.objects.filter(pk="KE").exists()


def test_verticals_are_added_and_one_that_is_run_is_not_taken_away() -> None:
    make.tenant("NZ", ("health",))
    make.vertical("education")
    with make.seen():
        assert tenants.set_verticals(the_tenant(), actor=authority(), verticals=["health", "education"]) == [
            "education"
        ]
    with make.seen(), pytest.raises(ValidationFailed) as refused:
        tenants.set_verticals(the_tenant(), actor=authority(), verticals=["education"])
    assert "freeze it instead" in refused.value.errors[0]["message"]
    assert told("tenant.verticals_set") == [{"added": ["education"]}]


def test_the_administrator_adds_no_vertical(cast: make.Cast) -> None:
    with make.seen("NZ"), pytest.raises(PermissionRefused):
        tenants.set_verticals(the_tenant(), actor=make.actor(cast.admin), verticals=["health"])


# -- rules -------------------------------------------------------------------------------------------------------


@pytest.mark.req("B-4.2-2")
def test_each_sets_its_own_rules(cast: make.Cast) -> None:
    with make.seen("NZ"):
        tenants.set_policy(the_tenant(), actor=make.actor(cast.admin), policy=OMITS_HEALTH)
        tenants.set_policy(ruled(), actor=make.actor(cast.owner), policy={"minCell": 30})
    assert (the_tenant().policy, ruled().policy) == (OMITS_HEALTH, {"minCell": 30})
    assert told("tenant.policy_set")[0]["policy"] == OMITS_HEALTH
    assert told("vertical.policy_set")[0]["before"] == tenants.policy_hash({})


@pytest.mark.req("B-4.2-2")
@pytest.mark.parametrize("who", ["owner", "authority", "operator", "auditor", "partner_user", "root"])
def test_nobody_else_sets_the_tenants_rules(cast: make.Cast, who: str) -> None:
    with make.seen("NZ"), pytest.raises(PermissionRefused):
        tenants.set_policy(the_tenant(), actor=make.actor(getattr(cast, who)), policy={})


@pytest.mark.req("B-4.2-2")
def test_nobody_but_the_owner_sets_the_verticals_rules(cast: make.Cast) -> None:
    people = [cast.admin, cast.authority, cast.owners["education"], make.cast("CA").owner]
    for someone in people:
        with make.seen("NZ"), pytest.raises(PermissionRefused):
            tenants.set_policy(ruled(), actor=make.actor(someone), policy={})


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"clases": {}}, "policy.clases"),
        ({"classes": {"personal": {"fn": "shout"}}}, "policy.classes.personal"),
        ({"minCell": 0}, "policy.minCell"),
        ({"purposes": ["x" * 70_000]}, "policy"),
    ],
)
def test_a_rule_that_cannot_be_read_is_told_with_its_path(cast: make.Cast, policy: Any, field: str) -> None:
    with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
        tenants.set_policy(the_tenant(), actor=make.actor(cast.admin), policy=policy)
    [error] = refused.value.errors
    assert error["field"].startswith(field)
    assert the_tenant().policy == {}


def test_the_verticals_rules_are_read_as_the_verticals(cast: make.Cast) -> None:
    with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
        tenants.set_policy(ruled(), actor=make.actor(cast.owner), policy={"datasets": {"visits": {"permitted": "yes"}}})
    assert refused.value.errors[0]["field"] == "policy.datasets.visits.permitted"


def test_rules_that_were_changed_meanwhile_are_not_overwritten(cast: make.Cast) -> None:
    seen_before = tenants.policy_hash(the_tenant().policy)
    actor = make.actor(cast.admin)
    with make.seen("NZ"):
        tenants.set_policy(the_tenant(), actor=actor, policy={"minCell": 9}, expected_hash=seen_before)
    with make.seen("NZ"), pytest.raises(ContentChanged):
        tenants.set_policy(the_tenant(), actor=actor, policy={"minCell": 7}, expected_hash=seen_before)
    assert the_tenant().policy == {"minCell": 9}


def test_the_same_rules_again_tell_nothing(cast: make.Cast) -> None:
    with make.seen("NZ"):
        tenants.set_policy(the_tenant(), actor=make.actor(cast.admin), policy={})
    assert told("tenant.policy_set") == []


# -- frozen --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["tenant", "vertical"])
def test_the_authority_freezes_and_unfreezes_with_a_reason(cast: make.Cast, what: str) -> None:
    def now() -> Tenant | TenantVertical:
        return the_tenant() if what == "tenant" else ruled()

    with make.seen("NZ"):
        tenants.freeze(now(), actor=authority(), reason=BECAUSE)
    assert (now().frozen_at is not None, now().frozen_reason) == (True, BECAUSE)
    with make.seen("NZ"), pytest.raises(PermissionRefused, match="frozen already"):
        tenants.freeze(now(), actor=authority(), reason=BECAUSE)
    with make.seen("NZ"):
        tenants.unfreeze(now(), actor=authority(), reason="The inquiry has ended.")
        assert Event.objects.filter(type__startswith=f"{what}.").count() == 2
    assert (now().frozen_at, now().frozen_reason) == (None, "")
    assert told(f"{what}.unfrozen") == [{"reason": "The inquiry has ended."}]


@pytest.mark.parametrize("who", ["admin", "owner", "operator", "auditor", "root"])
def test_nobody_else_freezes(cast: make.Cast, who: str) -> None:
    for thing in (the_tenant(), ruled()):
        with make.seen("NZ"), pytest.raises(PermissionRefused):
            tenants.freeze(thing, actor=make.actor(getattr(cast, who)), reason=BECAUSE)


def test_freezing_without_saying_why_is_refused(cast: make.Cast) -> None:
    with make.seen("NZ"), pytest.raises(ValidationFailed):
        tenants.freeze(ruled(), actor=authority(), reason="because")
    assert ruled().frozen_at is None


@pytest.mark.django_db(transaction=True, databases=["default", "audit"])
@pytest.mark.parametrize("what", ["tenant", "vertical_ids"])
def test_nothing_is_activated_in_what_is_frozen(cast: make.Cast, what: str) -> None:
    integration = make.integration("approved", cast=cast)
    with make.seen("NZ"):
        tenants.freeze(the_tenant() if what == "tenant" else ruled(), actor=authority(), reason=BECAUSE)
    with pytest.raises(ValidationFailed) as refused:
        integrations.activate(integration, actor=make.actor(cast.admin))
    assert [error["field"] for error in refused.value.errors] == [what]
