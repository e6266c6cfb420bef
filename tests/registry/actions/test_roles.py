"""What people may do is decided by those who run the platform, and by nobody for themselves (A-5.3-1)."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import Entry
from registry.actions import roles
from registry.models import RoleGrant, RoleMapping, User
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.problems import Conflict, PermissionRefused, SodViolation, ValidationFailed
from tests import make

pytestmark = pytest.mark.django_db
ADMIN_HERE = {"role": "tenant_admin", "tenant_id": "NZ"}


@pytest.fixture
def cast() -> make.Cast:
    return make.cast()


def give(actor: Actor, user: User, **what: Any) -> RoleGrant:
    with make.seen():
        return roles.give(actor=actor, user=user, **{**ADMIN_HERE, **what})


def held_by(user: User) -> list[tuple[str, str | None, str]]:
    with make.seen():
        return list(RoleGrant.objects.filter(user=user).values_list("role", "tenant_id", "source"))


def told(action: str, result: str = "success") -> list[dict[str, Any]]:
    with make.seen():
        return [each.document for each in Entry.objects.filter(action=action, result=result).order_by("entry_id")]


# -- roles given here ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["operator", "authority"])
def test_a_role_is_given_and_taken_and_the_trail_tells_of_both(cast: make.Cast, who: str) -> None:
    actor, someone = make.actor(getattr(cast, who)), make.user()
    grant = give(actor, someone)
    assert held_by(someone) == [("tenant_admin", "NZ", "portal")]
    assert str(grant.granted_by_id) == actor.id
    with make.seen():
        roles.take(grant, actor=actor)
    assert held_by(someone) == []
    assert [told(action)[0]["subject"] for action in ("role.given", "role.taken")] == [f"user:{someone.pk}"] * 2
    assert told("role.taken")[0]["data"]["role"] == "tenant_admin"


@pytest.mark.req("B-6.2-3")
@pytest.mark.parametrize("role", ["root", "umbrella_authority"])
def test_an_operator_makes_nobody_root_or_umbrella_authority(cast: make.Cast, role: str) -> None:
    """Neither directly nor by what a group means; the umbrella authority may."""
    with pytest.raises(PermissionRefused):
        give(make.actor(cast.operator), make.user(), role=role, tenant_id=None)
    with make.seen(), pytest.raises(PermissionRefused):
        roles.create_mapping(actor=make.actor(cast.operator), group="scp-new", role=role)
    assert give(make.actor(cast.authority), make.user(), role=role, tenant_id=None).role == role


@pytest.mark.req("B-6.2-3")
def test_nobody_gives_a_role_to_themselves_or_to_their_other_account(cast: make.Cast) -> None:
    actor = make.actor(cast.operator)
    User.objects.filter(pk=cast.operator.pk).update(email="same@example.org")
    for me in (cast.operator, make.user(email="Same@example.org")):
        with make.seen(), pytest.raises(SodViolation):
            roles.give(actor=actor, user=me, **ADMIN_HERE)
    assert [entry["result"]["code"] for entry in told("role.given", "denied")] == ["sod_violation"] * 2


def test_nobody_takes_their_own_role(cast: make.Cast) -> None:
    grant = give(make.actor(cast.authority), cast.operator)
    with make.seen(), pytest.raises(SodViolation):
        roles.take(grant, actor=make.actor(cast.operator))
    assert ("tenant_admin", "NZ", "portal") in held_by(cast.operator)


@pytest.mark.parametrize("who", ["admin", "owner", "auditor", "root", "partner_user"])
def test_nobody_else_gives_or_takes(cast: make.Cast, who: str) -> None:
    actor, someone = make.actor(getattr(cast, who)), make.user()
    grant = give(make.actor(cast.operator), someone)
    with make.seen(), pytest.raises(PermissionRefused):
        roles.give(actor=actor, user=someone, role="auditor", tenant_id="NZ")
    with make.seen(), pytest.raises(PermissionRefused):
        roles.take(grant, actor=actor)
    assert held_by(someone) == [("tenant_admin", "NZ", "portal")]


def test_what_reaches_one_country_gives_nothing_for_another_or_for_all(cast: make.Cast) -> None:
    make.tenant("CA")
    actor, someone = make.actor("umbrella_authority", "NZ"), make.user()
    wishes: list[dict[str, Any]] = [{"tenant_id": "CA"}, {"role": "auditor", "tenant_id": None}]
    for wider in wishes:
        with make.seen(), pytest.raises(PermissionRefused):
            roles.give(actor=actor, user=someone, **{**ADMIN_HERE, **wider})
    with make.seen("NZ"):
        roles.give(actor=actor, user=someone, **ADMIN_HERE)
    assert held_by(someone) == [("tenant_admin", "NZ", "portal")]


def test_a_role_for_all_countries_is_given_while_looking_at_one(cast: make.Cast) -> None:
    actor, someone = make.actor(cast.operator), make.user()
    with make.seen("NZ"):
        grant = roles.give(actor=actor, user=someone, role="auditor")
    assert held_by(someone) == [("auditor", None, "portal")]
    with make.seen("NZ"):
        roles.take(grant, actor=actor)
    assert held_by(someone) == []


def test_a_role_from_the_identity_provider_is_not_taken_here(cast: make.Cast) -> None:
    with make.seen():
        grant = RoleGrant.objects.get(user=cast.auditor)
        with pytest.raises(PermissionRefused, match="identity provider"):
            roles.take(grant, actor=make.actor(cast.operator))


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"tenant_id": None}, "tenant"),
        ({"role": "root"}, "tenant"),
        ({"role": "vertical_owner"}, "vertical"),
        ({"role": "vertical_owner", "vertical_id": "astrology"}, "vertical"),
        ({"vertical_id": "health"}, "vertical"),
        ({"role": "partner_user"}, "partner"),
        ({"role": "emperor"}, "role"),
    ],
)
def test_a_role_is_held_where_it_makes_sense(cast: make.Cast, what: dict[str, Any], field: str) -> None:
    with make.seen(), pytest.raises(ValidationFailed) as refused:
        roles.give(actor=make.actor(cast.authority), user=make.user(), **{**ADMIN_HERE, **what})
    assert {error["field"] for error in refused.value.errors} == {field}


def test_a_partner_user_belongs_to_a_partner_of_the_country(cast: make.Cast) -> None:
    elsewhere = make.cast("CA").partner
    with make.seen(), pytest.raises(ValidationFailed):
        roles.give(
            actor=make.actor(cast.operator),
            user=make.user(),
            role="partner_user",
            tenant_id="NZ",
            partner_id=elsewhere.pk,
        )


def test_a_role_is_given_once_and_to_nobody_whose_account_is_closed(cast: make.Cast) -> None:
    actor, someone = make.actor(cast.operator), make.user()
    give(actor, someone)
    with make.seen(), pytest.raises((Conflict, ValidationFailed)):
        roles.give(actor=actor, user=someone, **ADMIN_HERE)
    with make.seen(), pytest.raises(ValidationFailed):
        roles.give(actor=actor, user=make.user(is_active=False), **ADMIN_HERE)


# -- what a group means --------------------------------------------------------------------------------------------


@pytest.mark.req("A-5.3-1")
def test_a_group_gets_its_meaning_changes_it_and_loses_it(cast: make.Cast) -> None:
    actor = make.actor(cast.operator)
    with make.seen():
        made = roles.create_mapping(actor=actor, group="nz-data", **ADMIN_HERE)
        roles.edit_mapping(
            made, actor=actor, group="nz-data", role="vertical_owner", tenant_id="NZ", vertical_id="health"
        )
        stored = RoleMapping.objects.get(group="nz-data")
        assert (stored.role, stored.tenant_id, stored.vertical_id) == ("vertical_owner", "NZ", "health")
        roles.remove_mapping(stored, actor=actor)
        assert not RoleMapping.objects.filter(group="nz-data").exists()
    assert told("role_mapping.edited")[0]["data"] == {
        "role": ["tenant_admin", "vertical_owner"],
        "vertical_id": ["", "health"],
    }
    assert told("role_mapping.removed")[0]["data"]["group"] == "nz-data"


@pytest.mark.req("A-5.3-1")
@pytest.mark.parametrize("who", ["admin", "owner", "auditor", "root", "partner_user"])
def test_nobody_else_says_what_a_group_means(cast: make.Cast, who: str) -> None:
    actor = make.actor(getattr(cast, who))
    with make.seen():
        made = roles.create_mapping(actor=make.actor(cast.operator), group="nz-data", **ADMIN_HERE)
    for act in (
        lambda: roles.create_mapping(actor=actor, group="mine", **ADMIN_HERE),
        lambda: roles.edit_mapping(made, actor=actor, group="mine", **ADMIN_HERE),
        lambda: roles.remove_mapping(made, actor=actor),
    ):
        with make.seen(), pytest.raises(PermissionRefused):
            act()
    with make.seen():
        assert RoleMapping.objects.get(pk=made.pk).group == "nz-data"


def test_a_mapping_is_not_widened_by_who_reaches_one_country(cast: make.Cast) -> None:
    actor = make.actor("umbrella_authority", "NZ")
    with make.seen():
        made = roles.create_mapping(actor=actor, group="nz-data", role="auditor", tenant_id="NZ")
        with pytest.raises(PermissionRefused):
            roles.edit_mapping(made, actor=actor, group="nz-data", role="auditor")
        assert RoleMapping.objects.get(pk=made.pk).tenant_id == "NZ"


def test_a_group_has_one_meaning(cast: make.Cast) -> None:
    with make.seen():
        roles.create_mapping(actor=make.actor(cast.operator), group="nz-data", **ADMIN_HERE)
    with make.seen(), pytest.raises(ValidationFailed):
        roles.create_mapping(actor=make.actor(cast.operator), group="nz-data", role="auditor")
