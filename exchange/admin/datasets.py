"""Datasets: what the core offers to be granted. Read here; the core declares them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from exchange.models import Dataset
from registry.models import STAFF_ROLES
from scp_portal.kernel.governed import GovernedAdmin


@admin.register(Dataset)
class DatasetAdmin(GovernedAdmin):
    viewers = STAFF_ROLES
    page_template = "admin/exchange/dataset_page.html"
    intro = _("The kinds of record that can cross the boundary, and the fields they have.")
    list_display = ("title", "name", "vertical", "about_persons", "field_count")
    list_filter = ("vertical", "person_free")
    search_fields = ("name", "title")
    list_select_related = ("vertical",)

    @admin.display(description=_("about persons"), boolean=False)
    def about_persons(self, dataset: Dataset) -> str:
        return str(_("no") if dataset.person_free else _("yes, with consent"))

    @admin.display(description=_("fields"))
    def field_count(self, dataset: Dataset) -> int:
        return len(dataset.fields)

    def page(self, request: HttpRequest, thing: Dataset) -> dict[str, Any]:
        return {"fields": sorted(thing.fields.items()), "about_persons": self.about_persons(thing)}
