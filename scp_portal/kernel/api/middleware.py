"""The outermost layer: a request id for everything, and problem documents for whatever goes wrong under /api/."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from scp_portal.kernel import problems
from scp_portal.kernel.api.recording import record_refusal
from scp_portal.kernel.api.responses import is_api, is_problem, problem_response, protect
from scp_portal.kernel.ids import uuid7

logger = logging.getLogger(__name__)

_BY_STATUS: dict[int, type[problems.Problem]] = {
    400: problems.MalformedRequest,
    401: problems.AuthenticationRequired,
    403: problems.PermissionRefused,
    404: problems.NotFound,
    405: problems.MethodNotAllowed,
    413: problems.PayloadTooLarge,
    415: problems.UnsupportedMediaType,
}


class ProblemMiddleware:
    """Must stand first, so that it also sees what other middleware and the resolver refuse."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Always our own: an id taken from the caller could be made to collide with someone else's.
        request.request_id = str(uuid7())  # type: ignore[attr-defined]
        response = self.get_response(request)
        if is_api(request):
            response = _as_api_answer(request, response)
        response.headers["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Views under /api/ that are not of the API's own kind (its description) fail in the same shape."""
        return refuse(exception, request) if is_api(request) else None


def refuse(exception: Exception, request: HttpRequest, headers: dict[str, str] | None = None) -> HttpResponseBase:
    """Record, then answer: what went wrong as a problem document. Nothing is sent that is not in the trail."""
    problem = problems.from_exception(exception)
    problem.headers.update(headers or {})
    if problem.status >= 500:
        logger.error("%s %s", problem.code, problem.internal, exc_info=exception)
    return problem_response(record_refusal(problem, request), request)


def _as_api_answer(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code in {301, 302, 307, 308} and settings.SECURE_SSL_REDIRECT and not request.is_secure():
        # No redirect: a client that sent its token in clear must notice, and nothing was processed.
        return refuse(problems.MalformedRequest("The API is served over https only."), request)
    if response.status_code >= 400 and not is_problem(response):
        kind = _BY_STATUS.get(response.status_code)
        if kind is None:
            kind = problems.InternalError if response.status_code >= 500 else problems.MalformedRequest
        headers = {"Allow": response.headers["Allow"]} if "Allow" in response.headers else {}
        return refuse(kind(internal=f"status {response.status_code}"), request, headers)
    protect(response)
    return response
