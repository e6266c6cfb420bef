"""Every state, every target, every role, every door: what passes is what the table says, and nothing else (LC-02).

Doors: the actions, `save()` with an assigned status, SQL as the application's role without and with decisions. The
admin's step pages are a door of their own and are walked in the admin's tests; the partner API has no such endpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from registry import lifecycle
from registry.actions import integrations
from registry.lifecycle import MOVES, PAIRS, Status
from registry.models import Integration, Role
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.problems import (
    ArchivedImmutable,
    IllegalTransition,
    PermissionRefused,
    Problem,
    SodViolation,
    ValidationFailed,
)
from tests import make

pytestmark = pytest.mark.django_db

WHY = {"reason": "It is what the review has found.", "reason_code": "other"}
BECAUSE = {"reason": "It is what the review has found."}
REFUSALS = (IllegalTransition, ArchivedImmutable, PermissionRefused, SodViolation, ValidationFailed)
ACTIONS: dict[str, dict[str, Any]] = {
    "submit": {},
    "withdraw_request": {},
    "return_for_changes": BECAUSE,
    "accept": {},
    "approve": {},
    "reject": {**WHY, "reason_code": "excessive_data"},
    "revise": {},
    "void_approval": {},
    "activate": {},
    "restrict": WHY,
    "suspend": WHY,
    "resume": BECAUSE,
    "resume_restricted": BECAUSE,
    "deprecate": {**BECAUSE, "sunset_at": timezone.now() + timedelta(days=60)},
    "cancel_deprecation": {},
    "archive": {},
    "terminate": BECAUSE,
    "renew": {**BECAUSE, "active_until": timezone.now() + timedelta(days=60)},
    "cancel": BECAUSE,
    "expire": {},
    "lapse": {},
}
ROLES = [role for role in Role if role != Role.MEMBER_USER]


def variants(status: str, cast: make.Cast, role: str) -> Iterator[Integration]:
    """Integrations in a state, one for each circumstance that some step of it needs."""
    if status == Status.RESTRICTED:
        yield restricted_for_maintenance(cast, role)
    if status == Status.SUSPENDED:
        yield expired_and_confirmed(cast)
    if status == Status.DEPRECATED:
        yield with_a_successor(cast)
    yield make.integration(status, cast=cast)


def restricted_for_maintenance(cast: make.Cast, role: str) -> Integration:
    """By a person of the role that will try to lift it, if that role can restrict at all."""
    thing = make.integration("active", cast=cast)
    row = lifecycle.step("restrict", thing.status)
    imposing = role if role in row.roles else "umbrella_authority"
    imposer = make.person_user(imposing, *place(imposing))
    with make.seen():
        make.decide(thing, row, imposer, role=imposing, reason_code="maintenance")
        thing.move("restrict", imposed_by=imposer, status_reason_code="maintenance")
        thing.save()
    return thing


def expired_and_confirmed(cast: make.Cast) -> Integration:
    thing = make.integration("active", cast=cast)
    with make.seen():
        integrations.expire(thing)
        integrations.confirm_renewal(thing, actor=make.actor(cast.owner))
    return thing


def with_a_successor(cast: make.Cast) -> Integration:
    thing = make.integration("active", cast=cast)
    successor = make.integration("active", cast=cast)
    with make.seen():
        make.decide(thing, lifecycle.step("deprecate", thing.status), cast.admin)
        thing.move("deprecate", successor=successor, sunset_at=timezone.now() + timedelta(days=60))
        thing.save()
    return thing


def place(role: str) -> tuple[str | None, str | None]:
    """The tenant and vertical in which a role is held here."""
    everywhere = {"umbrella_authority", "operator", "root"}
    return (None if role in everywhere else "NZ", "health" if role == "vertical_owner" else None)


def somebody(role: str, cast: make.Cast) -> Actor:
    """A person of the role who has had no part in anything yet, so that only the role decides."""
    partner = cast.partner if role == "partner_user" else None
    return make.actor(make.person_user(role, *place(role), partner=partner))


def outcome(thing: Integration, name: str, who: Actor) -> str | None:
    """The state that an action leads to, or None when it is refused; all is undone afterwards."""
    before = dict(thing.__dict__)
    undo = transaction.savepoint()
    try:
        getattr(integrations, name)(thing, actor=who, **ACTIONS[name])
        return str(thing.status)
    except REFUSALS:
        return None
    finally:
        transaction.savepoint_rollback(undo)
        thing.__dict__.clear()
        thing.__dict__.update(before)


def through_actions(thing: Integration, who: Actor) -> set[str]:
    """Every other state that the person can bring it to."""
    with make.seen():
        reached = {outcome(thing, name, who) for name in ACTIONS if name != "activate"}
    return {state for state in reached if state not in (None, str(thing.status))}


@pytest.mark.req("B-6.1-1", "B-6.2-3")
@pytest.mark.parametrize("role", ROLES)
def test_each_role_moves_what_the_table_lets_it_and_nothing_else(role):
    cast = make.cast()
    who = somebody(role, cast)
    reached = {
        (str(status), target)
        for status in Status
        for thing in variants(status, cast, role)
        for target in through_actions(thing, who)
    }
    expected = {(str(row.source), str(row.target)) for row in MOVES if role in row.roles and row.name != "activate"}
    assert reached == expected


@pytest.mark.parametrize("role", ROLES)
def test_each_role_activates_as_the_table_lets_it(role, identity_server):
    """A door of its own: it talks to the identity server between two transactions and cannot be undone."""
    cast = make.cast()
    who = somebody(role, cast)
    for status in Status:
        thing = make.integration(status, cast=cast)
        if status == Status.APPROVED and role in lifecycle.step("activate", status).roles:
            integrations.activate(thing, actor=who)
            assert thing.status == Status.ACTIVE
        else:
            with pytest.raises(REFUSALS):
                integrations.activate(thing, actor=who)
            assert thing.status == status


@pytest.mark.req("B-6.1-1")
def test_the_portal_itself_moves_what_the_table_lets_it():
    cast = make.cast()
    clock = Actor.system("clock")
    reached = set()
    for status in Status:
        for thing in variants(status, cast, "tenant_admin"):
            if thing.sunset_at:
                with make.seen():
                    thing.sunset_at = timezone.now()
                    thing.save()
            reached |= {(str(status), target) for target in through_actions(thing, clock)}
    assert reached == {(str(row.source), str(row.target)) for row in MOVES if row.by_system}


@pytest.mark.req("B-6.1-1", "B-6.2-7")
@pytest.mark.parametrize("status", Status)
def test_no_assigned_status_is_saved(status):
    thing = make.integration(status)
    with make.seen():
        for target in set(Status) - {status}:
            forged = Integration.objects.get(pk=thing.pk)
            forged.__dict__["status"] = str(target)
            with pytest.raises(Problem), transaction.atomic():
                forged.save()
        assert Integration.objects.get(pk=thing.pk).status == status


def refused_by_a_guard(error: DatabaseError) -> bool:
    return str(error.__cause__.sqlstate).startswith("SCP")  # type: ignore[union-attr]


def in_sql(thing: Integration, target: str) -> bool:
    """Whether a bare UPDATE as the application's role passes, with everything else as the move would leave it."""
    revision = "revision + 1" if target == Status.DRAFT else "revision"
    statement = f"UPDATE registry_integration SET status = %s, revision = {revision} WHERE integration_id = %s"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [target, thing.pk])
            return bool(cursor.rowcount == 1)
    except DatabaseError as error:
        return not refused_by_a_guard(error)


