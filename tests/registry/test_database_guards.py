"""What the database itself refuses, whoever asks: as the application's role, and as the owner of the tables."""

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from registry import lifecycle, refusals
from registry.models import ConsentState, Decision, Integration, Partner, RoleGrant
from scp_portal.kernel.problems import ArchivedImmutable, Conflict, ContentChanged, IllegalTransition
from scp_portal.kernel.tenancy import tenant_context
from tests import make

KEPT = ("registry_decision", "registry_consentevent", "registry_consentnotice")
WITHOUT_TENANT = {"registry_vertical", "registry_user"}


def run(statement, *values, using="default"):
    """The number of rows; the statement runs in a savepoint of its own."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def refused(statement, *values, using="default"):
    """The SQLSTATE with which a statement is refused."""
    with pytest.raises(DatabaseError) as caught:
        run(statement, *values, using=using)
    return caught.value.__cause__.sqlstate


# -- what is archived --------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.req("B-6.2-7")
def test_an_archived_row_refuses_every_change():
    archived = make.integration("archived")
    with make.seen():
        for change in ("ip_allowlist = '{}'", "integration_name = 'x'", "status = 'draft'", "version = version + 1"):
            statement = f"UPDATE registry_integration SET {change} WHERE integration_id = %s"
            assert refused(statement, archived.pk) == "SCP02"


@pytest.mark.django_db
@pytest.mark.req("B-6.2-7")
def test_saving_an_archived_object_is_a_problem_of_its_own():
    archived = make.integration("archived")
    archived.purpose = "Something else."
    with make.seen(), pytest.raises(ArchivedImmutable), refusals.translated(), transaction.atomic():
        archived.save()


@pytest.mark.django_db
@pytest.mark.req("B-6.2-7")
def test_nothing_is_decided_any_more_about_what_is_archived():
    cast = make.cast()
    archived = make.integration("archived", cast=cast)
    with make.seen(), pytest.raises(DatabaseError) as caught, transaction.atomic():
        make.decide(archived, lifecycle.step("cancel", "draft"), cast.admin)
    assert caught.value.__cause__.sqlstate == "SCP02"


@pytest.mark.django_db(transaction=True, databases=["default", "audit", "owner"])
@pytest.mark.req("B-6.2-7")
def test_the_owner_of_the_tables_changes_nothing_that_is_kept_either():
    cast = make.cast()
    archived = make.integration("archived", cast=cast)
    make.consent(make.person())
    make.notice()
    with make.seen(using="owner"):
        one = "WHERE integration_id = %s"
        assert refused(f"UPDATE registry_integration SET purpose = '' {one}", archived.pk, using="owner") == "SCP02"
        assert refused(f"DELETE FROM registry_integration {one}", archived.pk, using="owner") == "SCP02"
        for table in KEPT:
            assert refused(f"DELETE FROM {table}", using="owner") == "SCP05"
            assert refused(f"TRUNCATE {table} CASCADE", using="owner") == "SCP05"
        assert refused("UPDATE registry_decision SET reason = ''", using="owner") == "SCP05"
        assert refused("TRUNCATE registry_integration CASCADE", using="owner") == "SCP05"


# -- what the application's role has no right to -----------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize("statement", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_application_only_adds_to_what_is_kept(table, statement):
    with make.seen():
        assert refused(statement.format(table)) == "42501"


@pytest.mark.django_db
def test_the_application_deletes_and_empties_no_table_of_the_registry():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
            " WHERE grantee = 'scp_app' AND table_name LIKE 'registry%%'"
            " AND privilege_type IN ('DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES') ORDER BY 1"
        )
        assert cursor.fetchall() == [("registry_rolegrant", "DELETE"), ("registry_rolemapping", "DELETE")]


@pytest.mark.django_db
@pytest.mark.req("B-4.1-1")
def test_every_table_that_names_a_tenant_is_behind_forced_row_level_security():
    tables = {model._meta.db_table for model in apps.get_app_config("registry").get_models()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, relrowsecurity AND relforcerowsecurity AND EXISTS ("
            "  SELECT FROM pg_policy WHERE polrelid = pg_class.oid) FROM pg_class WHERE relname = ANY (%s)",
            [sorted(tables)],
        )
        guarded = dict(cursor.fetchall())
    assert {table for table, held in guarded.items() if not held} == WITHOUT_TENANT


# -- tenants -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.req("B-4.1-1")
def test_another_tenants_rows_are_not_there():
    make.integration("requested", code="NZ")
    make.integration("requested", code="CA")
    make.consent(make.person("CA"))
    with make.seen("NZ"):
        for model in apps.get_app_config("registry").get_models():
            fields = {field.name for field in model._meta.fields}
            if "tenant" in fields and model is not RoleGrant and model._meta.db_table not in WITHOUT_TENANT:
                assert set(model.objects.values_list("tenant_id", flat=True)) <= {"NZ"}, model
    with transaction.atomic(), tenant_context():
        assert not Integration.objects.exists()
        assert not ConsentState.objects.exists()


@pytest.mark.django_db
@pytest.mark.req("B-4.1-1")
def test_no_row_is_written_for_another_tenant():
    make.tenant("CA")
    make.tenant("NZ")
    with make.seen("NZ"), pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        Partner.objects.create(tenant_id="CA", name="Foreign", partner_type="ngo")


@pytest.mark.django_db
@pytest.mark.req("B-4.1-1")
@pytest.mark.parametrize("what", ["partner", "data_contract", "rate_limit_policy"])
def test_no_integration_points_into_another_tenant(what):
    make.tenant("CA")
    foreign = {
        "partner": make.partner,
        "data_contract": make.contract,
        "rate_limit_policy": make.rate_limit_policy,
    }[what]("CA")
    integration = make.integration()
    with make.seen():
        column = f"UPDATE registry_integration SET {what}_id = %s WHERE integration_id = %s"
        assert refused(column, foreign.pk, integration.pk) == "23503"


@pytest.mark.django_db
@pytest.mark.req("B-4.1-1")
def test_no_consent_is_recorded_for_another_tenants_person():
    person = make.person("CA") if make.tenant("CA") else None
    make.tenant("NZ")
    person.tenant_id = "NZ"
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        make.consent(person)
    assert caught.value.__cause__.sqlstate == "23503"


@pytest.mark.django_db
def test_ones_own_grants_are_seen_before_the_tenants_are_known():
    cast = make.cast()
    with transaction.atomic(), tenant_context(person_id=str(cast.admin.pk)):
        assert [grant.role for grant in RoleGrant.objects.all()] == ["tenant_admin"]


@pytest.mark.django_db
def test_nobody_adds_to_their_own_grants_with_their_own_name_alone():
    cast = make.cast()
    own = tenant_context(person_id=str(cast.admin.pk))
    with transaction.atomic(), own, pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        RoleGrant.objects.create(user=cast.admin, role="umbrella_authority")


# -- what was submitted ------------------------------------------------------------------------------------------

FROZEN = {
    "integration_name": "'Another'",
    "vertical_ids": "'{health,education}'",
    "active_from": "now()",
    "active_until": "now()",
    "data_contract_id": "NULL",
    "purpose": "'Another'",
    "legal_basis": "'Another'",
    "legal_basis_reference": "'Another'",
    "retention_days": "3650",
    "transfers": "'Everywhere'",
    "dpia_link": "'https://x.example'",
    "mtls_required": "NOT mtls_required",
    "risk": "'low'",
    "content_hash": "repeat('0', 64)",
    "submitted_by_id": "NULL",
    "revision": "revision + 1",
    "auth_client_id": "'scp-int-x'",
    "created_at": "now()",
    "created_by_id": "submitted_by_id",
}


@pytest.mark.django_db
@pytest.mark.req("B-6.2-2")
@pytest.mark.parametrize("status", ["requested", "reviewed", "approved", "active", "suspended"])
def test_what_was_reviewed_does_not_change_in_sql(status):
    cast = make.cast()
    integration = make.integration(status, cast=cast)
    with make.seen():
        for column, value in FROZEN.items():
            if column == "created_by_id":
                value = f"'{cast.owner.pk}'"
            statement = f"UPDATE registry_integration SET {column} = {value} WHERE integration_id = %s"
            assert refused(statement, integration.pk) in {"SCP04", "23514"}, column


@pytest.mark.django_db
def test_technical_settings_change_later():
    integration = make.integration("active")
    with make.seen():
        changed = "ip_allowlist = '{8.8.8.8}', certificate_thumbprint = repeat('a', 64), token_lifetime = 120"
        assert run(f"UPDATE registry_integration SET {changed} WHERE integration_id = %s", integration.pk) == 1


@pytest.mark.django_db
def test_a_frozen_change_by_save_is_a_problem():
    integration = make.integration("active")
    integration.purpose = "Something else."
    with make.seen(), pytest.raises(ContentChanged), refusals.translated(), transaction.atomic():
        integration.save()


@pytest.mark.django_db(transaction=True)
def test_a_decision_of_another_transaction_stands_for_nothing():
    cast = make.cast()
    requested = make.integration("requested", cast=cast)
    row = lifecycle.step("withdraw_request", "requested")
    with make.seen():
        make.decide(requested, row, cast.admin, transaction_id=1)
    with make.seen():
        # Even when the number is stolen: the column is the database's, and the application may not change it.
        assert refused("UPDATE registry_decision SET transaction_id = pg_current_xact_id()::text::bigint") == "42501"
    requested.move("withdraw_request", revision=2)
    with make.seen(), pytest.raises(IllegalTransition), refusals.translated(), transaction.atomic():
        requested.save()


@pytest.mark.django_db
def test_the_number_of_the_transaction_is_the_databases_to_write():
    cast = make.cast()
    requested = make.integration("requested", cast=cast)
    with make.seen():
        row = lifecycle.step("withdraw_request", "requested")
        made = make.decide(requested, row, cast.admin, transaction_id=1, decided_at=timezone.now().replace(year=2001))
        stored = Decision.objects.get(pk=made.pk)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            assert (stored.transaction_id,) == cursor.fetchone()
        assert stored.decided_at.year > 2001


# -- contracts and notices ---------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.req("B-4.4-1")
def test_a_published_contract_does_not_change():
    contract = make.contract() if make.tenant() else None
    contract.document += "\n# more"
    with make.seen(), pytest.raises(Conflict), refusals.translated(), transaction.atomic():
        contract.save()


@pytest.mark.django_db
def test_a_published_contract_is_retired_and_stays_so():
    make.tenant()
    contract = make.contract()
    with make.seen():
        assert run("UPDATE registry_datacontract SET status = 'retired' WHERE id = %s", contract.pk) == 1
        assert refused("UPDATE registry_datacontract SET status = 'published' WHERE id = %s", contract.pk) == "SCP05"


@pytest.mark.django_db
def test_a_contract_in_draft_is_written_on():
    make.tenant()
    contract = make.contract(status="draft")
    contract.document += "\n# more"
    with make.seen():
        contract.save()


@pytest.mark.django_db
def test_where_a_person_stands_is_not_written_by_hand():
    make.tenant()
    person = make.person()
    make.consent(person, "withdrawn")
    with make.seen():
        assert refused("UPDATE registry_consentstate SET status = 'given'") == "SCP05"
        insert = (
            "INSERT INTO registry_consentstate (tenant_id, person_id, vertical_id, status, notice_version,"
            " effective_from, event_seq) VALUES ('NZ', %s, 'education', 'given', '', now(), 0)"
        )
        assert refused(insert, person.pk) == "SCP05"
        assert refused("UPDATE registry_consentepoch SET epoch = 0") == "SCP05"
