"""Contracts are drafted by the tenant's administrator, and stand for good once published (B-4.4-1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import yaml
from django.db import DatabaseError, transaction

from audit.models import Entry, Event
from registry.actions import contracts
from registry.contracts import ContractInvalid, parse
from registry.models import DataContract
from scp_portal.kernel.actor import Actor, ActorKind, Grant
from scp_portal.kernel.problems import Conflict, PermissionRefused
from tests import make

pytestmark = pytest.mark.django_db


def text(version: str = "1.0.0", tenant: str = "NZ", **changes: object) -> str:
    return yaml.safe_dump({**make.contract_document(tenant, version=version), **changes}, sort_keys=False)


@pytest.fixture
def admin() -> Iterator[Actor]:
    make.tenant("NZ")
    actor = make.actor("tenant_admin", "NZ")
    with make.seen("NZ"):
        yield actor


@pytest.fixture
def draft(admin: Actor) -> DataContract:
    return contracts.create_draft(tenant_id="NZ", document=text(), actor=admin)


def actions_recorded() -> list[str]:
    return list(Entry.objects.filter(tenant_id="NZ").order_by("entry_id").values_list("action", flat=True))


@pytest.mark.req("B-4.4-1")
def test_a_draft_is_published_with_its_hash_its_person_and_its_time(draft: DataContract, admin: Actor) -> None:
    published = contracts.publish(draft, actor=admin)
    stored = DataContract.objects.get(pk=draft.pk)
    assert stored.status == published.status == "published"
    assert stored.ref == "immunisation-follow-up@1.0.0"
    assert stored.parsed == yaml.safe_load(stored.document)
    assert (str(stored.published_by_id), stored.published_at is not None) == (admin.id, True)
    assert len(stored.content_hash) == 64
    assert parse(stored.parsed) == parse(stored.document)


def test_each_step_is_told_to_the_trail_and_publication_to_others(draft: DataContract, admin: Actor) -> None:
    contracts.update_draft(draft, document=text("1.1.0"), actor=admin)
    published = contracts.publish(draft, actor=admin)
    assert actions_recorded() == ["contract.drafted", "contract.draft_changed", "contract.published"]
    event = Event.objects.get(type="contract.published")
    assert event.data == {"ref": "immunisation-follow-up@1.1.0", "content_hash": published.content_hash}


@pytest.mark.req("B-4.4-1")
def test_a_contract_that_does_not_validate_stays_a_draft_and_says_why(admin: Actor) -> None:
    draft = contracts.create_draft(tenant_id="NZ", document=text(slaProperties=[]), actor=admin)
    with pytest.raises(ContractInvalid) as refused:
        contracts.publish(draft, actor=admin)
    [fault] = refused.value.errors
    assert draft.document.splitlines()[fault["line"] - 1].startswith("slaProperties")
    assert "retention" in fault["message"]
    assert DataContract.objects.get().status == "draft"
    assert actions_recorded() == ["contract.drafted"]


def test_a_published_contract_is_changed_by_no_action(draft: DataContract, admin: Actor) -> None:
    contracts.publish(draft, actor=admin)
    with pytest.raises(Conflict):
        contracts.update_draft(draft, document=text(), actor=admin)
    with pytest.raises(Conflict):
        contracts.publish(draft, actor=admin)


@pytest.mark.req("B-4.4-1")
@pytest.mark.parametrize("change", [{"document": "{}"}, {"status": "draft"}, {"content_hash": "0" * 64}, {"name": "x"}])
def test_a_published_contract_is_changed_by_no_statement(
    draft: DataContract, admin: Actor, change: dict[str, str]
) -> None:
    contracts.publish(draft, actor=admin)
    with pytest.raises(DatabaseError, match="never changes"), transaction.atomic():
        DataContract.objects.filter(pk=draft.pk).update(**change)


@pytest.mark.parametrize(
    "role",
    [
        ("auditor", "NZ", None),
        ("vertical_owner", "NZ", "health"),
        ("partner_user", "NZ", None),
        ("member_user", None, None),
        ("tenant_admin", "CA", None),
        ("umbrella_authority", None, None),
        ("root", None, None),
    ],
)
def test_only_the_tenants_administrator_writes_and_publishes(
    draft: DataContract, role: tuple[str, str | None, str | None]
) -> None:
    name, tenant, vertical = role
    actor = Actor(ActorKind.PERSON, "0" * 32, name, frozenset({Grant(name, tenant, vertical)}))
    acts: list[Callable[[], object]] = [
        lambda: contracts.create_draft(tenant_id="NZ", document=text("2.0.0"), actor=actor),
        lambda: contracts.update_draft(draft, document=text("2.0.0"), actor=actor),
        lambda: contracts.publish(draft, actor=actor),
    ]
    for act in acts:
        with pytest.raises(PermissionRefused) as refused:
            act()
        assert refused.value.extra["who_can"] == "a tenant administrator"
    assert not contracts.may_publish(actor, draft)


def test_the_verdicts_say_that_a_published_contract_is_kept(draft: DataContract, admin: Actor) -> None:
    assert contracts.may_update(admin, draft)
    assert contracts.may_publish(admin, draft)
    published = contracts.publish(draft, actor=admin)
    assert "never changes" in contracts.may_update(admin, published).why
    assert "published already" in contracts.may_publish(admin, published).why


def test_a_machine_writes_no_contract_even_with_the_role(admin: Actor) -> None:
    machine = Actor(ActorKind.MACHINE, "m", "m", frozenset({Grant("tenant_admin", "NZ")}))
    with pytest.raises(PermissionRefused):
        contracts.create_draft(tenant_id="NZ", document=text(), actor=machine)


def test_a_version_exists_once_per_tenant(draft: DataContract, admin: Actor) -> None:
    with pytest.raises(Conflict):
        contracts.create_draft(tenant_id="NZ", document=text(), actor=admin)
    second = contracts.create_draft(tenant_id="NZ", document=text("1.0.1"), actor=admin)
    with pytest.raises(Conflict):
        contracts.update_draft(second, document=text(), actor=admin)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("name: [", "not YAML"),
        ("just text", "code of the tenant"),
        (text(version="one"), "semantic version"),
        (text(tenant="CA"), "tenant must be NZ"),
    ],
)
def test_a_draft_at_least_names_itself(admin: Actor, document: str, says: str) -> None:
    with pytest.raises(ContractInvalid) as refused:
        contracts.create_draft(tenant_id="NZ", document=document, actor=admin)
    assert says in refused.value.errors[0]["message"]


def test_a_contract_speaks_of_verticals_that_the_tenant_runs(admin: Actor) -> None:
    document = yaml.safe_dump(make.contract_document("NZ", verticals=["health", "transport"]))
    draft = contracts.create_draft(tenant_id="NZ", document=document, actor=admin)
    with pytest.raises(ContractInvalid) as refused:
        contracts.publish(draft, actor=admin)
    assert "transport" in refused.value.errors[0]["message"]


def test_a_draft_whose_entry_was_renamed_is_not_published(draft: DataContract, admin: Actor) -> None:
    DataContract.objects.filter(pk=draft.pk).update(name="something-else")
    with pytest.raises(Conflict, match="parted"):
        contracts.publish(draft, actor=admin)


def test_the_portal_itself_may_load_contracts(admin: Actor) -> None:
    system = Actor.system("demo")
    draft = contracts.create_draft(tenant_id="NZ", document=text(), actor=system)
    assert contracts.publish(draft, actor=system).published_by_id is None
