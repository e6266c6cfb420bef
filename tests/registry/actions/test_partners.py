"""Partners: kept by the tenant, blocked at once, let back in by another person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry, Event
from registry.actions import integrations, partners
from registry.models import ClientSync, Integration, Partner
from scp_portal.kernel.actor import Actor, ActorKind, Grant
from scp_portal.kernel.problems import PermissionRefused, SodViolation, ValidationFailed
from tests import make

pytestmark = pytest.mark.django_db
BECAUSE = "They sold what they were given."
CONTACTS: dict[str, Any] = {"security_contact": "security@example.org"}


@pytest.fixture
def cast() -> make.Cast:
    return make.cast()


def create(actor: Actor, name: str = "Ministry of Health", **fields: Any) -> Partner:
    with make.seen("NZ"):
        return partners.create(actor=actor, tenant_id="NZ", name=name, partner_type="government", **fields)


def block(partner: Partner, actor: Actor) -> Partner:
    with make.seen("NZ"):
        return partners.block(partner, actor=actor, reason=BECAUSE)


def stored(partner: Partner) -> Partner:
    with make.seen():
        return Partner.objects.get(pk=partner.pk)


def told(partner: Partner) -> list[tuple[str, str]]:
    with make.seen():
        entries = Entry.objects.filter(subject=f"partner:{partner.pk}").order_by("entry_id")
        return list(entries.values_list("action", "result"))


# -- kept by the tenant --------------------------------------------------------------------------------------------


def test_the_administrator_creates_and_edits_and_the_trail_tells_what_changed(cast: make.Cast) -> None:
    actor = make.actor(cast.admin)
    made = create(actor)
    with make.seen("NZ"):
        partners.edit(made, actor=actor, name="Ministry of Wellbeing", **CONTACTS)
    assert (stored(made).name, stored(made).security_contact) == ("Ministry of Wellbeing", "security@example.org")
    assert told(made) == [("partner.created", "success"), ("partner.edited", "success")]
    with make.seen():
        said = Event.objects.get(type="partner.edited").data
    assert said == {"changed": ["name", "security_contact"], "name": ["Ministry of Health", "Ministry of Wellbeing"]}


def test_an_edit_that_changes_nothing_tells_nothing(cast: make.Cast) -> None:
    actor = make.actor(cast.admin)
    made = create(actor)
    with make.seen("NZ"):
        partners.edit(made, actor=actor, name=made.name)
    assert told(made) == [("partner.created", "success")]


@pytest.mark.parametrize("role", ["umbrella_authority", "operator", "auditor", "root", "vertical_owner"])
def test_nobody_else_keeps_partners_and_the_attempt_is_recorded(cast: make.Cast, role: str) -> None:
    actor = make.actor(cast.of_role(role))
    with pytest.raises(PermissionRefused):
        create(actor)
    with make.seen("NZ"), pytest.raises(PermissionRefused):
        partners.edit(cast.partner, actor=actor, name="Another name")
    assert told(cast.partner) == [("partner.edited", "denied")]


@pytest.mark.req("B-4.1-1")
def test_the_administrator_of_another_tenant_keeps_none_here(cast: make.Cast) -> None:
    with pytest.raises(PermissionRefused):
        create(make.actor(make.cast("CA").admin))


def test_a_machine_keeps_no_partner_even_with_the_role(cast: make.Cast) -> None:
    with pytest.raises(PermissionRefused):
        create(Actor(ActorKind.MACHINE, "m", "m", frozenset({Grant("tenant_admin", "NZ")})))


@pytest.mark.parametrize("name", ["ministry of health", "The Ministry of Health, Ltd.", " Ministry  of Health "])
def test_a_similar_name_is_asked_about(cast: make.Cast, name: str) -> None:
    actor = make.actor(cast.admin)
    create(actor)
    with pytest.raises(ValidationFailed) as refused:
        create(actor, name)
    assert [(error["field"], error["code"]) for error in refused.value.errors] == [("name", "similar")]
    assert create(actor, name, another=True).name == name


def test_the_same_name_is_taken_whatever_is_said(cast: make.Cast) -> None:
    actor = make.actor(cast.admin)
    create(actor)
    with pytest.raises(ValidationFailed):
        create(actor, another=True)


@pytest.mark.parametrize("wrong", [{"name": ""}, {"legal_contact": "nobody"}, {"name": "x" * 201}])
def test_what_is_wrong_is_told_at_its_field(cast: make.Cast, wrong: dict[str, Any]) -> None:
    with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
        partners.edit(cast.partner, actor=make.actor(cast.admin), **wrong)
    assert [error["field"] for error in refused.value.errors] == list(wrong)
    assert stored(cast.partner).name == cast.partner.name


def test_blocking_is_no_edit(cast: make.Cast) -> None:
    with make.seen("NZ"), pytest.raises(TypeError):
        partners.edit(cast.partner, actor=make.actor(cast.admin), blocked_at=None)


# -- blocked and let back in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["admin", "authority"])
def test_the_tenant_or_the_authority_blocks_with_a_reason(cast: make.Cast, who: str) -> None:
    actor = make.actor(getattr(cast, who))
    block(cast.partner, actor)
    now = stored(cast.partner)
    assert (now.blocked_at is not None, now.blocked_reason, str(now.blocked_by_id)) == (True, BECAUSE, actor.id)
    assert told(cast.partner) == [("partner.blocked", "success")]


def test_blocking_without_saying_why_is_refused(cast: make.Cast) -> None:
    with make.seen("NZ"), pytest.raises(ValidationFailed):
        partners.block(cast.partner, actor=make.actor(cast.admin), reason="  because   ")
    assert stored(cast.partner).blocked_at is None


@pytest.mark.parametrize("who", ["owner", "operator", "auditor", "partner_user"])
def test_others_block_nobody(cast: make.Cast, who: str) -> None:
    with make.seen("NZ"), pytest.raises(PermissionRefused):
        partners.block(cast.partner, actor=make.actor(getattr(cast, who)), reason=BECAUSE)
    assert told(cast.partner) == [("partner.blocked", "denied")]


@pytest.mark.req("B-6.2-3")
def test_who_blocked_does_not_unblock(cast: make.Cast) -> None:
    block(cast.partner, make.actor(cast.authority))
    with make.seen("NZ"), pytest.raises(SodViolation):
        partners.unblock(cast.partner, actor=make.actor(cast.authority), reason=BECAUSE)
    with make.seen("NZ"):
        partners.unblock(cast.partner, actor=make.actor(cast.second_authority), reason="They have paid the fine.")
    now = stored(cast.partner)
    assert (now.blocked_at, now.blocked_reason, now.blocked_by_id) == (None, "", None)
    assert [action for action, _ in told(cast.partner)] == ["partner.blocked"] + ["partner.unblocked"] * 2


def test_the_administrator_does_not_unblock(cast: make.Cast) -> None:
    block(cast.partner, make.actor(cast.authority))
    with make.seen("NZ"), pytest.raises(PermissionRefused):
        partners.unblock(cast.partner, actor=make.actor(cast.admin), reason=BECAUSE)


def test_a_partner_is_blocked_once(cast: make.Cast) -> None:
    block(cast.partner, make.actor(cast.admin))
    with pytest.raises(PermissionRefused, match="already"):
        block(cast.partner, make.actor(cast.authority))


def test_the_machine_clients_of_a_blocked_partner_follow(cast: make.Cast) -> None:
    serving, stopped = make.integration("active", cast=cast), make.integration("suspended", cast=cast)
    with make.seen():
        for each in (serving, stopped):
            ClientSync.objects.create(
                tenant_id="NZ", integration=each, client_id=each.auth_client_id,
                wanted="enabled" if each is serving else "disabled",
            )  # fmt: skip
    block(cast.partner, make.actor(cast.admin))
    assert wanted(serving) == "disabled"
    with make.seen("NZ"):
        partners.unblock(cast.partner, actor=make.actor(cast.authority), reason=BECAUSE)
    assert (wanted(serving), wanted(stopped)) == ("enabled", "disabled")


def wanted(integration: Integration) -> str:
    with make.seen():
        return str(ClientSync.objects.get(integration=integration).wanted)


# -- what a blocked partner's integrations may no longer -----------------------------------------------------------

STEPS: dict[str, tuple[str, str, Callable[[Integration, Actor], object]]] = {
    "submit": ("draft", "admin", lambda thing, actor: integrations.submit(thing, actor=actor)),
    "approve": ("reviewed", "authority", lambda thing, actor: integrations.approve(thing, actor=actor)),
    "resume": (
        "suspended",
        "authority",
        lambda thing, actor: integrations.resume(thing, actor=actor, reason=BECAUSE),
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_nothing_of_a_blocked_partner_goes_on(cast: make.Cast, step: str) -> None:
    status, who, act = STEPS[step]
    integration = make.integration(status, cast=cast)
    block(cast.partner, make.actor(cast.second_authority))
    with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
        act(integration, make.actor(getattr(cast, who)))
    assert [error["field"] for error in refused.value.errors] == ["partner"]
    with make.seen():
        assert Integration.objects.get(pk=integration.pk).status == status


def test_an_expired_integration_of_a_blocked_partner_is_not_renewed(cast: make.Cast) -> None:
    integration = make.integration("active", cast=cast)
    with make.seen("NZ"):
        integrations.expire(integration)
        integrations.confirm_renewal(integration, actor=make.actor(cast.owner))
    block(cast.partner, make.actor(cast.admin))
    with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
        integrations.renew(
            integration,
            actor=make.actor(cast.authority),
            reason=BECAUSE,
            active_until=timezone.now() + timedelta(days=30),
        )
    assert [error["field"] for error in refused.value.errors] == ["partner"]


@pytest.mark.django_db(transaction=True, databases=["default", "audit"])
def test_an_integration_of_a_blocked_partner_is_not_activated(cast: make.Cast) -> None:
    integration = make.integration("approved", cast=cast)
    block(cast.partner, make.actor(cast.authority))
    with pytest.raises(ValidationFailed) as refused:
        integrations.activate(integration, actor=make.actor(cast.admin))
    assert [error["field"] for error in refused.value.errors] == ["partner"]
