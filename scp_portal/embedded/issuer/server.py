"""The issuer's addresses. One route table; every answer has a length, no cache, and a policy that allows nothing but
itself."""

import base64
import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from scp_portal.embedded.issuer import pages
from scp_portal.embedded.issuer.clients_api import ClientsApi, Reply
from scp_portal.embedded.issuer.minting import Minter
from scp_portal.embedded.issuer.realm import Client, demo_people, realm_clients
from scp_portal.embedded.issuer.signin import BackToClient, NotOurs, OAuthError, SignInFlow
from scp_portal.embedded.issuer.store import ClientStore, signing_key

REALM = "/realms/scp"
OIDC = f"{REALM}/protocol/openid-connect"
ADMIN = "/admin/realms/scp"
STYLE_PATH = f"{REALM}/style.css"
CHOICE_PATH = f"{REALM}/login-actions/authenticate"
MAX_BODY = 64 * 1024
LOOPBACK = "127.0.0.1"


class Issuer:
    """Everything the handler needs; `url` is the origin under which the portal and the browser know this server."""

    def __init__(self, url: str, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.url = url.rstrip("/")
        self.people = demo_people()
        self.clients = ClientStore(folder, realm_clients())
        self.minter = Minter(self.url + REALM, signing_key(folder))
        self.flow = SignInFlow(self.clients, self.minter, self.people)
        self.admin = ClientsApi(self.clients, self.minter, self.url + ADMIN)

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url + REALM,
            "authorization_endpoint": f"{self.url}{OIDC}/auth",
            "token_endpoint": f"{self.url}{OIDC}/token",
            "jwks_uri": f"{self.url}{OIDC}/certs",
            "end_session_endpoint": f"{self.url}{OIDC}/logout",
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile", "email"],
            "authorization_response_iss_parameter_supported": True,
        }

    def token(self, form: Mapping[str, str], basic: tuple[str, str] | None) -> dict[str, Any]:
        """The token endpoint. Raises OAuthError."""
        client_id, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        client = self.clients.authenticate(client_id, secret)
        if client is None:
            raise OAuthError("invalid_client", "Invalid client or Invalid client credentials", 401)
        match form.get("grant_type"):
            case "client_credentials":
                return self._machine_token(client)
            case "authorization_code":
                return self.flow.redeem(client, form)
            case "refresh_token":
                return self.flow.refresh(client, form)
        raise OAuthError("unsupported_grant_type", "Unsupported grant_type")

    def _machine_token(self, client: Client) -> dict[str, Any]:
        if not client.get("serviceAccountsEnabled"):
            raise OAuthError("unauthorized_client", "Client not enabled to retrieve service account", 401)
        return self.minter.machine_token(client)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "scp-demo-issuer"
    sys_version = ""
    timeout = 30
    issuer: Issuer

    def do_GET(self) -> None:
        self._dispatch("GET", b"")

    def do_DELETE(self) -> None:
        self._dispatch("DELETE", b"")

    def do_POST(self) -> None:
        self._with_body("POST")

    def do_PUT(self) -> None:
        self._with_body("PUT")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: query strings hold codes."""

    def _with_body(self, method: str) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            self._send(413, b"", "text/plain")
            return
        self._dispatch(method, self.rfile.read(int(length)))

    def _dispatch(self, method: str, body: bytes) -> None:
        parts = urlsplit(self.path)
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in {LOOPBACK, "localhost"}:
            self._send(421, b"", "text/plain")  # another name that resolves to loopback: DNS rebinding
            return
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.path == f"{ADMIN}/clients" or parts.path.startswith(f"{ADMIN}/clients/"):
            rest = [unquote(p) for p in parts.path.removeprefix(f"{ADMIN}/clients").split("/") if p]
            self._reply(self.issuer.admin.handle(method, rest, query, self._bearer(), body))
            return
        view = ROUTES.get((method, parts.path))
        if view is None:
            self._json(404, {"error": "HTTP 404 Not Found"})
            return
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        try:
            view(self, query | form if method == "POST" else query)
        except NotOurs as error:
            self._html(400, pages.message("This sign-in does not work", str(error), STYLE_PATH))
        except BackToClient as back:
            self._redirect(back.location)
        except OAuthError as error:
            self._json(error.status, {"error": error.error, "error_description": error.description})

    # -- views

    def discovery(self, _: Mapping[str, str]) -> None:
        self._json(200, self.issuer.discovery())

    def certs(self, _: Mapping[str, str]) -> None:
        self._json(200, self.issuer.minter.key_set())

    def style(self, _: Mapping[str, str]) -> None:
        self._send(200, pages.STYLE, "text/css; charset=utf-8")

    def auth(self, query: Mapping[str, str]) -> None:
        token, entry = self.issuer.flow.begin(query)
        target = "{0.scheme}://{0.netloc}".format(urlsplit(entry.redirect_uri))
        self._html(200, pages.choice(self.issuer.people, token, CHOICE_PATH, STYLE_PATH), target)

    def choose(self, form: Mapping[str, str]) -> None:
        self._redirect(self.issuer.flow.choose(form.get("request", ""), form.get("person", "")))

    def token(self, form: Mapping[str, str]) -> None:
        self._json(200, self.issuer.token(form, self._basic()))

    def logout(self, query: Mapping[str, str]) -> None:
        target = self.issuer.flow.end(query)
        if target:
            self._redirect(target)
        else:
            self._html(200, pages.message("You are signed out", "You can close this page.", STYLE_PATH))

    # -- in and out

    def _bearer(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ").strip()

    def _basic(self) -> tuple[str, str] | None:
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return unquote(name), unquote(secret)

    def _reply(self, reply: Reply) -> None:
        body = b"" if reply.body is None else json.dumps(reply.body).encode()
        self._send(reply.status, body, "application/json", reply.headers)

    def _json(self, status: int, body: Any) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _html(self, status: int, body: str, form_target: str = "") -> None:
        policy = (
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
            f"form-action 'self' {form_target}".rstrip()
        )
        self._send(status, body.encode(), "text/html; charset=utf-8", {"Content-Security-Policy": policy})

    def _redirect(self, location: str) -> None:
        self._send(302, b"", "text/plain", {"Location": location})

    def _send(self, status: int, body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        common = {
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Content-Type": kind,
        }
        for name, value in {**common, **(headers or {})}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ROUTES: dict[tuple[str, str], Callable[[Handler, Mapping[str, str]], None]] = {
    ("GET", f"{REALM}/.well-known/openid-configuration"): Handler.discovery,
    ("GET", f"{OIDC}/certs"): Handler.certs,
    ("GET", f"{OIDC}/auth"): Handler.auth,
    ("POST", CHOICE_PATH): Handler.choose,
    ("POST", f"{OIDC}/token"): Handler.token,
    ("GET", f"{OIDC}/logout"): Handler.logout,
    ("POST", f"{OIDC}/logout"): Handler.logout,
    ("GET", STYLE_PATH): Handler.style,
}


def make_server(port: int, folder: Path, url: str | None = None) -> ThreadingHTTPServer:
    """A server on loopback; port 0 takes a free one."""

    class Bound(Handler):
        """The handler of this one server."""

    server = ThreadingHTTPServer((LOOPBACK, port), Bound)
    server.daemon_threads = True
    Bound.issuer = Issuer(url or f"http://{LOOPBACK}:{server.server_port}", folder)
    return server
