"""Rate limits are the tenant's: above nothing, and every change with what it was before."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import Entry
from registry.actions import rate_limits
from registry.models import RateLimitPolicy
from scp_portal.kernel.problems import PermissionRefused, ValidationFailed
from tests import make

pytestmark = pytest.mark.django_db
NUMBERS = {"burst": 5, "per_minute": 60, "per_day": 1000}


@pytest.fixture
def cast() -> make.Cast:
    return make.cast()


def create(who: Any, **values: Any) -> RateLimitPolicy:
    with make.seen("NZ"):
        return rate_limits.create(actor=make.actor(who), tenant_id="NZ", **{"name": "Slow", **NUMBERS, **values})


@pytest.mark.req("B-6.2-4")
def test_an_edit_is_recorded_with_what_was_before(cast: make.Cast) -> None:
    made = create(cast.admin)
    with make.seen("NZ"):
        rate_limits.edit(made, actor=make.actor(cast.admin), per_minute=30, per_day=1000)
        assert RateLimitPolicy.objects.get(pk=made.pk).per_minute == 30
        entries = Entry.objects.filter(subject=f"rate_limit:{made.pk}").order_by("entry_id")
        first, second = (entry.document["data"] for entry in entries)
    assert first == {"name": "Slow", **NUMBERS}
    assert second == {"per_minute": [60, 30]}


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [0, -1, 2**31])
def test_a_limit_is_a_number_above_nothing_that_can_be_kept(cast: make.Cast, name: str, value: int) -> None:
    made = create(cast.admin)
    for act in (
        lambda: create(cast.admin, name="Other", **{name: value}),
        lambda: rate_limits.edit(made, actor=make.actor(cast.admin), **{name: value}),
    ):
        with make.seen("NZ"), pytest.raises(ValidationFailed) as refused:
            act()
        assert [error["field"] for error in refused.value.errors] == [name]


@pytest.mark.parametrize(
    "role", ["partner_user", "vertical_owner", "umbrella_authority", "operator", "auditor", "root"]
)
def test_only_the_tenants_administrator_sets_limits(cast: make.Cast, role: str) -> None:
    made = create(cast.admin)
    with pytest.raises(PermissionRefused):
        create(cast.of_role(role), name="Other")
    with make.seen("NZ"), pytest.raises(PermissionRefused):
        rate_limits.edit(made, actor=make.actor(cast.of_role(role)), per_day=1)
    with make.seen():
        assert RateLimitPolicy.objects.get(pk=made.pk).per_day == 1000
        assert Entry.objects.filter(action="rate_limit.edited", result="denied").count() == 1


@pytest.mark.req("B-4.1-1")
def test_the_administrator_of_another_tenant_sets_none_here(cast: make.Cast) -> None:
    with pytest.raises(PermissionRefused):
        create(make.cast("CA").admin)


def test_a_name_stands_once_in_a_tenant(cast: make.Cast) -> None:
    create(cast.admin)
    with pytest.raises(ValidationFailed):
        create(cast.admin)
