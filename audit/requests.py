"""Requests that were denied or failed, as entries."""

from django.http import HttpRequest

from audit.actions import Kind, Receipt, RequestFacts, Result, record
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.problems import Problem
from scp_portal.kernel.tenancy import TENANT_CODE

ACTION = "api.request"
ANONYMOUS = Actor(kind=ActorKind.MACHINE, id="", name="nobody yet")


class RequestRecorder:
    """The kernel's port to the trail. What is known of the request by then is read from it: `request.actor`,
    `request.tenant_id`, `request.vertical`, `request.audit_subject`, each set as soon as it is established."""

    def refusal(self, problem: Problem, request: HttpRequest) -> Receipt:
        return record(
            ACTION,
            actor=getattr(request, "actor", None) or ANONYMOUS,
            result=Result.FAILURE if problem.status >= 500 else Result.DENIED,
            tenant_id=_tenant_of(request),
            kind=kind_of(problem),
            vertical=getattr(request, "vertical", ""),
            subject=getattr(request, "audit_subject", ""),
            data={"reason": problem.internal} if problem.internal else {},
            request=RequestFacts.of(request),
            code=problem.code,
            http=problem.status,
            autonomous=True,
        )


def _tenant_of(request: HttpRequest) -> str | None:
    """What claims to be a tenant's code and cannot be one goes to the platform's log."""
    claimed = getattr(request, "tenant_id", None)
    return claimed if isinstance(claimed, str) and TENANT_CODE.fullmatch(claimed) else None


def kind_of(problem: Problem) -> Kind:
    if problem.incident:
        return Kind.INCIDENT
    if problem.status == 401:
        return Kind.AUTH_FAILURE
    return Kind.DENIED if problem.category in {"policy", "consent"} else Kind.REQUEST
