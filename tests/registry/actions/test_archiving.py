"""Row 19: a deprecated integration goes early only when nobody needs it any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from audit import actions as audit
from registry import permissions
from registry.actions import integrations
from registry.models import Integration
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.problems import PermissionRefused
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.req("B-6.2-7")]


@pytest.fixture
def cast() -> make.Cast:
    return make.cast()


def deprecated(cast: make.Cast, successor: str | None = "active", **fields: object) -> Integration:
    thing = make.integration("deprecated", cast=cast)
    with make.seen():
        heir = make.integration(successor, cast=cast) if successor else None
        Integration.objects.filter(pk=thing.pk).update(successor=heir, **fields)
        return Integration.objects.select_related("successor").get(pk=thing.pk)


def called(thing: Integration, result: audit.Result = audit.Result.SUCCESS) -> None:
    """As the gateway leaves it, for a request that it serves or refuses."""
    client = Actor(ActorKind.MACHINE, str(thing.pk), thing.auth_client_id)
    kind = audit.Kind.REQUEST if result == audit.Result.SUCCESS else audit.Kind.DENIED
    with make.seen():
        audit.record(
            "records.read", actor=client, result=result, kind=kind, tenant_id="NZ", subject=f"integration:{thing.pk}"
        )


def archive(thing: Integration, cast: make.Cast) -> None:
    with make.seen("NZ"):
        integrations.archive(thing, actor=make.actor(cast.admin))


def status(thing: Integration) -> str:
    with make.seen():
        return str(Integration.objects.get(pk=thing.pk).status)


def test_with_an_active_successor_and_no_call_for_a_week_it_is_archived(cast: make.Cast) -> None:
    thing = deprecated(cast)
    archive(thing, cast)
    assert status(thing) == "archived"


@pytest.mark.parametrize("result", [audit.Result.SUCCESS, audit.Result.DENIED])
def test_one_that_is_still_called_stays_and_the_verdict_says_since_when(cast: make.Cast, result: audit.Result) -> None:
    thing = deprecated(cast)
    called(thing, result)
    with make.seen("NZ"):
        verdict = permissions.may("archive", make.actor(cast.admin), thing)
    assert "no call may have come for 7 days" in verdict.why
    assert f"{datetime.now(UTC):%Y-%m-%d}" in verdict.why
    with pytest.raises(PermissionRefused):
        archive(thing, cast)
    assert status(thing) == "deprecated"


def test_a_call_of_another_integration_or_a_person_is_no_call(cast: make.Cast) -> None:
    thing = deprecated(cast)
    assert thing.successor is not None
    called(thing.successor)
    with make.seen():
        actor = make.actor(cast.auditor)
        audit.record(
            "preview.seen", actor=actor, result=audit.Result.SUCCESS, tenant_id="NZ", subject=f"integration:{thing.pk}"
        )
    archive(thing, cast)
    assert status(thing) == "archived"


@pytest.mark.parametrize("successor", [None, "approved", "suspended"])
def test_without_a_successor_that_serves_it_stays(cast: make.Cast, successor: str | None) -> None:
    thing = deprecated(cast, successor)
    with pytest.raises(PermissionRefused, match="successor has to be active"):
        archive(thing, cast)
    assert status(thing) == "deprecated"


def test_after_its_sunset_the_administrator_need_not_wait_for_the_clock(cast: make.Cast) -> None:
    thing = deprecated(cast, None, sunset_at=timezone.now() - timedelta(seconds=1))
    called(thing)
    archive(thing, cast)
    assert status(thing) == "archived"


def test_a_call_of_eight_days_ago_is_forgotten(cast: make.Cast) -> None:
    thing = deprecated(cast)
    called(thing)
    actor = make.actor(cast.admin)
    with make.seen("NZ"):
        for days, allowed in ((6, False), (8, True)):
            with time_machine.travel(timezone.now() + timedelta(days=days)):
                assert permissions.may("archive", actor, thing).allowed is allowed
