"""The API's description at /api/v1/openapi.json, and the page that shows it, which needs no outside host.

Neither knows a session or changes anything: whoever writes to them hears that there is nothing to write (405), not of a
missing CSRF token.
"""

from __future__ import annotations

from functools import lru_cache

import orjson
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView
from drf_spectacular.generators import SchemaGenerator

TAGS = [
    {"name": "whoami", "description": "The integration that calls, and what stands in its way."},
    {"name": "datasets", "description": "What a partner reads."},
    {"name": "core", "description": "What the platform's own core supplies; no partner's token opens it."},
]


@lru_cache(maxsize=1)
def document() -> bytes:
    """The OpenAPI document of all addresses of the API; the same for everyone."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    schema["tags"] = TAGS
    return orjson.dumps(schema, default=str, option=orjson.OPT_NON_STR_KEYS)


@csrf_exempt
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(document(), content_type="application/json")


urlpatterns = [
    path("v1/openapi.json", openapi, name="openapi"),
    path("docs/", csrf_exempt(TemplateView.as_view(template_name="pages/swagger.html")), name="api-docs"),
]
