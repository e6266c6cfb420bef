"""Every address of the portal."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from scp_portal import health, openapi, problem_pages

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/"), name="home"),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("scp_portal.login_urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("exchange.api.urls")),
    path("api/", include(openapi.urlpatterns)),
    path("problems/", problem_pages.catalogue, name="problems"),
    path("problems/<slug:code>", problem_pages.problem, name="problem"),
]

handler400 = "scp_portal.error_pages.bad_request"
handler403 = "scp_portal.error_pages.forbidden"
handler404 = "scp_portal.error_pages.not_found"
handler500 = "scp_portal.error_pages.server_error"
