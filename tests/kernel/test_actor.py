"""What a grant covers."""

import pytest

from scp_portal.kernel.actor import Actor, ActorKind, Grant


def person(*grants: Grant) -> Actor:
    return Actor(ActorKind.PERSON, "p1", "Ana", frozenset(grants))


@pytest.mark.parametrize(
    ("grant", "asked", "held"),
    [
        (Grant("tenant_admin", "NZ"), {"tenant_id": "NZ"}, True),
        (Grant("tenant_admin", "NZ"), {"tenant_id": "CA"}, False),
        (Grant("tenant_admin", "NZ"), {}, True),
        (Grant("tenant_admin", "NZ"), {"tenant_id": None}, False),
        (Grant("auditor"), {"tenant_id": "CA"}, True),
        (Grant("auditor"), {"tenant_id": None}, True),
        (Grant("vertical_owner", "NZ", "health"), {"tenant_id": "NZ", "vertical": "health"}, True),
        (Grant("vertical_owner", "NZ", "health"), {"tenant_id": "NZ", "vertical": "education"}, False),
        (Grant("vertical_owner", "NZ", "health"), {"tenant_id": "CA", "vertical": "health"}, False),
        (Grant("vertical_owner", "NZ", "health"), {"tenant_id": "NZ", "vertical": None}, False),
        (Grant("partner_user", "NZ", partner_id="a"), {"tenant_id": "NZ", "partner_id": "a"}, True),
        (Grant("partner_user", "NZ", partner_id="a"), {"tenant_id": "NZ", "partner_id": "b"}, False),
        (Grant("partner_user", "NZ"), {"tenant_id": "NZ", "partner_id": "a"}, False),
    ],
)
def test_a_grant_covers_what_lies_within_it(grant: Grant, asked: dict[str, str | None], held: bool) -> None:
    assert person(grant).holds(grant.role, **asked) is held
    assert not person(grant).holds("operator", **asked)


def test_scopes_of_two_grants_do_not_add_up() -> None:
    actor = person(Grant("vertical_owner", "NZ", "health"), Grant("vertical_owner", "CA", "education"))
    assert not actor.holds("vertical_owner", tenant_id="NZ", vertical="education")


def test_one_of_several_roles_is_enough() -> None:
    assert person(Grant("auditor", "NZ")).holds_any("root", "auditor", tenant_id="NZ")
    assert not person(Grant("auditor", "NZ")).holds_any("root", "auditor", tenant_id="CA")


@pytest.mark.parametrize(
    ("grants", "tenants"),
    [
        ([], frozenset()),
        ([Grant("member_user")], frozenset()),
        ([Grant("tenant_admin", "NZ"), Grant("auditor", "CA"), Grant("member_user")], frozenset({"NZ", "CA"})),
        ([Grant("umbrella_authority"), Grant("tenant_admin", "NZ")], None),
        ([Grant("partner_user", partner_id="a")], frozenset()),
    ],
)
def test_the_tenants_an_actor_reaches(grants: list[Grant], tenants: frozenset[str] | None) -> None:
    assert person(*grants).tenants == tenants


def test_the_system_reaches_every_tenant_and_holds_no_role() -> None:
    clock = Actor.system("clock")
    assert clock.tenants is None
    assert not clock.holds("root")
    assert (clock.kind, clock.id) == (ActorKind.SYSTEM, "clock")
