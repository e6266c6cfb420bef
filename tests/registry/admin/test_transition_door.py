"""The admin's step pages as a door of the transition matrix: every step forged in every state (LC-02, LC-03)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from registry import lifecycle
from registry.lifecycle import MOVES, NAMES, Status
from registry.models import Integration, Role
from tests import make
from tests.registry.admin.conftest import SignIn
from tests.registry.test_transition_matrix import ROLES, place, variants

TYPED = {
    "reason": "It is what the review has found.",
    "note": "It is what the review has found.",
    "sunset_at": f"{timezone.now() + timedelta(days=60):%Y-%m-%dT%H:%M}",
    "active_until": f"{timezone.now() + timedelta(days=60):%Y-%m-%dT%H:%M}",
}
PERSONAL = [row for row in MOVES if row.roles and row.name != "activate"]
"""Activation is walked in `test_activation_page`: it commits on its way."""


def through_a_page(client: Client, thing: Integration, step: str) -> str | None:
    """The state that a forged post of a step leads to, or None; all is undone afterwards."""
    code = "excessive_data" if step == "reject" else "other"
    seen = {"expected_version": thing.version, "expected_hash": thing.content_hash}
    typed = {**TYPED, **seen, "reason_code": code, "typed_name": thing.integration_name}
    undo = transaction.savepoint()
    try:
        answer = client.post(reverse("admin:registry_integration_step", args=[thing.pk, step]), typed)
        assert answer.status_code in {302, 403, 404, 409, 422}, (step, thing.status, answer.status_code)
        with make.seen():
            return str(Integration.objects.values_list("status", flat=True).get(pk=thing.pk))
    finally:
        transaction.savepoint_rollback(undo)


def reached(client: Client, thing: Integration, steps: Any) -> set[tuple[str, str]]:
    found = {through_a_page(client, thing, step) for step in steps}
    return {(str(thing.status), target) for target in found if target not in (None, str(thing.status))}


@pytest.mark.slow
@pytest.mark.req("B-6.1-1", "B-6.2-3")
@pytest.mark.parametrize("role", ROLES)
def test_through_its_pages_each_role_takes_the_steps_of_the_table(role: str, sign_in: SignIn) -> None:
    cast = make.cast()
    who = make.person_user(role, *place(role), partner=cast.partner if role == "partner_user" else None)
    client = sign_in(who)
    passed = set()
    for status in Status:
        steps = {row.name for row in lifecycle.from_state(status)} - {"activate"}
        for thing in variants(status, cast, role):
            passed |= reached(client, thing, steps)
    assert passed == {(str(row.source), str(row.target)) for row in PERSONAL if role in row.roles}


@pytest.mark.slow
@pytest.mark.req("B-6.1-1")
@pytest.mark.parametrize("status", Status)
def test_no_page_takes_a_step_that_does_not_start_there(status: str, sign_in: SignIn) -> None:
    """Posted by somebody who holds every role, so that only the table stands in the way."""
    cast = make.cast()
    who = make.person_user("tenant_admin", "NZ")
    for role in set(ROLES) - {"tenant_admin"}:
        make.grant(who, role, *place(role), cast.partner if role == Role.PARTNER_USER else None)
    starting = {row.name for row in lifecycle.from_state(status)}
    thing = make.integration(status, cast=cast)
    assert reached(sign_in(who), thing, set(NAMES) - starting - {"activate"}) == set()
