"""Sign-in of people by OpenID Connect, one way for all: code flow with PKCE, strict checks, no password anywhere.

mozilla-django-oidc is the redirect helper (state, nonce, PKCE in the session); everything that decides is here.
"""

from scp_portal.login.backend import StrictOIDCBackend
from scp_portal.login.guard import SessionGuardMiddleware

__all__ = ["SessionGuardMiddleware", "StrictOIDCBackend"]
