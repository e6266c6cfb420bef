"""What a person sees of signing in: one button, and plain sentences when it does not work."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from scp_portal.kernel.problems import Problem

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def page(request: HttpRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    told = {"reference": getattr(request, "request_id", ""), "demo": settings.KEYCLOAK_IS_EMBEDDED, **context}
    response = HttpResponse(render_to_string(f"login/{template}.html", told), status=status)
    response["Cache-Control"] = "no-store"
    return response


def refused(request: HttpRequest) -> HttpResponse:
    """The reason is not told: it helps nobody who signs in honestly, and stands in the audit trail under the
    reference."""
    return page(
        request,
        "message",
        400,
        title=_("Signing in did not work"),
        advice=_("The sign-in was interrupted, took too long or was already used. Nothing is lost: start again."),
        retry=True,
    )


def closed(request: HttpRequest) -> HttpResponse:
    return page(
        request,
        "message",
        403,
        title=_("This account is closed"),
        advice=_("You signed in correctly, but your account in this portal has been closed. Ask your administrator."),
    )


def unavailable(request: HttpRequest, problem: Problem) -> HttpResponse:
    response = page(
        request,
        "message",
        problem.status,
        title=_("Signing in is not possible at the moment"),
        advice=_(
            "A server that the portal needs for signing in does not answer. Integrations that are running keep "
            "running. Try again in a minute; if it lasts, tell the operator the reference below."
        ),
        retry=True,
    )
    response["Retry-After"] = "30"
    return response


def signed_out(request: HttpRequest) -> HttpResponse:
    """A session ended on its way: a page that was asked for is offered again, a form that was sent is not."""
    if request.method in SAFE_METHODS:
        return HttpResponseRedirect(f"{reverse('login')}?{urlencode({'next': request.get_full_path()})}")
    return page(
        request,
        "message",
        401,
        title=_("You were signed out"),
        advice=_("Your session had ended before this was sent, so nothing was saved. Sign in and send it again."),
        retry=True,
    )
