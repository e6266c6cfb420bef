"""Problem documents as answers, and the headers that all answers of the API carry."""

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.encoding import escape_uri_path

from scp_portal.kernel.problems import Problem, as_document

PROBLEM_TYPE = "application/problem+json"
API_PREFIX = "/api/"
_POLICY = "default-src 'none'; frame-ancestors 'none'"


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(API_PREFIX)


def problem_response(problem: Problem, request: HttpRequest) -> HttpResponse:
    """Says nothing of the request but its path; `instance` is cut so that an answer never grows with the question."""
    instance = escape_uri_path(request.path)[:200]
    document = as_document(problem, instance=instance, request_id=getattr(request, "request_id", ""))
    response = HttpResponse(
        orjson.dumps(document, default=str), status=problem.status, content_type=PROBLEM_TYPE, headers=problem.headers
    )
    protect(response)
    return response


def is_problem(response: HttpResponseBase) -> bool:
    return response.headers.get("Content-Type", "").startswith(PROBLEM_TYPE)


def protect(response: HttpResponseBase) -> None:
    """Never kept by a cache, never run by a browser."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if not response.headers.get("Content-Type", "").startswith("text/html"):
        response.headers["Content-Security-Policy"] = _POLICY
