"""The addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from exchange.api import core, partner

urlpatterns = [
    path("whoami", partner.WhoAmI.as_view(), name="whoami"),
    path("datasets", partner.Datasets.as_view(), name="datasets"),
    path("datasets/<str:name>/records", partner.Records.as_view(), name="records"),
    path("datasets/<str:name>/records/<str:record_id>", partner.Record.as_view(), name="record"),
    path("core/<str:tenant_id>/persons", core.Persons.as_view(), name="core-persons"),
    path("core/<str:tenant_id>/records", core.Records.as_view(), name="core-records"),
    path("core/<str:tenant_id>/consents", core.Consents.as_view(), name="core-consents"),
]
