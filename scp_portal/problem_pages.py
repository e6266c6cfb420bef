"""A page for every error code: the `type` of a problem document is an address that exists (RFC 9457, B-8.1-1)."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from scp_portal.kernel import problems


def catalogue(request: HttpRequest) -> HttpResponse:
    """All codes in the order of their status."""
    known = sorted(problems.catalogue().values(), key=lambda kind: (kind.status, kind.code))
    if _wants_json(request):
        return JsonResponse({"problems": [_as_json(kind) for kind in known]})
    return render(request, "pages/problems.html", {"problems": known})


def problem(request: HttpRequest, code: str) -> HttpResponse:
    """One code: what it means, who must act, whether to retry."""
    kind = problems.catalogue().get(code)
    if kind is None:
        raise Http404("no such problem code")
    if _wants_json(request):
        return JsonResponse(_as_json(kind))
    example = problems.as_document(kind(), instance="/api/v1/datasets/posts/records", request_id="0192f3a4b5c6")
    return render(request, "pages/problem.html", {"problem": kind, "example": example})


def _wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _as_json(kind: type[problems.Problem]) -> dict[str, object]:
    return {
        "code": kind.code,
        "status": kind.status,
        "title": kind.title,
        "category": kind.category,
        "retryable": kind.retryable,
        "meaning": kind.meaning,
        "remedy": kind.remedy,
    }
