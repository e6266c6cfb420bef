"""Addresses for the tests of the API's base: views that behave and views that do not."""

from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from audit.actions import Result, record
from scp_portal.kernel.actor import Actor
from scp_portal.kernel.api import PortalAPIView
from scp_portal.kernel.problems import ScopeViolation
from scp_portal.kernel.tenancy import tenant_transaction

SYSTEM = Actor.system("test")
handler400 = "scp_portal.error_pages.bad_request"
handler404 = "scp_portal.error_pages.not_found"
handler500 = "scp_portal.error_pages.server_error"


def dive() -> None:
    dive()


class Echo(PortalAPIView):
    """Answers what it was sent, and records it."""

    permission_classes = (AllowAny,)
    body_limit = 2000

    def get(self, request: Request) -> Response:
        return self.recorded(b'{"a":1}')

    def post(self, request: Request) -> Response:
        return self.recorded({"seen": request.data})

    def recorded(self, answer: Any) -> Response:
        with tenant_transaction("NZ"):
            self.audited(record("echo", actor=SYSTEM, result=Result.SUCCESS, tenant_id="NZ"))
        return Response(answer)


class Silent(PortalAPIView):
    """Forgets to record."""

    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        return Response({"secret": "data"})


class Closed(PortalAPIView):
    """Says nothing of permission."""

    def get(self, request: Request) -> Response:
        return Response({})


class Broken(PortalAPIView):
    """Fails after it has written and recorded."""

    permission_classes = (AllowAny,)

    def get(self, request: Request, how: str) -> Response:
        request._request.tenant_id = "NZ"  # type: ignore[attr-defined]
        with tenant_transaction("NZ"):
            self.audited(record("broken", actor=SYSTEM, result=Result.SUCCESS, tenant_id="NZ"))
            if how == "scope":
                raise ScopeViolation("Not yours.", incident=True, internal="vertical")
            if how == "database":
                raise OperationalError("password=hunter2")
            if how == "deep":
                dive()
            raise ValueError("password=hunter2")


def plain(request: HttpRequest) -> HttpResponse:
    raise ValueError("password=hunter2")


urlpatterns = [
    path("api/v1/echo", Echo.as_view()),
    path("api/v1/silent", Silent.as_view()),
    path("api/v1/closed", Closed.as_view()),
    path("api/v1/broken/<str:how>", Broken.as_view()),
    path("api/v1/plain", plain),
    path("plain", lambda request: HttpResponse("page")),
]
