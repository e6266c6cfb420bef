"""An identity server that says whatever a test wants: right keys, any ID token, any failure. Real HTTP, on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.keycloak.handle import point_settings_at
from tests.keycloak.mint import Mint

SECRETS = {"OIDC_CLIENT_SECRET": "only-for-tests", "KEYCLOAK_PROVISIONER_SECRET": "only-for-tests"}


class HostileIdp:
    """`answer` is what the token endpoint says next: (status, body); `delay` is how long it thinks first."""

    def __init__(self) -> None:
        self.mint = Mint()
        self.answer: tuple[int, bytes] = (500, b"")
        self.delay = 0.0
        self.keys_status = 200
        self.forms: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send(outer.keys_status, outer.mint.key_set())

            def do_POST(self) -> None:
                outer.forms.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                time.sleep(outer.delay)
                self._send(*outer.answer)

            def _send(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing to say between dots of a test run."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/scp"

    def id_claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a right ID token but for its nonce; a change to `...` leaves that claim out."""
        usual: dict[str, Any] = {
            "iss": self.issuer,
            "aud": "scp-portal",
            "azp": "scp-portal",
            "typ": "ID",
            "sid": "sid-1",
        }
        usual |= {"sub": "subject-1", "name": "Ada Example", "email": "ada@example.org", "email_verified": True}
        return self.mint.claims(**(usual | {"tenant_id": ..., "integration_id": ..., "verticals": ...} | changes))

    def says(self, claims: dict[str, Any], header: dict[str, Any] | None = None, **more: Any) -> None:
        """The token endpoint's next answer is an ID token of these claims."""
        self.says_token(self.mint.sign(claims, header), **more)

    def says_token(self, token: Any, **more: Any) -> None:
        told = {"id_token": token, "access_token": "unused", "refresh_token": "refresh-1", **more}
        self.answer = (200, json.dumps(told).encode())

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hostile(settings: Any) -> Iterator[HostileIdp]:
    server = HostileIdp()
    point_settings_at(settings, server.url, SECRETS)
    yield server
    server.close()
