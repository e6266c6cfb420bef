"""Lists as files: what one may see on the page, under the field names of the API, and on the record (B-6.4-1)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from import_export import resources

from audit import actions as audit
from scp_portal.kernel.governed import GovernedAdmin, actor_of

FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run by spreadsheets; an apostrophe in front keeps it text (CSV injection)."""
SANDBOX = "default-src 'none'; frame-ancestors 'none'; sandbox"


class PlainResource(resources.Resource):
    """Values as the API writes them: UTC with Z, ids as text. `for_spreadsheets` also disarms formulas."""

    def __init__(self, *, for_spreadsheets: bool) -> None:
        super().__init__()
        self.for_spreadsheets = for_spreadsheets

    def export_field(self, field: Any, instance: Any, **kwargs: Any) -> Any:
        return self.plain(field.get_value(instance))

    def plain(self, value: Any) -> Any:
        if isinstance(value, datetime):
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if isinstance(value, UUID):
            return str(value)
        if isinstance(value, list):
            return disarmed(" ".join(map(str, value))) if self.for_spreadsheets else value
        if isinstance(value, str) and self.for_spreadsheets:
            return disarmed(value)
        return "" if value is None and self.for_spreadsheets else value


def disarmed(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


class Downloadable(GovernedAdmin):
    """Adds the list as CSV and JSON: the rows and filters of the page, for whoever may see the page."""

    resource_class: ClassVar[type[PlainResource]]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download)
        return [path("download/<slug:form>/", view, name=f"{self._name()}_download"), *super().get_urls()]

    def _name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        offered = [
            {"name": form.upper(), "url": reverse(f"admin:{self._name()}_download", args=[form]) + query}
            for form in FORMATS
        ]
        return super().changelist_view(request, {"downloads": offered, **(extra_context or {})})

    def download(self, request: HttpRequest, form: str) -> HttpResponse:
        """The list as a file. It changes nothing, so a GET it is; that it was taken is recorded."""
        if form not in FORMATS:
            raise Http404
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_changelist_instance(request).get_queryset(request)
        dataset = self.resource_class(for_spreadsheets=form == "csv").export(rows)
        actor = actor_of(request)
        audit.record(
            f"{self.opts.app_label}.{self.opts.model_name}_list_exported",
            actor=actor,
            result=audit.Result.SUCCESS,
            kind=audit.Kind.EXPORT,
            tenant_id=next(iter(actor.tenants), None) if actor.tenants and len(actor.tenants) == 1 else None,
            data={"format": form, "rows": len(dataset), "filters": sorted(request.GET)},
        )
        response = HttpResponse(dataset.export(form), content_type=FORMATS[form])
        name = f"{self.opts.model_name}-{timezone.now():%Y%m%d-%H%M%S}.{form}"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["Content-Security-Policy"] = SANDBOX
        return response
