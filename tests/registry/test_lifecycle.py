import pytest
from django.db import connection

from registry import lifecycle, lifecycle_sql
from registry.lifecycle import MOVES, TRANSITIONS, Status
from registry.models import Integration
from scp_portal.kernel.problems import ArchivedImmutable, IllegalTransition
from tests import make


@pytest.mark.req("B-6.1-1")
def test_the_table_has_the_ten_states_and_every_one_is_reached():
    assert len(Status) == 10
    assert {row.target for row in TRANSITIONS} == set(Status)
    assert not [row for row in MOVES if row.source == Status.ARCHIVED]


def test_every_row_says_what_it_is_and_what_follows():
    for row in TRANSITIONS:
        assert row.label, row
        assert row.consequence.endswith("."), row
        assert row.event.startswith("integration."), row
        assert row.roles or row.by_system, row


def test_negative_steps_need_a_reason():
    negative = {"return_for_changes", "reject", "restrict", "suspend", "deprecate", "terminate", "cancel"}
    assert negative <= {row.name for row in TRANSITIONS if row.needs_reason}


def test_rows_follow_the_design():
    assert {row.row for row in TRANSITIONS} == {*range(1, 25)}


@pytest.mark.django_db
def test_the_databases_guard_is_the_one_the_table_makes():
    """Behind? Write a migration with the text of `lifecycle_sql.trigger_sql()`."""
    with connection.cursor() as cursor:
        for name, text in (
            ("registry_decision_guard", lifecycle_sql.decision_guard()),
            ("registry_integration_guard", lifecycle_sql.integration_guard()),
        ):
            cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [name])
            (stored,) = cursor.fetchone()
            assert stored.strip() == text.split("$guard$")[1].strip()


@pytest.mark.django_db
def test_the_guards_fire_for_everybody_always():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'registry_%%guard'"
        )
        found = dict(cursor.fetchall())
    assert found == {
        "registry_decision_guard": "A",
        "registry_integration_guard": "A",
        "registry_contract_guard": "A",
    }


# -- the object itself -------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.req("B-6.1-1")
@pytest.mark.parametrize("status", [s for s in Status if s != Status.DRAFT])
def test_an_integration_is_not_born_in_another_state(status):
    cast = make.cast()
    values = {"tenant_id": "NZ", "integration_name": "New", "partner": cast.partner, "created_by": cast.admin}
    with make.seen():
        for door in (
            lambda: Integration(status=status, **values).save(),
            lambda: Integration.objects.create(status=status, **values),
            lambda: Integration.objects.bulk_create([Integration(status=status, **values)]),
        ):
            with pytest.raises(IllegalTransition):
                door()


@pytest.mark.django_db
def test_its_status_is_not_assigned():
    integration = make.integration()
    with pytest.raises(AttributeError):
        integration.status = Status.ACTIVE


@pytest.mark.django_db
@pytest.mark.req("B-6.1-1")
def test_a_status_put_in_past_the_descriptor_is_not_saved():
    integration = make.integration()
    with make.seen():
        loaded = Integration.objects.get(pk=integration.pk)
        loaded.__dict__["status"] = Status.ACTIVE
        deferred = Integration.objects.defer("status").get(pk=integration.pk)
        deferred.status = Status.ACTIVE
        for forged in (loaded, deferred):
            with pytest.raises(IllegalTransition):
                forged.save()


@pytest.mark.django_db
def test_a_status_is_not_updated_in_bulk():
    integration = make.integration()
    with make.seen():
        with pytest.raises(IllegalTransition):
            Integration.objects.update(status=Status.ACTIVE)
        with pytest.raises(IllegalTransition):
            Integration.objects.bulk_update([integration], ["status"])


@pytest.mark.django_db
def test_a_reload_of_a_row_that_is_gone_leaves_the_status_protected():
    integration = make.integration()
    with make.seen("TW"), pytest.raises(Integration.DoesNotExist):
        integration.refresh_from_db()
    with pytest.raises(AttributeError):
        integration.status = Status.ACTIVE


@pytest.mark.django_db
def test_moving_what_is_archived_says_that_it_is_kept():
    with pytest.raises(ArchivedImmutable):
        make.integration("archived").move("resume")


def test_a_step_that_does_not_exist_is_refused_in_words():
    with pytest.raises(IllegalTransition, match="state Draft"):
        lifecycle.step("approve", Status.DRAFT)


@pytest.mark.django_db
def test_a_reload_brings_the_status_along(django_assert_num_queries):
    integration = make.integration("requested")
    with make.seen(), django_assert_num_queries(1):
        integration.refresh_from_db()
        assert integration.status == Status.REQUESTED
