"""The strict subclass of mozilla-django-oidc's backend: every check that it leaves out (security finding 1, OI-03)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.utils import absolutify

from registry.models import User
from scp_portal.kernel.facts import RequestFacts
from scp_portal.kernel.tokens import Refusal
from scp_portal.login import people, provider
from scp_portal.login.id_token import id_claims


class StrictOIDCBackend(OIDCAuthenticationBackend):
    """Code, PKCE verifier and nonce in, account out. Raises Refusal or IdpUnavailable; never returns half-checked
    people."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        nonce, verifier = credentials.get("nonce"), credentials.get("code_verifier")
        if request is None or not nonce or not verifier:
            raise Refusal("sign-in without nonce or PKCE verifier")
        told = self.get_token(
            {
                "grant_type": "authorization_code",
                "code": request.GET.get("code", ""),
                "redirect_uri": absolutify(request, reverse("oidc_authentication_callback")),
                "code_verifier": verifier,
            }
        )
        claims = self.verify_token(told["id_token"], nonce=nonce)
        user = people.sign_in(claims, RequestFacts.of(request))
        request.signed_in = (claims, told)  # type: ignore[attr-defined]
        return user

    def get_token(self, payload: dict[str, str]) -> dict[str, Any]:
        return provider.tokens(**payload)

    def verify_token(self, token: str, **kwargs: Any) -> Mapping[str, Any]:
        return id_claims(token, provider.keys(), nonce=kwargs["nonce"], now=time.time())

    def get_user(self, user_id: Any) -> User | None:
        """A closed account is nobody, from the next request on."""
        return User.objects.filter(pk=user_id, is_active=True).first()
