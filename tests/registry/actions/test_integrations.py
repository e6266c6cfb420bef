from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Entry, Event
from registry import tasks
from registry.actions import integrations
from registry.actions.integrations.requests import working_days_after
from registry.models import ClientSync, Decision, Integration
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.problems import (
    ArchivedImmutable,
    ContentChanged,
    IllegalTransition,
    NotFound,
    PermissionRefused,
    ValidationFailed,
)
from tests import make

pytestmark = pytest.mark.django_db
BECAUSE = {"reason": "It is what the review has found."}


@pytest.fixture
def cast():
    return make.cast()


def faults(caught):
    return {error["field"] for error in caught.value.errors}


# -- asking ------------------------------------------------------------------------------------------------------


@pytest.mark.req("B-6.2-1")
@pytest.mark.parametrize("who", ["admin", "partner_user"])
def test_the_administrator_and_the_partner_ask_for_an_integration(cast, who):
    actor = make.actor(getattr(cast, who))
    with make.seen("NZ"):
        made = integrations.create(actor=actor, tenant_id="NZ", integration_name="Doses", partner=cast.partner)
        stored = Integration.objects.get(pk=made.pk)
        decision = Decision.objects.get(integration=made)
    assert (stored.status, str(stored.created_by_id)) == ("draft", actor.id)
    assert (decision.step, decision.source, decision.target) == ("create", "", "draft")


@pytest.mark.req("B-6.2-1")
def test_a_partner_asks_for_itself_only(cast):
    another = make.partner("NZ")
    with make.seen("NZ"), pytest.raises(PermissionRefused):
        integrations.create(
            actor=make.actor(cast.partner_user), tenant_id="NZ", integration_name="Doses", partner=another
        )


@pytest.mark.parametrize("actor", [Actor.system("clock"), Actor(ActorKind.MACHINE, "scp-int-1", "a client")])
def test_only_a_person_asks_for_an_integration(cast, actor):
    with make.seen("NZ"), pytest.raises(PermissionRefused):
        integrations.create(actor=actor, tenant_id="NZ", integration_name="Doses", partner=cast.partner)


def test_nobody_asks_in_another_tenant(cast):
    make.tenant("CA")
    partner = make.partner("CA")
    with make.seen(), pytest.raises(PermissionRefused):
        integrations.create(actor=make.actor(cast.admin), tenant_id="CA", integration_name="Doses", partner=partner)


@pytest.mark.parametrize("field", ["status", "content_hash", "revision", "submitted_by", "auth_client_id", "risk"])
def test_what_is_decided_elsewhere_is_not_set_from_outside(cast, field):
    with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
        integrations.create(
            actor=make.actor(cast.admin),
            tenant_id="NZ",
            integration_name="Doses",
            partner=cast.partner,
            **{field: "active"},
        )
    assert faults(refused) == {field}
    assert refused.value.errors[0]["code"] == "unknown_field"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ip_allowlist", ["10.0.0.300"]),
        ("certificate_thumbprint", "zz"),
        ("vertical_ids", ["sport"]),
        ("vertical_ids", ["health", "health"]),
        ("token_lifetime", 86_400),
        ("integration_name", ""),
    ],
)
def test_a_draft_may_be_incomplete_but_not_wrong(cast, field, value):
    integration = make.integration(cast=cast)
    with make.seen("NZ"), pytest.raises(ValidationFailed):
        integrations.edit(integration, actor=make.actor(cast.admin), **{field: value})
    with make.seen("NZ"):
        assert getattr(Integration.objects.get(pk=integration.pk), field) != value


def test_editing_what_somebody_else_changed_meanwhile_is_refused(cast):
    integration = make.integration(cast=cast)
    seen = integration.version
    actor = make.actor(cast.admin)
    with make.seen("NZ"):
        integrations.edit(integration, actor=actor, purpose="A first change.", expected_version=seen)
        with pytest.raises(ContentChanged):
            integrations.edit(integration, actor=actor, purpose="A second one.", expected_version=seen)
    assert integration.purpose == "A first change."


def test_a_blocked_partner_gets_nothing_new(cast):
    integration = make.integration(cast=cast)
    with make.seen("NZ"):
        cast.partner.blocked_at = timezone.now()
        cast.partner.save()
        with pytest.raises(ValidationFailed) as refused:
            integrations.submit(integration, actor=make.actor(cast.admin))
    assert faults(refused) == {"partner"}


