"""The audit trail to read. Nothing here writes an entry of others, and reading is an entry of its own (B-9-1)."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from audit import actions
from audit.models import Entry, Kind, Result
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.governed import GovernedAdmin, actor_of

READERS = frozenset({"auditor", "umbrella_authority", "root", "tenant_admin"})
MOST = 1000
"""Rows that one search shows; a full count over the trail is never made."""


class LimitedPaginator(Paginator):  # type: ignore[type-arg]
    @cached_property
    def count(self) -> int:
        return len(self.object_list.values_list("pk")[:MOST])  # type: ignore[attr-defined]


class ExactFilter(admin.SimpleListFilter):
    """A filter on a column by exact value; choices only where there are few."""

    parameter_name: str
    few: list[tuple[str, Any]] = []

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return self.few

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(**{str(self.parameter_name): value}) if value else queryset


class ByResult(ExactFilter):
    title, parameter_name, few = _("result"), "result", list(Result.choices)


class ByKind(ExactFilter):
    title, parameter_name, few = _("kind"), "kind", list(Kind.choices)


@admin.register(Entry)
class EntryAdmin(GovernedAdmin):
    viewers = READERS
    page_template = "admin/audit/entry_page.html"
    change_list_template = "admin/audit/entry_list.html"
    intro = _("What happened, newest first. No one can change or remove an entry, and reading is recorded too.")
    list_display = ("moment", "action", "result_badge", "who", "tenant_id", "vertical", "subject")
    list_display_links = ("action",)
    list_filter = (ByResult, ByKind)
    ordering = ("-entry_id",)
    sortable_by = ()
    paginator = LimitedPaginator
    asked = ("action", "tenant_id", "vertical", "request_id", "subject", "actor_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        rows = Entry.objects.newest_first()
        if (tenants := actor_of(request).tenants_as(*READERS)) is not None:
            rows = rows.filter(tenant_id__in=tenants)
        wanted = {name: value for name in self.asked if (value := request.GET.get(f"by_{name}", "").strip())}
        return rows.filter(**wanted)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return SearchedList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, {"title": _("Audit"), "asked": self._asked(request), "most": MOST})
        self._record(
            request, "audit.searched", data={"filters": sorted(name for name in request.GET if request.GET[name])}
        )
        return response

    def page(self, request: HttpRequest, thing: Entry) -> dict[str, Any]:
        self._record(request, "audit.entry_read", subject=f"entry:{thing.pk}")
        body = json.dumps(thing.document, indent=2, ensure_ascii=False, sort_keys=True)
        return {"title": thing.action, "body": body, "leaf_hash": bytes(thing.leaf_hash).hex()}

    def _asked(self, request: HttpRequest) -> list[dict[str, str]]:
        words = (_("Action"), _("Country"), _("Vertical"), _("Trace"), _("Object"), _("Actor"))
        return [
            {"name": f"by_{name}", "label": str(word), "value": request.GET.get(f"by_{name}", "")}
            for name, word in zip(self.asked, words, strict=True)
        ]

    def _record(self, request: HttpRequest, action: str, **facts: Any) -> None:
        actor = actor_of(request)
        own = next(iter(actor.tenants), None) if actor.tenants and len(actor.tenants) == 1 else None
        facts |= {"tenant_id": own, "request": RequestFacts.of(request)}
        actions.record(action, actor=actor, result=Result.SUCCESS, **facts)

    @admin.display(description=_("when"))
    def moment(self, entry: Entry) -> SafeString:
        return format_html('<bdi dir="ltr" class="nowrap">{}</bdi>', entry.recorded_at.strftime("%Y-%m-%d %H:%M:%SZ"))

    @admin.display(description=_("result"))
    def result_badge(self, entry: Entry) -> SafeString:
        tone = {"success": "good", "denied": "warn"}.get(entry.result, "bad")
        return format_html('<span class="badge {}">{}</span>', tone, entry.get_result_display())

    @admin.display(description=_("who"))
    def who(self, entry: Entry) -> SafeString:
        return format_html(
            '{} <bdi dir="ltr" class="mono small">{}</bdi>', entry.get_actor_kind_display(), entry.actor_id[:13]
        )


class SearchedList(ChangeList):
    """The trail's own search fields stand beside the admin's filters."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if not name.startswith("by_")}