@pytest.mark.req("B-6.1-1", "B-6.2-7")
@pytest.mark.parametrize("status", Status)
def test_no_status_changes_in_sql_without_its_decision(status):
    thing = make.integration(status)
    with make.seen():
        # The builder's own decision stands in this very transaction; only its pair could pass, and it has passed.
        assert [target for target in set(Status) - {status} if in_sql(thing, target)] == []


def decided_and_moved_in_sql(thing: Integration, source: str, target: str, cast: make.Cast) -> bool:
    """As one who forges the decision too: with the right step where there is one, with any other where there is not."""
    rows = [row for row in MOVES if (row.source, row.target) == (source, target)] or [
        lifecycle.Transition(0, "approve", Status(source), Status(target), "", "", "", ("umbrella_authority",))
    ]
    for row in rows:
        who = None if not row.roles else make.person_user(row.roles[0], *place(row.roles[0]))
        try:
            with transaction.atomic():
                forge(thing, row, who)
                if in_sql_with_stamps(thing, row, who):
                    transaction.set_rollback(True)
                    return True
        except DatabaseError as error:
            if not refused_by_a_guard(error):
                raise
    return False


def forge(thing: Integration, row: lifecycle.Transition, who: Any) -> None:
    if who is None:
        make.decide(thing, row, None)
        return
    extra = {"vertical": "health"} if row.name == "accept" else {}
    if row.name == "submit":
        extra["content_hash"] = "f" * 64
    make.decide(thing, row, who, role=row.roles[0], **extra)


def in_sql_with_stamps(thing: Integration, row: lifecycle.Transition, who: Any) -> bool:
    stamps = ["status = %s", "revision = revision + %s"]
    values: list[Any] = [row.target, int(row.target == Status.DRAFT)]
    if row.name == "submit":
        stamps += ["content_hash = %s", "submitted_by_id = %s"]
        values += ["f" * 64, who.pk]
    if row.name == "activate":
        stamps += ["auth_client_id = %s"]
        values += [f"scp-int-{thing.pk}"]
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE registry_integration SET {', '.join(stamps)} WHERE integration_id = %s", [*values, thing.pk]
        )
        return bool(cursor.rowcount == 1)


@pytest.mark.req("B-6.1-1", "B-6.2-7")
@pytest.mark.parametrize("status", Status)
def test_in_sql_with_a_forged_decision_only_moves_of_the_table_pass(status):
    cast = make.cast()
    thing = make.integration(status, cast=cast)
    with make.seen():
        passed = {t for t in set(Status) - {status} if decided_and_moved_in_sql(thing, status, t, cast)}
    assert passed == {target for source, target in PAIRS if source == status}
