"""No person takes two parts in one approval: in the action, by saving the model, and in SQL (SD-01, SD-02, SD-04)."""

import pytest
from django.db import DatabaseError, transaction

from registry import lifecycle, permissions
from registry.actions import integrations
from registry.models import RoleGrant
from scp_portal.kernel.problems import PermissionRefused, SodViolation
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.req("B-6.2-3")]
BECAUSE = {"reason": "It is what the review has found."}


@pytest.fixture
def cast():
    return make.cast()


def also(who, role, vertical=None):
    """The person is given one more role, so that only the separation of duties stands in the way."""
    make.grant(who, role, None if role == "umbrella_authority" else "NZ", vertical)
    return make.actor(who)


def refused_by_the_database(integration, step, who, **fields):
    """The decision alone is refused by its trigger, whatever Python thinks of it."""
    with make.seen(), pytest.raises(DatabaseError) as caught, transaction.atomic():
        make.decide(integration, step, who, **fields)
    assert caught.value.__cause__.sqlstate == "SCP03"


# -- (a) makers do not review or approve -------------------------------------------------------------------------


def test_the_requester_may_not_review(cast):
    integration = make.integration("requested", cast=cast)
    actor = also(cast.admin, "vertical_owner", "health")
    with make.seen("NZ"), pytest.raises(SodViolation, match="You created it"):
        integrations.accept(integration, actor=actor)
    refused_by_the_database(integration, lifecycle.step("accept", "requested"), cast.admin, vertical="health")


def test_the_requester_may_not_approve(cast):
    integration = make.integration("reviewed", cast=cast)
    actor = also(cast.admin, "umbrella_authority")
    with make.seen("NZ"), pytest.raises(SodViolation):
        integrations.approve(integration, actor=actor)
    refused_by_the_database(integration, lifecycle.step("approve", "reviewed"), cast.admin)


def test_who_submitted_an_earlier_revision_may_not_review_a_later_one(cast):
    other = make.person_user("tenant_admin", "NZ")
    integration = make.integration(cast=cast)
    with make.seen("NZ"):
        integrations.submit(integration, actor=make.actor(other))
        integrations.return_for_changes(integration, actor=make.actor(cast.owner), **BECAUSE)
        integrations.submit(integration, actor=make.actor(cast.admin))
    actor = also(other, "vertical_owner", "health")
    with make.seen("NZ"), pytest.raises(SodViolation, match="You submitted it"):
        integrations.accept(integration, actor=actor)
    refused_by_the_database(integration, lifecycle.step("accept", "requested"), other, vertical="health")


def test_root_may_not_approve_its_own_request_nor_anybodys(cast):
    integration = make.integration("reviewed", cast=cast)
    with make.seen("NZ"), pytest.raises(PermissionRefused):
        integrations.approve(integration, actor=make.actor(cast.root))


# -- (b) reviewers do not approve --------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["approve", "reject", "return_for_changes"])
def test_a_reviewer_may_not_decide_about_the_approval(cast, step):
    integration = make.integration("reviewed", cast=cast)
    actor = also(cast.owner, "umbrella_authority")
    more = {} if step == "approve" else BECAUSE
    if step == "reject":
        more = {**more, "reason_code": "duplicate"}
    with make.seen("NZ"), pytest.raises(SodViolation, match="You reviewed it for Health"):
        getattr(integrations, step)(integration, actor=actor, **more)
    refused_by_the_database(integration, lifecycle.step(step, "reviewed"), cast.owner, role="umbrella_authority")


def test_a_second_account_with_the_same_address_is_the_same_person(cast):
    cast.owner.email = "Kiri@example.org"
    cast.owner.save()
    integration = make.integration("reviewed", cast=cast)
    second = make.user("Kiri again", email="kiri@EXAMPLE.org")
    actor = also(second, "umbrella_authority")
    with make.seen("NZ"), pytest.raises(SodViolation):
        integrations.approve(integration, actor=actor)
    refused_by_the_database(integration, lifecycle.step("approve", "reviewed"), second)


def test_a_role_changed_between_two_steps_does_not_help(cast):
    integration = make.integration("reviewed", cast=cast)
    with make.seen():
        RoleGrant.objects.filter(user=cast.owner).delete()
    actor = also(cast.owner, "umbrella_authority")
    with make.seen("NZ"), pytest.raises(SodViolation):
        integrations.approve(integration, actor=actor)


# -- (c) who stopped it does not start it ------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "step"), [("restricted", "resume"), ("suspended", "resume")])
def test_who_stopped_it_for_a_violation_may_not_resume(cast, status, step):
    integration = make.integration(status, cast=cast)
    actor = also(cast.admin, "umbrella_authority")
    with make.seen("NZ"), pytest.raises(SodViolation, match="someone else must lift"):
        integrations.resume(integration, actor=actor, **BECAUSE)
    refused_by_the_database(integration, lifecycle.step(step, status), cast.admin, role="umbrella_authority")


