"""Several people decide at the same moment, each over a connection of their own: exactly one wins (LC-07)."""

import threading

import pytest
from django.db import close_old_connections, connections

from registry.actions import integrations
from registry.models import Decision, Integration
from scp_portal.kernel.problems import Conflict, IllegalTransition
from tests import make


def at_once(calls):
    """Run all calls from behind one barrier; what each raised, or None."""
    barrier = threading.Barrier(len(calls))
    outcomes = [None] * len(calls)

    def run(number, call):
        try:
            barrier.wait(20)
            call()
        except (Conflict, IllegalTransition) as lost:
            outcomes[number] = lost
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    close_old_connections()
    return outcomes


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("B-6.2-3")
def test_of_eight_who_approve_or_reject_at_once_one_wins():
    cast = make.cast()
    integration = make.integration("reviewed", cast=cast)
    actors = [make.actor("umbrella_authority") for _ in range(8)]

    def decide(number):
        with make.seen("NZ"):
            thing = Integration.objects.get(pk=integration.pk)
            if number % 2:
                integrations.approve(thing, actor=actors[number])
            else:
                reason = {"reason": "It is what the review has found.", "reason_code": "duplicate"}
                integrations.reject(thing, actor=actors[number], **reason)

    outcomes = at_once([lambda number=number: decide(number) for number in range(8)])

    assert outcomes.count(None) == 1
    with make.seen("NZ"):
        decisive = Decision.objects.filter(integration=integration, step__in=["approve", "reject"])
        assert decisive.count() == 1
        assert Integration.objects.get(pk=integration.pk).status == decisive.get().target


@pytest.mark.django_db(transaction=True)
@pytest.mark.req("B-6.2-4")
def test_of_two_who_activate_at_once_one_gets_the_secret(identity_server):
    cast = make.cast()
    integration = make.integration("approved", cast=cast)
    actors = [make.actor(cast.admin), make.actor(cast.operator)]
    shown = []

    def activate(actor):
        with make.seen("NZ"):
            thing = Integration.objects.get(pk=integration.pk)
        shown.append(integrations.activate(thing, actor=actor))

    outcomes = at_once([lambda actor=actor: activate(actor) for actor in actors])

    assert outcomes.count(None) == len(shown) == 1
    assert identity_server.token(shown[0].client_id, shown[0].secret).status_code == 200
    assert len(identity_server.clients(shown[0].client_id)) == 1