# -- submitting --------------------------------------------------------------------------------------------------


@pytest.mark.req("A-2-2", "B-6.4-1")
def test_an_empty_draft_is_told_everything_it_lacks_at_once(cast):
    actor = make.actor(cast.admin)
    with make.seen("NZ"):
        draft = integrations.create(actor=actor, tenant_id="NZ", integration_name="Doses", partner=cast.partner)
        with pytest.raises(ValidationFailed) as refused:
            integrations.submit(draft, actor=actor)
    assert faults(refused) == {
        "vertical_ids", "data_contract", "rate_limit_policy", "purpose", "legal_basis", "legal_basis_reference",
        "retention_days", "transfers", "active_from", "active_until",
    }  # fmt: skip


@pytest.mark.req("A-2-2")
def test_submitting_freezes_the_content_and_dates_the_review(cast):
    integration = make.integration(cast=cast)
    with make.seen("NZ"):
        integrations.submit(integration, actor=make.actor(cast.admin))
        decision = Decision.objects.get(integration=integration, step="submit")
    assert len(integration.content_hash) == 64
    assert decision.content_hash == integration.content_hash
    assert decision.snapshot["purpose"] == integration.purpose
    assert integration.due_at == working_days_after(integration.submitted_at, 3)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"active_until": timezone.now() - timedelta(hours=1)}, "active_until"),
        ({"retention_days": 4000}, "retention_days"),
        ({"vertical_ids": ["health", "education"]}, "vertical_ids"),
    ],
)
def test_a_request_beyond_its_contract_or_time_is_refused(cast, change, field):
    contract = make.contract("NZ", ["health"])
    integration = make.integration(cast=cast, data_contract=contract, **change)
    with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
        integrations.submit(integration, actor=make.actor(cast.admin))
    assert faults(refused) == {field}


@pytest.mark.req("B-4.4-1")
@pytest.mark.parametrize("status", ["draft", "retired"])
def test_only_a_published_contract_will_do(cast, status):
    integration = make.integration(cast=cast, data_contract=make.contract(status=status))
    with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
        integrations.submit(integration, actor=make.actor(cast.admin))
    assert faults(refused) == {"data_contract"}


@pytest.mark.req("B-7.2-2", "B-7.2-3")
def test_high_risk_asks_for_certificate_addresses_and_assessment(cast):
    document = make.contract_document()
    document["customProperties"].append({"property": "scpRisk", "value": {"rating": "high", "mtls": "required"}})
    integration = make.integration(cast=cast, data_contract=make.contract(document=document))
    with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
        integrations.submit(integration, actor=make.actor(cast.admin))
    assert faults(refused) == {"mtls_required", "ip_allowlist", "dpia_link"}


def test_a_weekend_is_no_working_time():
    friday = timezone.now().replace(year=2026, month=11, day=20)
    assert working_days_after(friday, 3).day == 25


# -- deciding ----------------------------------------------------------------------------------------------------


@pytest.mark.req("B-6.1-1", "B-9-1")
def test_the_whole_way_stands_in_decisions_trail_and_outbox(cast):
    integration = make.integration(cast=cast)
    with make.seen("NZ"):
        integrations.submit(integration, actor=make.actor(cast.admin))
        integrations.accept(integration, actor=make.actor(cast.owner), expected_hash=integration.content_hash)
        integrations.approve(integration, actor=make.actor(cast.authority), conditions="Weekdays only.")
        steps = list(Decision.objects.filter(integration=integration).values_list("step", flat=True))
        subject = f"integration:{integration.pk}"
        trail = list(Entry.objects.filter(subject=subject).order_by("entry_id").values_list("action", "result"))
        outbox = list(Event.objects.filter(subject=subject).order_by("occurred_at").values_list("type", flat=True))
    assert (integration.status, integration.conditions) == ("approved", "Weekdays only.")
    assert steps == ["submit", "accept", "approve"]
    told = ["integration.requested", "integration.reviewed", "integration.approved"]
    assert outbox == told
    assert trail == [(action, "success") for action in told]


def test_deciding_on_what_one_did_not_read_is_refused(cast):
    integration = make.integration("reviewed", cast=cast)
    with make.seen("NZ"), pytest.raises(ContentChanged):
        integrations.approve(integration, actor=make.actor(cast.authority), expected_hash="0" * 64)


