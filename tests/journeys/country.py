"""New Zealand before anybody has signed in: rules, notices, contracts, what groups mean, and what people said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exchange.community.loading import load
from exchange.models import Record
from registry.models import Partner
from scp_portal.demo import ground, people
from scp_portal.demo.countries import NEW_ZEALAND
from scp_portal.demo.people import Cast
from scp_portal.kernel.actor import Actor
from tests import make

POLIS = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "polis"
CODE = NEW_ZEALAND.code
SERVED = ("accepted", "open")
"""Moderation of the posts that the contract lets out."""


def lay() -> None:
    """Nobody has an account yet: people get theirs, and their roles, by signing in."""
    with make.seen():
        ground.datasets()
        partner = ground.tenant(NEW_ZEALAND)
        officer = make.person_user("tenant_admin", CODE, name="Registry officer")
        cast = Cast(dict.fromkeys((NEW_ZEALAND.admin, *NEW_ZEALAND.owners.values()), officer))
        ground.notices(NEW_ZEALAND, cast)
        ground.contracts_of(NEW_ZEALAND, cast)
        _map_groups(partner)


def _map_groups(partner: Partner) -> None:
    for group, means in people.read()["groups"].items():
        if means.get("tenant", CODE) == CODE:
            people.map_group(group, means, {CODE: partner})


def fill() -> None:
    """The seven real conversations where they are, and CI=true promises them; else the demo's own."""
    if POLIS.is_dir():
        load(POLIS, tenant_id=CODE, actor=Actor.system("load_community"), give_consent=True)
    elif os.environ.get("CI") == "true":
        pytest.fail(f"the seven conversations are not at {POLIS}", pytrace=False)
    else:
        fill_from_seed()


def fill_from_seed() -> None:
    with make.seen():
        ground.supply(NEW_ZEALAND, list(ground.data(NEW_ZEALAND)))


def post_of_someone() -> Record:
    """A post that is served, by somebody."""
    with make.seen():
        return Record.objects.filter(dataset="posts", payload__moderation="accepted").select_related("person")[0]
