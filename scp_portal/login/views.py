"""Sign-in, sign-out and the identity server's own call to end sessions. No exception ends as a 500 (OI-09)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from mozilla_django_oidc.views import (
    OIDCAuthenticationCallbackView,
    OIDCAuthenticationRequestView,
    OIDCLogoutView,
    get_next_url,
)

from audit import actions as audit
from registry.models import User
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.problems import IdpUnavailable, Problem
from scp_portal.kernel.tokens import Refusal
from scp_portal.login import pages, people, provider, sessions
from scp_portal.login.id_token import logout_claims

ERROR_CODE = re.compile(r"[a-z_]{1,40}")
View = Callable[..., HttpResponseBase]


def answered(view: View) -> View:
    """Turn what went wrong into a page, after its audit entry is safe."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Refusal as refusal:
            note_failure(request, "person.sign_in", str(refusal), audit.Result.DENIED)
            return pages.closed(request) if str(refusal) == people.INACTIVE else pages.refused(request)
        except SuspiciousOperation:
            note_failure(request, "person.sign_in", "state", audit.Result.DENIED)
            return pages.refused(request)
        except Problem as problem:
            if isinstance(problem, IdpUnavailable):
                note_failure(request, "person.sign_in", problem.internal, audit.Result.FAILURE)
            return pages.unavailable(request, problem)

    return inner


def note_failure(request: HttpRequest, action: str, reason: str, result: audit.Result) -> None:
    audit.record(
        action,
        actor=Actor(ActorKind.PERSON, "", "somebody", request_id=getattr(request, "request_id", "")),
        result=result,
        kind=audit.Kind.AUTH_FAILURE,
        data={"reason": reason},
        request=RequestFacts.of(request),
        autonomous=True,
    )


@require_GET
def login(request: HttpRequest) -> HttpResponse:
    """One button. Somebody who is signed in already goes on to where they wanted."""
    target = get_next_url(request, "next")
    if request.user.is_authenticated:
        return HttpResponseRedirect(target or resolve_url(settings.LOGIN_REDIRECT_URL))
    return pages.page(request, "login", next=target or "")


@method_decorator(answered, name="dispatch")
class StartView(OIDCAuthenticationRequestView):
    """Sends the browser to the identity server, if that answers."""

    def get(self, request: HttpRequest) -> HttpResponse:
        provider.require_reachable()
        response: HttpResponse = super().get(request)
        return response


@method_decorator(answered, name="dispatch")
class CallbackView(OIDCAuthenticationCallbackView):
    """Where the identity server sends the browser back to."""

    user: User

    def get(self, request: HttpRequest) -> HttpResponse:
        if "iss" in request.GET and request.GET["iss"] != settings.TOKEN_ISSUER:
            raise Refusal("answer of another issuer")  # RFC 9207: mix-up
        if "error" in request.GET:
            code = request.GET["error"]
            raise Refusal(f"identity server: {code if ERROR_CODE.fullmatch(code) else 'unreadable error'}")
        response: HttpResponse = super().get(request)
        return response

    def login_success(self) -> HttpResponse:
        target = self.success_url
        claims, told = self.request.signed_in
        sessions.begin(self.request, self.user, claims, told)
        self.request.session.pop("oidc_login_next", None)
        return HttpResponseRedirect(target)

    def login_failure(self) -> HttpResponse:
        raise Refusal("no sign-in was started here")


@method_decorator(answered, name="dispatch")
class LogoutView(OIDCLogoutView):
    """Ends the session here, then at the identity server. POST only, with the CSRF token (OI-12)."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        back = reverse("login")
        if not isinstance(request.user, User):
            return HttpResponseRedirect(back)
        user = request.user
        id_token = sessions.tokens_of(request, user)["id"]
        audit.record(
            "person.sign_out",
            actor=Actor(ActorKind.PERSON, str(user.pk), user.name, request_id=getattr(request, "request_id", "")),
            result=audit.Result.SUCCESS,
            subject=f"user:{user.pk}",
            request=RequestFacts.of(request),
            autonomous=True,
        )
        auth.logout(request)
        return HttpResponseRedirect(provider.end_session_url(id_token, request.build_absolute_uri(back)))


@csrf_exempt
@require_POST
def back_channel_logout(request: HttpRequest) -> HttpResponse:
    """The identity server says that a session, or every session of a person, is over (OI-07)."""
    try:
        claims = logout_claims(request.POST.get("logout_token", ""), provider.keys(), now=time.time())
        sessions.use_once(claims)
    except Refusal as refusal:
        note_failure(request, "person.back_channel_logout", str(refusal), audit.Result.DENIED)
        return _answer(400, {"error": "invalid_request", "error_description": "The logout token was refused."})
    except IdpUnavailable as problem:
        note_failure(request, "person.back_channel_logout", problem.internal, audit.Result.FAILURE)
        return _answer(503, {"error": "temporarily_unavailable"})
    ended = sessions.end_all(claims)
    audit.record(
        "person.back_channel_logout",
        actor=Actor(ActorKind.SYSTEM, "identity-server", "Identity server"),
        result=audit.Result.SUCCESS,
        data={"sessions": ended},
        request=RequestFacts.of(request),
        autonomous=True,
    )
    return _answer(200, {})


def _answer(status: int, body: dict[str, str]) -> HttpResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store"})
