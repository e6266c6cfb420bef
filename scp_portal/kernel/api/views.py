"""The base of every view of the API."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from scp_portal.kernel.api.middleware import refuse
from scp_portal.kernel.api.recording import Receipt
from scp_portal.kernel.problems import InternalError


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponseBase:
    """DRF's hook for whatever a view raises, its own refusals included."""
    view, request = context["view"], context["request"]
    headers = {"Allow": ", ".join(view.allowed_methods)} if getattr(exc, "status_code", 0) == 405 else {}
    return refuse(exc, underlying(request), headers)


def underlying(request: Request | HttpRequest) -> HttpRequest:
    inner: HttpRequest = getattr(request, "_request", request)
    return inner


class PortalAPIView(APIView):
    """Every answer has its one audit entry: the view records what it gives, in the transaction that reads it, and says
    so by `audited`; refusals and failures are recorded by the exception handler. An answer without is withheld.
    """

    metadata_class = None
    http_method_names = ("get", "head", "post", "put", "patch", "delete")
    receipt: Receipt | None = None

    def audited(self, receipt: Receipt) -> None:
        """The entry of this request is written; its id goes out as `Audit-Receipt`."""
        self.receipt = receipt

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        if response.status_code < 400 and self.receipt is None:
            unrecorded = InternalError(internal=f"{type(self).__name__} answered without an audit entry")
            response = refuse(unrecorded, underlying(request))
        elif response.status_code < 400 and self.receipt is not None:
            response.headers["Audit-Receipt"] = f"{self.receipt.entry_id};{self.receipt.leaf_hash.hex()}"
        return super().finalize_response(request, response, *args, **kwargs)

    @staticmethod
    def raw(body: bytes, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """An answer whose JSON is already bytes."""
        return Response(body, status=status, headers=headers)
