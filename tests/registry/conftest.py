"""Where the registry's tests find, or do not find, an identity server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.registry.identity_server import IdentityServer


@pytest.fixture
def identity_server(issuer: str) -> IdentityServer:
    """The embedded issuer, asked behind the portal's back."""
    return IdentityServer(issuer)


@pytest.fixture
def no_identity_server(settings: Any) -> str:
    """The settings point at an address where nobody listens."""
    url = "http://127.0.0.1:9"
    settings.KEYCLOAK_URL, settings.TRUSTED_ORIGINS = url, [url]
    return url
