"""Activation against a real identity server over HTTP; outages are an address where nobody listens."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from audit.models import Entry
from registry import identity
from registry.actions import clients, integrations
from registry.models import ClientSync, Integration
from scp_portal.kernel.problems import (
    Conflict,
    IdpUnavailable,
    IllegalTransition,
    SodViolation,
    ValidationFailed,
)
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast():
    return make.cast()


@pytest.fixture
def approved(cast):
    return make.integration("approved", cast=cast)


def sync_of(integration):
    with make.seen():
        return ClientSync.objects.get(integration=integration)


def due_now(integration):
    with make.seen():
        ClientSync.objects.filter(integration=integration).update(next_attempt_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.req("B-6.2-4")
def test_activating_issues_a_client_whose_secret_gets_a_token(identity_server, cast, approved):
    activation = integrations.activate(approved, actor=make.actor(cast.admin), expected_hash=approved.content_hash)

    assert approved.status == "active"
    assert approved.auth_client_id == activation.client_id
    token = identity_server.token(activation.client_id, activation.secret)
    assert token.status_code == 200
    sync = sync_of(approved)
    assert (sync.wanted, sync.observed, sync.last_error) == ("enabled", "enabled", "")


@pytest.mark.req("B-6.2-4")
def test_the_secret_is_stored_nowhere(identity_server, cast, approved):
    activation = integrations.activate(approved, actor=make.actor(cast.admin))
    assert activation.secret not in repr(activation)
    with make.seen():
        rows = [*Integration.objects.values(), *ClientSync.objects.values(), *Entry.objects.values()]
        assert len(rows) > 3
        for row in rows:
            assert activation.secret not in repr(row)


@pytest.mark.req("B-6.2-4", "A-7-1")
def test_an_outage_leaves_it_approved_with_the_reason_and_a_retry(no_identity_server, cast, approved):
    with pytest.raises(IdpUnavailable):
        integrations.activate(approved, actor=make.actor(cast.admin))

    with make.seen():
        stored = Integration.objects.get(pk=approved.pk)
        failures = Entry.objects.filter(action="integration.activate", result="failure")
        assert failures.count() == 1
    assert (stored.status, stored.auth_client_id) == ("approved", "")
    assert "identity server" in sync_of(approved).last_error


def test_a_retry_after_an_outage_makes_one_client(request, no_identity_server, cast, approved):
    actor = make.actor(cast.admin)
    with pytest.raises(IdpUnavailable):
        integrations.activate(approved, actor=actor)

    server = request.getfixturevalue("identity_server")
    activation = integrations.activate(approved, actor=actor)

    assert len(server.clients(activation.client_id)) == 1
    assert server.token(activation.client_id, activation.secret).status_code == 200
    assert sync_of(approved).last_error == ""


def test_a_client_made_before_a_crash_is_taken_over_by_the_next_activation(identity_server, cast, approved):
    """The process died between the call and the result: the client is there, the integration is approved."""
    orphan = identity.issue(identity.ClientSpec.of(approved))

    activation = integrations.activate(approved, actor=make.actor(cast.admin))

    assert activation.client_id == orphan.client_id
    assert len(identity_server.clients(orphan.client_id)) == 1
    assert identity_server.token(orphan.client_id, orphan.secret).status_code == 401
    assert identity_server.token(activation.client_id, activation.secret).status_code == 200


def test_a_client_whose_activation_was_never_finished_is_swept(identity_server, cast, approved):
    spec = identity.ClientSpec.of(approved)
    identity.issue(spec)
    with make.seen():
        ClientSync.objects.create(
            tenant_id="NZ",
            integration=approved,
            client_id=spec.client_id,
            wanted="enabled",
            observed=clients.ISSUING,
            next_attempt_at=timezone.now() - timedelta(seconds=1),
        )

    assert clients.settle() == 1

    assert identity_server.clients(spec.client_id) == []
    assert sync_of(approved).observed == "deleted"


def test_two_who_ask_for_the_secret_at_once_do_not_both_get_one(identity_server, cast, approved):
    clients._intend_activation(approved, make.actor(cast.admin), "", None)

    with pytest.raises(Conflict):
        integrations.activate(approved, actor=make.actor(cast.operator))


def test_when_the_approval_goes_between_call_and_result_the_client_goes_too(
    identity_server, cast, approved, monkeypatch
):
    """The real call is made; somebody edits the approved integration before its answer is written down."""
    actor = make.actor(cast.admin)
    issue = identity.issue

    def issue_while_somebody_edits(spec):
        issued = issue(spec)
        with make.seen("NZ"):
            integrations.edit(Integration.objects.get(pk=approved.pk), actor=actor, purpose="Something else entirely.")
        return issued

    monkeypatch.setattr(identity, "issue", issue_while_somebody_edits)
    with pytest.raises(IllegalTransition):
        integrations.activate(approved, actor=actor)

    assert sync_of(approved).wanted == "deleted"
    clients.settle()
    assert identity_server.clients(f"scp-int-{approved.pk}") == []


def test_it_refuses_to_run_inside_a_transaction(identity_server, cast, approved):
    with transaction.atomic(), pytest.raises(RuntimeError):
        integrations.activate(approved, actor=make.actor(cast.admin))


@pytest.mark.req("B-6.2-3")
def test_who_approved_does_not_activate_and_see_the_secret(identity_server, cast, approved):
    make.grant(cast.authority, "tenant_admin", "NZ")

    with pytest.raises(SodViolation):
        integrations.activate(approved, actor=make.actor(cast.authority))

    assert identity_server.clients(f"scp-int-{approved.pk}") == []


def test_it_does_not_activate_before_its_time(identity_server, cast):
    later = make.integration("approved", cast=cast, active_from=timezone.now() + timedelta(days=1))
    with pytest.raises(ValidationFailed) as refused:
        integrations.activate(later, actor=make.actor(cast.admin))
    assert [error["field"] for error in refused.value.errors] == ["active_from"]


def test_the_approval_of_someone_who_has_left_does_not_carry(identity_server, cast, approved):
    cast.authority.is_active = False
    cast.authority.save()
    with pytest.raises(Conflict):
        integrations.activate(approved, actor=make.actor(cast.admin))


@pytest.mark.req("B-6.2-6")
def test_suspending_disables_the_client_and_resuming_enables_it(identity_server, cast, approved):
    admin, authority = make.actor(cast.admin), make.actor(cast.authority)
    activation = integrations.activate(approved, actor=admin)
    why = {"reason": "An unusual amount of requests.", "reason_code": "maintenance"}

    with make.seen("NZ"):
        integrations.suspend(approved, actor=admin, **why)
    clients.settle()
    assert identity_server.token(activation.client_id, activation.secret).status_code == 401
    assert sync_of(approved).observed == "disabled"

    with make.seen("NZ"):
        integrations.resume(approved, actor=authority, reason="The partner has explained it.")
    clients.settle()
    assert identity_server.token(activation.client_id, activation.secret).status_code == 200


def test_after_a_suspension_for_security_the_old_secret_stays_dead(identity_server, cast, approved):
    admin = make.actor(cast.admin)
    activation = integrations.activate(approved, actor=admin)
    with make.seen("NZ"):
        integrations.suspend(approved, actor=admin, reason="The secret was published.", reason_code="security")
    clients.settle()
    with make.seen("NZ"):
        integrations.resume(approved, actor=make.actor(cast.authority), reason="A new secret is to be asked for.")
    clients.settle()

    assert identity_server.token(activation.client_id, activation.secret).status_code == 401
    renewed = integrations.rotate_secret(approved, actor=admin)
    assert identity_server.token(renewed.client_id, renewed.secret).status_code == 200


def test_during_an_outage_the_wish_waits_with_growing_pauses(no_identity_server, cast):
    active = make.integration("active", cast=cast)
    with make.seen():
        ClientSync.objects.create(
            tenant_id="NZ", integration=active, client_id=active.auth_client_id, wanted="enabled", observed="enabled"
        )
    with make.seen("NZ"):
        integrations.suspend(
            active, actor=make.actor(cast.admin), reason="An unusual amount.", reason_code="maintenance"
        )
    assert active.status == "suspended"

    waits = []
    for _ in range(2):
        assert clients.settle() == 1
        sync = sync_of(active)
        assert sync.last_error
        waits.append(sync.next_attempt_at - timezone.now())
        due_now(active)
    assert waits[1] > waits[0] > timedelta(0)


def test_archiving_deletes_the_client(identity_server, cast, approved):
    activation = integrations.activate(approved, actor=make.actor(cast.admin))
    with make.seen("NZ"):
        integrations.restrict(approved, actor=make.actor(cast.admin), reason="To be ended.", reason_code="other")
        integrations.terminate(approved, actor=make.actor(cast.authority), reason="The agreement has ended.")
    clients.settle()
    assert identity_server.clients(activation.client_id) == []
    assert sync_of(approved).next_attempt_at is None


def test_a_client_enabled_by_hand_is_disabled_again_and_reported(identity_server, cast, approved):
    activation = integrations.activate(approved, actor=make.actor(cast.admin))
    with make.seen("NZ"):
        integrations.suspend(approved, actor=make.actor(cast.admin), reason="Maintenance work.", reason_code="other")
    clients.settle()
    identity.enable(activation.client_id)
    due_now(approved)

    clients.settle()

    assert identity_server.token(activation.client_id, activation.secret).status_code == 401
    with make.seen():
        incident = Entry.objects.get(kind="incident")
    assert incident.action == "integration.client_drift"