@pytest.mark.parametrize("reason", ["", "no", "  no good  "])
def test_a_negative_step_says_why(cast, reason):
    integration = make.integration("requested", cast=cast)
    with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
        integrations.return_for_changes(integration, actor=make.actor(cast.owner), reason=reason)
    assert faults(refused) == {"reason"}


def test_a_rejection_names_one_of_its_reasons(cast):
    integration = make.integration("reviewed", cast=cast)
    with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
        integrations.reject(integration, actor=make.actor(cast.authority), reason_code="because", **BECAUSE)
    assert faults(refused) == {"reason_code"}


def test_a_rejected_one_starts_a_new_revision_and_keeps_the_refusal(cast):
    integration = make.integration("rejected", cast=cast)
    with make.seen("NZ"):
        integrations.revise(integration, actor=make.actor(cast.admin))
        assert Decision.objects.filter(integration=integration, step="reject").exists()
    assert (integration.status, integration.revision) == ("draft", 2)


@pytest.mark.req("B-6.2-2")
def test_changing_what_was_approved_voids_the_approval(cast):
    integration = make.integration("approved", cast=cast)
    with make.seen("NZ"):
        integrations.edit(integration, actor=make.actor(cast.admin), purpose="Something wider than before.")
        step = Decision.objects.filter(integration=integration).latest("id")
    assert (integration.status, integration.revision, integration.approved_at) == ("draft", 2, None)
    assert (step.step, step.reason) == ("void_approval", "Changed after approval: purpose.")


def test_a_technical_setting_of_an_approved_one_keeps_the_approval(cast):
    integration = make.integration("approved", cast=cast)
    with make.seen("NZ"):
        integrations.edit(integration, actor=make.actor(cast.admin), ip_allowlist=["8.8.8.8"])
    assert integration.status == "approved"


def test_content_under_review_is_not_edited(cast):
    integration = make.integration("requested", cast=cast)
    with make.seen("NZ"), pytest.raises(PermissionRefused, match="in draft only"):
        integrations.edit(integration, actor=make.actor(cast.admin), purpose="Something wider than before.")


# -- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.req("B-9-1")
def test_a_refused_attempt_is_recorded_and_changes_nothing(cast):
    integration = make.integration("reviewed", cast=cast)
    with make.seen("NZ"):
        with pytest.raises(PermissionRefused) as refused:
            integrations.approve(integration, actor=make.actor(cast.admin))
        entry = Entry.objects.get(kind="denied")
        stored = Integration.objects.get(pk=integration.pk)
    assert (entry.action, entry.result) == ("integration.approve", "denied")
    assert (stored.status, integration.status) == ("reviewed", "reviewed")
    assert cast.authority.name in refused.value.extra["who_can"]


@pytest.mark.req("B-6.2-7")
def test_an_attempt_on_what_is_archived_is_recorded_under_its_own_name(cast):
    integration = make.integration("archived", cast=cast)
    actor = make.actor(cast.admin)
    with make.seen("NZ"):
        for attempt in (
            lambda: integrations.edit(integration, actor=actor, purpose="Something else."),
            lambda: integrations.cancel(integration, actor=actor, **BECAUSE),
        ):
            with pytest.raises(ArchivedImmutable):
                attempt()
        entries = Entry.objects.filter(action="integration.archived_write_refused", result="denied")
        assert entries.count() == 2


@pytest.mark.req("B-4.1-1")
def test_what_is_not_in_sight_does_not_exist(cast):
    integration = make.integration("requested", cast=cast)
    make.tenant("CA")
    with make.seen("CA"), pytest.raises((Integration.DoesNotExist, NotFound)):
        integrations.accept(integration, actor=make.actor(cast.owner))


def test_a_refused_move_leaves_the_object_as_it_was(cast):
    integration = make.integration("active", cast=cast)
    with make.seen("NZ"), pytest.raises(ValidationFailed):
        integrations.suspend(integration, actor=make.actor(cast.admin), reason="", reason_code="")
    assert integration.status == "active"
    with make.seen("NZ"), pytest.raises(IllegalTransition):
        integrations.approve(integration, actor=make.actor(cast.authority))


# -- running -----------------------------------------------------------------------------------------------------


