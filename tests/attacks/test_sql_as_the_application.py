"""Somebody who holds the application's database login tries to get past the guards with what that login may do."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from registry.models import ConsentState
from scp_portal.kernel.tenancy import tenant_context
from tests import make

WITHOUT_NAMES = {"public.exchange_stamp_record()"}
"""Triggers' functions that name no table, type or view, so there is nothing to shadow."""


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def sqlstate_of(statement: str) -> str:
    """The SQLSTATE with which a statement is refused; what stood before it stands again."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        run(statement)
    cause = caught.value.__cause__
    return str(getattr(cause, "sqlstate", ""))


@pytest.mark.django_db
@pytest.mark.req("B-9-1")
def test_a_temporary_type_runs_nothing_with_the_owners_rights() -> None:
    """A type's check is code of its maker: were `jsonb` taken from among the caller's types, it would run as owner."""
    run(
        "CREATE FUNCTION pg_temp.run_as() RETURNS boolean LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'ran as %', current_user USING ERRCODE = 'RUN01'; END $$"
    )
    for name in ("jsonb", "text", "uuid", "timestamptz", "bytea", "regclass"):
        run(f"CREATE DOMAIN pg_temp.{name} AS pg_catalog.{name} CHECK (pg_temp.run_as())")
    assert sqlstate_of("SELECT '{}'::pg_temp.jsonb") == "RUN01"
    assert sqlstate_of("SELECT audit.append('{}'::pg_catalog.bytea)") == "23514"
    run("SELECT audit.months_ready(), audit.ensure_partitions(36)")


@pytest.mark.django_db
def test_whatever_runs_for_others_says_where_it_looks_and_looks_at_temporary_things_last() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
            " WHERE n.nspname IN ('public', 'audit') AND (p.prosecdef OR p.prorettype = 'trigger'::regtype)"
            " AND p.proname <> 'deny' AND NOT EXISTS"
            " (SELECT FROM unnest(p.proconfig) AS c (setting) WHERE c.setting LIKE 'search_path=%pg_temp')"
        )
        loose = {name if "." in name else f"public.{name}" for (name,) in cursor.fetchall()}
    assert loose == WITHOUT_NAMES


@pytest.mark.django_db
@pytest.mark.req("B-4.3-2")
def test_consent_is_not_given_by_a_trigger_on_a_table_of_ones_own() -> None:
    make.tenant()
    make.notice()
    person = make.person()
    make.consent(person, "given")
    make.consent(person, "withdrawn")
    with make.seen():
        run("CREATE TEMPORARY TABLE door (x int)")
        run(
            "CREATE FUNCTION pg_temp.forge() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN UPDATE public.registry_consentstate SET status = 'given'; RETURN NEW; END $$"
        )
        run("CREATE TRIGGER forge BEFORE INSERT ON door FOR EACH ROW EXECUTE FUNCTION pg_temp.forge()")
        assert sqlstate_of("INSERT INTO door VALUES (1)") == "SCP05"
        assert ConsentState.objects.get(person=person).status == "withdrawn"


@pytest.mark.django_db
@pytest.mark.req("B-4.3-2")
@pytest.mark.parametrize("function", ["registry_consentevent_project", "registry_consentepoch_bump"])
def test_what_projects_consent_is_not_attached_to_a_table_of_ones_own(function: str) -> None:
    run("CREATE TEMPORARY TABLE journal (LIKE public.registry_consentevent)")
    assert sqlstate_of(f"CREATE TRIGGER t AFTER INSERT ON journal EXECUTE FUNCTION public.{function}()") == "42501"


@pytest.mark.django_db
@pytest.mark.req("B-6.2-3")
def test_decisions_in_a_temporary_table_move_nothing() -> None:
    integration = make.integration("requested")
    with make.seen():
        run("CREATE TEMPORARY TABLE registry_decision (LIKE public.registry_decision)")
        run(
            "INSERT INTO pg_temp.registry_decision (id, tenant_id, integration_id, revision, content_hash, step,"
            " source, target, vertical, actor_kind, actor_name, role, reason, reason_code, transaction_id, decided_at)"
            " SELECT number, tenant_id, integration_id, revision, content_hash, 'accept', 'requested', 'reviewed',"
            " vertical, 'person', '', 'vertical_owner', '', '', pg_current_xact_id()::text::bigint, now()"
            " FROM registry_integration, unnest(vertical_ids) WITH ORDINALITY AS each (vertical, number)"
        )
        forged = "UPDATE registry_integration SET status = 'reviewed' WHERE integration_id = '{}'"
        assert sqlstate_of(forged.format(integration.pk)) == "SCP06"


@pytest.mark.django_db
@pytest.mark.req("B-6.2-3")
def test_a_temporary_list_of_people_makes_nobody_another_person() -> None:
    cast = make.cast()
    integration = make.integration("requested", cast=cast)
    with make.seen():
        run("CREATE TEMPORARY TABLE registry_user (LIKE public.registry_user)")
        decided = (
            "INSERT INTO public.registry_decision (tenant_id, integration_id, revision, content_hash, step,"
            " source, target, vertical, actor_kind, actor_id, actor_name, role, reason, reason_code, transaction_id,"
            " decided_at)"
            " SELECT tenant_id, integration_id, revision, content_hash, 'accept', 'requested', 'requested',"
            " vertical_ids[1], 'person', created_by_id, '', 'vertical_owner', '', '', 0, now()"
            " FROM public.registry_integration WHERE integration_id = '{}'"
        )
        assert sqlstate_of(decided.format(integration.pk)) == "SCP03"


@pytest.mark.django_db
def test_the_application_does_not_rewrite_which_migrations_ran() -> None:
    assert sqlstate_of("DELETE FROM django_migrations") == "42501"


@pytest.mark.django_db
@pytest.mark.req("B-4.1-1", "A-5.3-1")
@pytest.mark.parametrize("tenants", [(), ("NZ",)])
def test_nobody_writes_what_a_group_means_beyond_the_tenants_of_the_context(tenants: tuple[str, ...]) -> None:
    """Otherwise one line of SQL makes everybody ROOT with their next sign-in."""
    make.tenant("NZ")
    with transaction.atomic(), tenant_context(*tenants):
        forged = "INSERT INTO registry_rolemapping (\"group\", role) VALUES ('everyone', 'root')"
        assert sqlstate_of(forged) == "42501"
