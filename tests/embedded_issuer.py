"""The embedded issuer for tests that need machine clients but no Keycloak: the real server, on a port of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from scp_portal.embedded.issuer.server import make_server
from tests.keycloak.distribution import SECRET_NAMES
from tests.keycloak.handle import point_settings_at


@pytest.fixture(scope="session")
def issuer_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its origin; the realm's clients have the secrets of the environment."""
    for name in SECRET_NAMES:
        os.environ.setdefault(name, f"only-for-tests-{name.lower()}")
    server = make_server(0, tmp_path_factory.mktemp("issuer"), None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def issuer(issuer_address: str, settings: Any) -> str:
    """The portal's settings point at it for one test."""
    point_settings_at(settings, issuer_address, {name: os.environ[name] for name in SECRET_NAMES})
    return issuer_address