@pytest.mark.req("B-6.2-6")
def test_suspending_notes_at_once_what_the_client_has_to_become(cast):
    integration = make.integration("active", cast=cast)
    with make.seen("NZ"):
        ClientSync.objects.create(
            tenant_id="NZ", integration=integration, client_id=integration.auth_client_id, wanted="enabled"
        )
        integrations.suspend(integration, actor=make.actor(cast.operator), reason_code="security", **BECAUSE)
        sync = ClientSync.objects.get(integration=integration)
    assert (integration.status, str(integration.imposed_by_id)) == ("suspended", str(cast.operator.pk))
    assert sync.wanted == "disabled"
    assert sync.next_attempt_at <= timezone.now()


@pytest.mark.req("B-6.3-1")
def test_a_partner_is_given_notice_before_the_sunset(cast):
    integration = make.integration("active", cast=cast)
    tomorrow = timezone.now() + timedelta(days=1)
    with make.seen("NZ"):
        with pytest.raises(ValidationFailed) as refused:
            integrations.deprecate(integration, actor=make.actor(cast.admin), sunset_at=tomorrow, **BECAUSE)
        integrations.deprecate(integration, actor=make.actor(cast.authority), sunset_at=tomorrow, **BECAUSE)
    assert faults(refused) == {"sunset_at"}
    assert integration.status == "deprecated"


# -- the clock ---------------------------------------------------------------------------------------------------


def as_if(integration, **dates):
    """The clock of the trail is the database's and does not travel, so the dates do."""
    with make.seen():
        for name, value in dates.items():
            setattr(integration, name, value)
        integration.save()


def reloaded(integration):
    with make.seen("NZ"):
        integration.refresh_from_db()
    return integration


@pytest.mark.req("B-6.2-6")
def test_what_is_past_its_end_expires_and_is_renewed_by_owner_and_authority(cast):
    integration = make.integration("active", cast=cast, active_until=timezone.now() - timedelta(seconds=1))
    assert integrations.settle() == 1
    reloaded(integration)
    assert (integration.status, integration.status_reason_code) == ("suspended", "expired")

    renewal = {"active_until": timezone.now() + timedelta(days=400), **BECAUSE}
    with make.seen("NZ"):
        with pytest.raises(PermissionRefused, match="Health has still to confirm"):
            integrations.renew(integration, actor=make.actor(cast.authority), **renewal)
        integrations.confirm_renewal(integration, actor=make.actor(cast.owner))
        integrations.renew(integration, actor=make.actor(cast.authority), **renewal)
    assert (integration.status, integration.active_until) == ("active", renewal["active_until"])


def test_what_expired_is_not_resumed(cast):
    integration = make.integration("active", cast=cast)
    with make.seen("NZ"):
        integrations.expire(integration)
        with pytest.raises(PermissionRefused, match="renewed"):
            integrations.resume(integration, actor=make.actor(cast.authority), **BECAUSE)


def test_an_approval_lapses_after_ninety_days(cast):
    integration = make.integration("approved", cast=cast)
    assert integrations.settle() == 0
    as_if(integration, approved_at=timezone.now() - timedelta(days=91))
    assert integrations.settle() == 1
    assert (reloaded(integration).status, integration.revision) == ("draft", 2)


def test_a_deprecated_one_is_archived_at_its_sunset(cast):
    integration = make.integration("deprecated", cast=cast)
    assert integrations.settle() == 0
    as_if(integration, sunset_at=timezone.now() - timedelta(seconds=1))
    assert integrations.settle() == 1
    assert reloaded(integration).status == "archived"


def test_what_nobody_renews_is_archived_after_ninety_days(cast):
    integration = make.integration("active", cast=cast)
    with make.seen("NZ"):
        integrations.expire(integration)
    assert integrations.settle() == 0
    as_if(integration, status_changed_at=timezone.now() - timedelta(days=91))
    assert integrations.settle() == 1
    assert reloaded(integration).status == "archived"


def test_the_clock_looks_after_every_tenant(cast):
    gone = timezone.now() - timedelta(seconds=1)
    make.integration("active", cast=cast, active_until=gone)
    make.integration("active", cast=make.cast("CA"), active_until=gone)
    assert integrations.settle() == 2


def test_the_clocks_tasks_are_known_by_the_names_in_the_schedule(cast, settings):
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {tasks.reconcile_clients.name, tasks.settle_dated.name} <= scheduled
    gone = make.integration("active", cast=cast, active_until=timezone.now() - timedelta(seconds=1))
    tasks.settle_dated()
    assert reloaded(gone).status == "suspended"
