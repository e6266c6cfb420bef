"""Pages for people when something went wrong, plain enough to work without database or session."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

PAGES = {
    400: ("That address or form was not understood", "Nothing was changed. Go back and try again."),
    403: ("You cannot open this", "Your roles do not cover it. If they should, ask the person who manages roles."),
    404: ("There is nothing here", "It may have moved, or it belongs to a scope your roles do not cover."),
    500: ("Our fault", "Nothing was saved. Tell us the reference and we can find what happened."),
}


def _page(request: HttpRequest, status: int) -> HttpResponse:
    title, advice = PAGES[status]
    reference = getattr(request, "request_id", "") or uuid.uuid4().hex
    context = {"title": title, "advice": advice, "reference": reference, "status": status}
    response = HttpResponse(render_to_string("pages/error.html", context), status=status)
    response["Cache-Control"] = "no-store"
    return response


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _page(request, 400)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _page(request, 403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(request, 500)
