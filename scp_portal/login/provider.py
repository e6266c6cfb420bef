"""The portal's calls to the identity server for people: the token endpoint and the signing keys."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from scp_portal.kernel import egress
from scp_portal.kernel.jwks import MAX_BYTES, KeySet
from scp_portal.kernel.problems import IdpUnavailable
from scp_portal.kernel.tokens import Refusal

PURPOSE = "sign-in"


def keys() -> KeySet:
    """The keys that sign ID and logout tokens; one set per process and address."""
    return _keys(settings.OIDC_OP_JWKS_ENDPOINT)


@lru_cache(maxsize=4)
def _keys(url: str) -> KeySet:
    return KeySet(url, fetch_keys)


def fetch_keys(url: str) -> bytes:
    """The key set as JSON. Raises EgressError, or OSError for an answer that is not 200."""
    answer = egress.call("GET", url, purpose="jwks", timeout=settings.OIDC_TIMEOUT, max_bytes=MAX_BYTES)
    if answer.status != 200:
        raise OSError(f"the address of the signing keys answered {answer.status}")
    return answer.body


def require_reachable() -> None:
    """Raise IdpUnavailable now rather than send a person to a server that does not answer."""
    try:
        fetch_keys(settings.OIDC_OP_JWKS_ENDPOINT)
    except (egress.EgressError, OSError) as error:
        raise IdpUnavailable(internal=f"signing keys: {error}") from error


def tokens(**grant: str) -> dict[str, Any]:
    """The token endpoint's answer to a grant. Raises Refusal when it says no, IdpUnavailable when it says nothing of
    use.

    Its words are not passed on: an error page of the identity server may quote the code or the secret.
    """
    form = {**grant, "client_id": settings.OIDC_RP_CLIENT_ID, "client_secret": settings.OIDC_RP_CLIENT_SECRET}
    url = settings.OIDC_OP_TOKEN_ENDPOINT
    try:
        answer = egress.call("POST", url, purpose=PURPOSE, data=form, timeout=settings.OIDC_TIMEOUT)
    except egress.EgressError as error:
        raise IdpUnavailable(internal=f"token endpoint: {error}") from error
    told = _object(answer.body)
    if answer.status == 400 and told.get("error") == "invalid_grant":
        raise Refusal("the identity server refused the grant")
    if answer.status != 200 or not isinstance(told.get("id_token"), str):
        raise IdpUnavailable(internal=f"token endpoint: status {answer.status}")
    return told


def end_session_url(id_token: str, return_to: str) -> str:
    """Where the browser ends its session at the identity server (OpenID Connect RP-Initiated Logout 1.0)."""
    query = {"client_id": settings.OIDC_RP_CLIENT_ID, "post_logout_redirect_uri": return_to}
    if id_token:
        query["id_token_hint"] = id_token
    return f"{settings.OIDC_OP_LOGOUT_ENDPOINT}?{urlencode(query)}"


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; what is none (an HTML page, say) tells nothing."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
