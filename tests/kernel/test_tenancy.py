"""Whose rows a transaction sees, on PostgreSQL. B-4.1-1."""

import threading
from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connection, connections, transaction

from scp_portal.kernel.tenancy import ALL_TENANTS, TenantContextError, tenant_context, tenant_transaction

pytestmark = [pytest.mark.req("B-4.1-1")]
POLICY = "((SELECT scp_all_tenants()) OR tenant_id = ANY ((SELECT scp_tenant_ids())::text[]))"


def seen() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM papers ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


def setting(name: str = "scp.tenants") -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s, true)", [name])
        value: str | None = cursor.fetchone()[0]
        return value


@pytest.fixture
def papers(db: None) -> None:
    """A table under the policy that every tenant's table has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE papers (tenant_id text); INSERT INTO papers VALUES ('NZ'), ('CA'), ('KE');"
            " ALTER TABLE papers ENABLE ROW LEVEL SECURITY; ALTER TABLE papers FORCE ROW LEVEL SECURITY;"
            f" CREATE POLICY tenant ON papers USING {POLICY} WITH CHECK {POLICY}"
        )


@pytest.mark.usefixtures("papers")
def test_without_a_context_nothing_is_seen() -> None:
    assert seen() == []


@pytest.mark.usefixtures("papers")
def test_a_context_shows_its_tenants_and_no_other() -> None:
    with tenant_context("NZ"):
        assert seen() == ["NZ"]
    with tenant_context("NZ", "KE"):
        assert seen() == ["KE", "NZ"]
    with tenant_context(ALL_TENANTS):
        assert seen() == ["CA", "KE", "NZ"]
    with tenant_context():
        assert seen() == []
    assert seen() == []


@pytest.mark.usefixtures("papers")
def test_a_row_for_another_tenant_is_not_written() -> None:
    with tenant_context("NZ"), pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO papers VALUES ('CA')")


@pytest.mark.usefixtures("papers")
def test_an_inner_context_narrows_and_the_outer_comes_back() -> None:
    with tenant_context("NZ", "CA", person_id="p1"):
        with tenant_context("KE"):
            assert (seen(), setting("scp.person")) == (["KE"], "p1")
            with tenant_context("CA", person_id="p2"):
                assert (seen(), setting("scp.person")) == (["CA"], "p2")
            assert (seen(), setting("scp.person")) == (["KE"], "p1")
        assert (seen(), setting("scp.person")) == (["CA", "NZ"], "p1")
    assert setting("scp.person") == ""


@pytest.mark.usefixtures("papers")
def test_an_error_of_python_brings_the_outer_context_back() -> None:
    with tenant_context("NZ"):
        with pytest.raises(KeyError), tenant_context("CA"):
            raise KeyError
        assert seen() == ["NZ"]


@pytest.mark.usefixtures("papers")
def test_an_error_of_sql_brings_the_outer_context_back_with_the_savepoint() -> None:
    with tenant_context("NZ"):
        with pytest.raises(DatabaseError), transaction.atomic(), tenant_context("CA"), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
        assert seen() == ["NZ"]


@pytest.mark.usefixtures("papers")
def test_a_rollback_to_a_savepoint_takes_the_context_set_in_it_back() -> None:
    with tenant_context("NZ"):
        with transaction.atomic(), tenant_transaction("CA"):
            assert seen() == ["CA"]
            transaction.set_rollback(True)
        assert seen() == ["NZ"]


@pytest.mark.usefixtures("papers")
@pytest.mark.parametrize("code", ["*,NZ", "NZ,CA", "", "*x", "N Z", "NZ'", "a" * 33, "NZ\x00"])
def test_what_is_no_tenant_code_is_refused(code: str) -> None:
    with pytest.raises(TenantContextError), tenant_context(code):
        pass
    with pytest.raises(TenantContextError), tenant_context("NZ", ALL_TENANTS):
        pass


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_there_is_no_context() -> None:
    with pytest.raises(TenantContextError, match="transaction"), tenant_context("NZ"):
        pass


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("outcome", ["commit", "rollback"])
def test_the_context_ends_with_the_transaction_and_leaves_the_empty_text(outcome: str) -> None:
    with transaction.atomic():
        with tenant_transaction("NZ", person_id="p1"):
            assert setting() == "NZ"
        transaction.set_rollback(outcome == "rollback")
    with tenant_transaction("NZ"):
        assert setting("scp.person") == ""
    assert (setting(), setting("scp.person")) == ("", "")
    with connection.cursor() as cursor:
        cursor.execute("SELECT scp_all_tenants(), scp_tenant_ids()")
        assert cursor.fetchone() == (False, [])


@pytest.mark.django_db(transaction=True)
def test_the_second_connection_has_a_context_of_its_own() -> None:
    with transaction.atomic(), tenant_context("NZ"), tenant_transaction("CA", using="audit"):
        assert setting() == "NZ"
        with connections["audit"].cursor() as cursor:
            cursor.execute("SELECT current_setting('scp.tenants', true)")
            assert cursor.fetchone() == ("CA",)


@pytest.fixture
def pooled(transactional_db: None) -> Iterator[None]:
    """Two sessions for all threads, as web processes have them."""
    options = connections.settings["default"]["OPTIONS"]
    connection.close()
    options["pool"] = {"min_size": 1, "max_size": 2}
    yield
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    del options["pool"]
    del connections["default"]


@pytest.mark.usefixtures("pooled")
def test_a_pooled_session_carries_nothing_to_its_next_borrower() -> None:
    """Four threads share two sessions; one in three transactions breaks off. Nobody ever starts with a context."""
    begun_with: list[str | None] = []
    seen_inside: list[tuple[str, str | None]] = []

    def work(code: str) -> None:
        for turn in range(50):
            begun_with.append(setting() or None)
            with tenant_transaction(code):
                seen_inside.append((code, setting()))
                transaction.set_rollback(turn % 3 == 0)
            connection.close()

    threads = [threading.Thread(target=work, args=(f"T{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert begun_with == [None] * 200
    assert len(seen_inside) == 200
    assert all(code == found for code, found in seen_inside)


def test_the_application_may_neither_bypass_nor_own(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole,"
            " EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid AND relnamespace NOT IN"
            " (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_%%'))"
            " FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == ("scp_app", False, False, False, False)
