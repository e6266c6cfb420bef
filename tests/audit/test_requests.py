"""Denied and failed requests as entries, and the months they are kept in."""

import pytest
from django.core.management import call_command
from django.test import RequestFactory

from audit.models import Entry, Kind
from audit.requests import RequestRecorder, kind_of
from audit.tasks import ensure_partitions
from scp_portal.kernel import problems
from scp_portal.kernel.tenancy import ALL_TENANTS, tenant_context


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (problems.TokenInvalid(), Kind.AUTH_FAILURE),
        (problems.AuthenticationRequired(), Kind.AUTH_FAILURE),
        (problems.ClientMismatch(incident=True), Kind.INCIDENT),
        (problems.ConsentDenied(), Kind.DENIED),
        (problems.ScopeViolation(), Kind.DENIED),
        (problems.ScopeViolation(incident=True), Kind.INCIDENT),
        (problems.UnknownField(), Kind.REQUEST),
        (problems.InternalError(), Kind.REQUEST),
    ],
)
def test_a_problem_has_its_kind_of_entry(problem: problems.Problem, kind: Kind) -> None:
    assert kind_of(problem) == kind


@pytest.mark.req("B-9-1")
@pytest.mark.django_db
@pytest.mark.parametrize("claimed", ["NZ/../CA", "*", "_platform", "\x00", "", 7, ["NZ"], None])
def test_a_claim_that_is_no_tenant_is_recorded_in_the_platforms_log(claimed: object) -> None:
    request = RequestFactory().get("/api/v1/x")
    request.tenant_id = claimed  # type: ignore[attr-defined]
    receipt = RequestRecorder().refusal(problems.TokenInvalid(internal="claim tenant_id"), request)
    with tenant_context(ALL_TENANTS):
        entry = Entry.objects.get(pk=receipt.entry_id)
    assert (entry.tenant_id, entry.result, entry.document["result"]) == (
        None,
        "denied",
        {"status": "denied", "code": "token_invalid", "http": 401},
    )


@pytest.mark.django_db
def test_the_clock_and_the_command_make_the_months_ahead(capsys: pytest.CaptureFixture[str]) -> None:
    ensure_partitions()
    call_command("ensure_audit_partitions", months=5)
    assert capsys.readouterr().out == "3 partitions made; 5 months ahead are ready.\n"