def test_after_a_violation_only_the_authority_resumes(cast):
    integration = make.integration("restricted", cast=cast)
    other_admin = make.actor("tenant_admin", "NZ")
    with make.seen("NZ"):
        verdict = permissions.may("resume", other_admin, integration)
    assert not verdict.allowed
    assert cast.authority.name in verdict.who_can


# -- (d) two persons at high risk --------------------------------------------------------------------------------


def test_a_high_risk_takes_two_different_persons(cast):
    integration = make.integration("reviewed", cast=cast, risk="high")
    first, second = make.actor(cast.authority), make.actor(cast.second_authority)
    with make.seen("NZ"):
        integrations.approve(integration, actor=first)
        assert integration.status == "reviewed"
        with pytest.raises(SodViolation, match="another person"):
            integrations.approve(integration, actor=first)
        integrations.approve(integration, actor=second)
    assert integration.status == "approved"


def test_the_database_wants_two_persons_at_high_risk_as_well(cast):
    integration = make.integration("reviewed", cast=cast, risk="high")
    with make.seen():
        make.decide(integration, lifecycle.step("approve", "reviewed"), cast.authority)
        integration.move("approve")
        with pytest.raises(DatabaseError) as caught, transaction.atomic():
            integration.save()
    assert caught.value.__cause__.sqlstate == "SCP06"


# -- (f) an owner reviews its own vertical -----------------------------------------------------------------------


@pytest.mark.req("B-6.2-2")
def test_reviewed_is_reached_when_every_vertical_has_accepted(cast):
    integration = make.integration("requested", cast=cast, vertical_ids=["health", "education"])
    health, education = (make.actor(cast.owners[name]) for name in ("health", "education"))
    with make.seen("NZ"):
        integrations.accept(integration, actor=health)
        assert integration.status == "requested"
        with pytest.raises(PermissionRefused, match="Education has still to"):
            integrations.accept(integration, actor=health)
        integrations.accept(integration, actor=education)
    assert integration.status == "reviewed"


@pytest.mark.req("B-6.2-2")
def test_the_database_counts_the_verticals_as_well(cast):
    integration = make.integration("requested", cast=cast, vertical_ids=["health", "education"])
    with make.seen():
        make.decide(integration, lifecycle.step("accept", "requested"), cast.owner, vertical="health")
        integration.move("accept")
        with pytest.raises(DatabaseError) as caught, transaction.atomic():
            integration.save()
    assert caught.value.__cause__.sqlstate == "SCP06"


@pytest.mark.req("B-6.2-2")
@pytest.mark.parametrize("place", [("NZ", "education"), ("CA", "health")])
def test_an_owner_of_another_vertical_or_tenant_may_not_review(cast, place):
    integration = make.integration("requested", cast=cast)
    make.tenant("CA")
    stranger = make.actor("vertical_owner", *place)
    with make.seen("NZ"), pytest.raises(PermissionRefused):
        integrations.accept(integration, actor=stranger)


@pytest.mark.req("B-6.2-2")
def test_a_changed_scope_voids_the_sign_offs(cast):
    integration = make.integration("requested", cast=cast, vertical_ids=["health", "education"])
    health, admin = make.actor(cast.owners["health"]), make.actor(cast.admin)
    with make.seen("NZ"):
        integrations.accept(integration, actor=health)
        integrations.withdraw_request(integration, actor=admin)
        integrations.edit(integration, actor=admin, purpose="Something wider than before.")
        integrations.submit(integration, actor=admin)
        integrations.accept(integration, actor=make.actor(cast.owners["education"]))
    assert integration.status == "requested"


# -- one direct way past it all ----------------------------------------------------------------------------------


def test_saving_the_model_by_hand_does_not_stand_in_for_a_decision(cast):
    integration = make.integration("requested", cast=cast)
    integration.move("accept")
    with make.seen(), pytest.raises(DatabaseError) as caught, transaction.atomic():
        integration.save()
    assert caught.value.__cause__.sqlstate == "SCP06"


def test_the_system_takes_no_persons_step(cast):
    integration = make.integration("reviewed", cast=cast)
    with make.seen(), pytest.raises(DatabaseError) as caught, transaction.atomic():
        make.decide(integration, lifecycle.step("approve", "reviewed"), None)
    assert caught.value.__cause__.sqlstate == "SCP01"


def test_no_one_decides_in_a_role_that_the_step_does_not_have(cast):
    integration = make.integration("reviewed", cast=cast)
    with make.seen(), pytest.raises(DatabaseError) as caught, transaction.atomic():
        make.decide(integration, lifecycle.step("approve", "reviewed"), cast.root, role="root")
    assert caught.value.__cause__.sqlstate == "SCP01"
