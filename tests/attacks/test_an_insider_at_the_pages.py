"""Somebody with a role in one country, or in all, reaches for what the role does not open."""

from __future__ import annotations

import pytest
from django.test import Client

from audit import actions as audit
from registry.models import RoleMapping, User
from scp_portal.kernel.actor import Actor
from tests import make

NUL = "%00"


def signed_in(user: User) -> Client:
    client = Client(headers={"accept-language": "en"}, raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture
def stranger(db: None) -> User:
    """Administers Canada, and is a mere member in New Zealand."""
    make.cast("NZ")
    user = make.cast("CA").admin
    make.grant(user, "member_user", "NZ")
    return user


@pytest.mark.req("B-4.1-1")
def test_a_member_elsewhere_reads_no_trail_there(stranger: User) -> None:
    with make.seen():
        for tenant in ("NZ", "CA"):
            audit.record(
                f"said.in_{tenant.lower()}", actor=Actor.system("t"), result=audit.Result.SUCCESS, tenant_id=tenant
            )
    told = signed_in(stranger).get("/admin/audit/entry/").content.decode()
    assert "said.in_ca" in told
    assert "said.in_nz" not in told
    narrowed = signed_in(stranger).get("/admin/audit/entry/?by_tenant_id=NZ").content.decode()
    assert "said.in_nz" not in narrowed


@pytest.mark.req("B-4.1-1")
@pytest.mark.parametrize("listed", ["partner", "datacontract", "ratelimitpolicy", "rolegrant", "rolemapping"])
def test_a_member_elsewhere_sees_none_of_its_lists(stranger: User, listed: str) -> None:
    with make.seen():
        RoleMapping.objects.create(group="nz-people", role="auditor", tenant_id="NZ")
    partner = make.partner("NZ", "A company in Wellington")
    limit = make.rate_limit_policy("NZ")
    contract = make.contract("NZ")
    there = make.person_user("auditor", "NZ", name="Someone of Wellington")
    told = signed_in(stranger).get(f"/admin/registry/{listed}/").content.decode()
    unseen = (partner.name, limit.name, contract.name, there.name, "nz-people")
    assert not [name for name in unseen if name in told]


@pytest.mark.req("B-4.3-2")
def test_a_member_elsewhere_looks_up_nobody_there(stranger: User) -> None:
    make.person("NZ", "P-1")
    answer = signed_in(stranger).post(
        "/admin/registry/person/", {"tenant": "NZ", "reference": "P-1", "reason": "curiosity"}
    )
    assert answer.status_code == 422


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        f"registry/integration/?q={NUL}",
        f"registry/integration/?status__exact={NUL}",
        f"registry/integration/download/csv/?q={NUL}",
        f"registry/tenant/{NUL}/change/",
        f"exchange/dataset/{NUL}/change/",
        f"audit/entry/?by_action={NUL}",
        f"audit/entry/?{NUL}=1",
    ],
)
def test_an_address_with_a_nul_in_it_names_nothing(address: str) -> None:
    assert signed_in(make.person_user("umbrella_authority")).get(f"/admin/{address}").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["NZ,CA", "*", "\0", "x" * 500, "; drop"], ids=["two", "all", "nul", "long", "sql"])
def test_a_chosen_scope_is_one_tenant_and_never_locks_its_chooser_out(code: str) -> None:
    client = signed_in(make.person_user("umbrella_authority"))
    assert client.post("/admin/scope/", {"tenant": code}).status_code == 403
    assert client.get("/admin/").status_code == 200
