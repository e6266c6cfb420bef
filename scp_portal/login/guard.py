"""Looks at every request of a signed-in person, whatever its method: is the session too old, is the account still
open, and, every five minutes, does the identity server still say so (OI-08)."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponseBase

from audit import actions as audit
from registry.models import User
from scp_portal.kernel.actor import Actor, ActorKind
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.problems import IdpUnavailable, Problem
from scp_portal.kernel.tokens import Refusal
from scp_portal.login import pages, people, provider, sessions
from scp_portal.login.id_token import id_claims

RECHECK_SECONDS = 300
RETRY_SECONDS = 60
OUTAGE_SECONDS = 900
"""How long a session may go on while the identity server can't be asked."""


class SessionGuardMiddleware:
    """Stands after authentication. The API knows no sessions, so its requests pass untouched."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path.startswith("/api/"):
            return self.get_response(request)
        try:
            if auth.SESSION_KEY in request.session:
                check(request)
        except Refusal as refusal:
            return self._end(request, str(refusal))
        except Problem as problem:
            return pages.unavailable(request, problem)
        return self.get_response(request)

    def _end(self, request: HttpRequest, reason: str) -> HttpResponseBase:
        subject = str(request.session.get(auth.SESSION_KEY, ""))
        audit.record(
            "person.session_ended",
            actor=Actor(ActorKind.PERSON, subject, "", request_id=getattr(request, "request_id", "")),
            result=audit.Result.DENIED,
            kind=audit.Kind.AUTH_FAILURE,
            subject=f"user:{subject}",
            data={"reason": reason},
            request=RequestFacts.of(request),
            autonomous=True,
        )
        auth.logout(request)
        return pages.signed_out(request)


def check(request: HttpRequest) -> None:
    """Raises Refusal when the session is over, IdpUnavailable when that could not be found out for too long."""
    session, user, now = request.session, request.user, int(time.time())
    if not isinstance(user, User):
        raise Refusal(people.INACTIVE)
    if now - session.setdefault(sessions.BEGAN, now) >= settings.SESSION_ABSOLUTE_AGE:
        raise Refusal("age")
    if now - session.setdefault(sessions.CHECKED, now) >= RECHECK_SECONDS:
        ask_again(request, user, now)


def ask_again(request: HttpRequest, user: User, now: int) -> None:
    """Use the refresh token; roles follow what the new ID token says."""
    session = request.session
    if now - session.get(sessions.TRIED, 0) < RETRY_SECONDS:
        return
    refresh = sessions.tokens_of(request, user)["refresh"]
    if not refresh:
        raise Refusal("no refresh token")
    session[sessions.TRIED] = now
    try:
        told = provider.tokens(grant_type="refresh_token", refresh_token=refresh)
        claims = id_claims(told["id_token"], provider.keys(), nonce=None, now=now)
    except IdpUnavailable:
        if now - session[sessions.CHECKED] >= OUTAGE_SECONDS:
            raise
        return
    people.renew(user, claims, RequestFacts.of(request))
    sessions.keep_tokens(request, user, told)
    session[sessions.CHECKED] = now
