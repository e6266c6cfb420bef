"""A real identity server for the registry's tests: the embedded issuer, in a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scp_portal.embedded.issuer.server import make_server
from tests.registry.identity_server import IdentityServer


@pytest.fixture(scope="session")
def running_issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = make_server(0, Path(tmp_path_factory.mktemp("issuer")), None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join(5)


@pytest.fixture
def identity_server(running_issuer: str, settings: object) -> IdentityServer:
    """The settings point at it for this test."""
    settings.KEYCLOAK_URL = running_issuer  # type: ignore[attr-defined]
    settings.TRUSTED_ORIGINS = [running_issuer]  # type: ignore[attr-defined]
    return IdentityServer(running_issuer)


@pytest.fixture
def no_identity_server(settings: object) -> str:
    """The settings point at an address where nobody listens."""
    url = "http://127.0.0.1:9"
    settings.KEYCLOAK_URL = url  # type: ignore[attr-defined]
    settings.TRUSTED_ORIGINS = [url]  # type: ignore[attr-defined]
    return url
