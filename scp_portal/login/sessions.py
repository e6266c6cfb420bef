"""Sessions of people: what is kept in one, how long it lasts, and how all of a person's are ended at once."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from registry.models import User
from scp_portal.kernel.secrets import SecretUnreadable, keyring
from scp_portal.kernel.tokens import Refusal

SID, SUBJECT, BEGAN = "login_sid", "login_sub", "login_began"
CHECKED, TRIED, TOKENS = "login_checked", "login_tried", "login_tokens"


def begin(request: HttpRequest, user: User, claims: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    """A new session under a new key, also for somebody who was signed in already (OI-05)."""
    again = auth.SESSION_KEY in request.session
    auth.login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    if again:
        request.session.cycle_key()
    now = int(time.time())
    request.session.update({SID: str(claims.get("sid", "")), SUBJECT: claims["sub"], BEGAN: now, CHECKED: now})
    keep_tokens(request, user, told)


def keep_tokens(request: HttpRequest, user: User, told: Mapping[str, Any]) -> None:
    """The two tokens a session needs, sealed: one to ask again whether the person may be here, one to sign out with."""
    kept = {"id": told["id_token"], "refresh": told.get("refresh_token", "")}
    request.session[TOKENS] = keyring().seal(json.dumps(kept).encode(), context=_context(user))


def tokens_of(request: HttpRequest, user: User) -> dict[str, str]:
    """`id` and `refresh`; empty when there are none or they can't be opened any more."""
    try:
        opened = keyring().open_sealed(request.session.get(TOKENS, ""), context=_context(user))
    except SecretUnreadable:
        return {"id": "", "refresh": ""}
    return dict(json.loads(opened))


def _context(user: User) -> str:
    return f"django_session.{TOKENS}:{user.pk}"


def end_all(claims: Mapping[str, Any]) -> int:
    """End the session named by `sid`, or every session of `sub`; how many there were.

    Sessions are few (people who govern, 15 minutes each), so they are simply read through.
    """
    ended = 0
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator(chunk_size=500):
        data = session.get_decoded()
        if data.get(SUBJECT) and _is_meant(data, claims):
            ended += session.delete()[0]
    return ended


def _is_meant(data: Mapping[str, Any], claims: Mapping[str, Any]) -> bool:
    if "sub" in claims and data[SUBJECT] != claims["sub"]:
        return False
    return "sid" not in claims or data.get(SID) == claims["sid"]


def use_once(claims: Mapping[str, Any]) -> None:
    """Refuse a logout token that was here before (OI-07).

    Its mark is an empty row among the sessions: it must outlive a flushed cache, and is cleared away like any old
    session.
    """
    key = hashlib.sha256(f"{claims['iss']} {claims['jti']}".encode()).hexdigest()[:40]
    until = datetime.fromtimestamp(claims["exp"] + 60, UTC)
    try:
        with transaction.atomic():
            Session.objects.create(session_key=key, session_data=Session.objects.encode({}), expire_date=until)
    except IntegrityError as error:
        raise Refusal("replayed") from error
