"""The authorization-code flow of people: request, choice, code, tokens (RFC 6749 4.1, RFC 7636 with S256 only)."""

import base64
import hashlib
import hmac
import secrets
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from scp_portal.embedded.issuer.minting import Minter
from scp_portal.embedded.issuer.realm import Client, DemoPerson
from scp_portal.embedded.issuer.store import ClientStore

CHOICE_SECONDS = 900
CODE_SECONDS = 60
MOST_WAITING = 10_000


class NotOurs(Exception):
    """The request names no client or address of ours: it is answered with a page, never with a redirect."""


class OAuthError(Exception):
    """An error of RFC 6749, as `error` and `error_description`."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(description or error)
        self.error, self.description, self.status = error, description, status


class BackToClient(Exception):
    """The request is refused at the client's own redirect address."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in on its way; `person` and `sid` are set once somebody was chosen."""

    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    until: float
    person: str = ""
    sid: str = ""


class Waiting:
    """Single-use, short-lived, in memory."""

    def __init__(self) -> None:
        self._entries: dict[str, SignIn] = {}
        self._lock = threading.Lock()

    def add(self, entry: SignIn) -> str:
        token = secrets.token_urlsafe(32)
        with self._lock:
            if len(self._entries) >= MOST_WAITING:
                self._entries = {key: kept for key, kept in self._entries.items() if kept.until > time.monotonic()}
            if len(self._entries) >= MOST_WAITING:
                raise OAuthError("temporarily_unavailable", "Too many sign-ins at once", 503)
            self._entries[token] = entry
        return token

    def take(self, token: str) -> SignIn | None:
        with self._lock:
            entry = self._entries.pop(token, None)
        return entry if entry and entry.until > time.monotonic() else None


class SignInFlow:
    def __init__(self, clients: ClientStore, minter: Minter, people: list[DemoPerson]) -> None:
        self.clients, self.minter = clients, minter
        self.people = {person.sub: person for person in people}
        self._choices, self._codes = Waiting(), Waiting()
        self._ended: set[str] = set()

    def begin(self, query: Mapping[str, str]) -> tuple[str, SignIn]:
        """Check an authorization request; the token identifies it to the page's form."""
        client = self.clients.find(query.get("client_id", ""))
        redirect = query.get("redirect_uri", "")
        if client is None or not client.get("standardFlowEnabled") or redirect not in client.get("redirectUris", []):
            raise NotOurs("This sign-in was not started by an application known here.")
        fault = _request_fault(query)
        if fault:
            raise BackToClient(_answer(redirect, {"error": fault, "state": query.get("state", "")}))
        entry = SignIn(
            client["clientId"],
            redirect,
            query.get("state", ""),
            query.get("nonce", ""),
            query["code_challenge"],
            time.monotonic() + CHOICE_SECONDS,
        )
        return self._choices.add(entry), entry

    def choose(self, token: str, sub: str) -> str:
        """Where to send the browser now that somebody was chosen."""
        entry = self._choices.take(token)
        if entry is None or sub not in self.people:
            raise NotOurs("This page is out of date. Go back to the portal and sign in again.")
        sid = str(uuid.uuid4())
        code = self._codes.add(replace(entry, person=sub, sid=sid, until=time.monotonic() + CODE_SECONDS))
        issuer = self.minter.issuer
        return _answer(entry.redirect_uri, {"code": code, "state": entry.state, "session_state": sid, "iss": issuer})

    def redeem(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        """The tokens for a code. A code is used up by the first try, right or wrong."""
        entry = self._codes.take(form.get("code", ""))
        if entry is None or entry.client_id != client["clientId"] or entry.redirect_uri != form.get("redirect_uri"):
            raise OAuthError("invalid_grant", "Code not valid")
        if not _pkce_holds(form.get("code_verifier", ""), entry.challenge):
            raise OAuthError("invalid_grant", "PKCE verification failed")
        person = self.people[entry.person]
        return self.minter.person_tokens(client, person, entry.sid, entry.nonce, int(time.time()))

    def refresh(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        claims = self.minter.read(form.get("refresh_token", ""), "Refresh")
        if claims is None or claims["azp"] != client["clientId"] or claims["sid"] in self._ended:
            raise OAuthError("invalid_grant", "Token is not active")
        person = self.people.get(claims["sub"])
        if person is None:
            raise OAuthError("invalid_grant", "User not found")
        return self.minter.person_tokens(client, person, claims["sid"], "", claims["auth_time"])

    def end(self, query: Mapping[str, str]) -> str | None:
        """End the session of the ID token; the address to return to when the client may use it."""
        claims = self.minter.read(query.get("id_token_hint", ""), "ID")
        if claims is not None:
            self._ended.add(str(claims["sid"]))
        client = self.clients.find(str(claims["azp"]) if claims else query.get("client_id", ""))
        allowed = (client or {}).get("attributes", {}).get("post.logout.redirect.uris", "").split("##")
        target = query.get("post_logout_redirect_uri", "")
        if not target or target not in allowed:
            return None
        return _answer(target, {"state": query["state"]}) if query.get("state") else target


def _request_fault(query: Mapping[str, str]) -> str:
    if query.get("response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in query.get("scope", "").split():
        return "invalid_scope"
    if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
        return "invalid_request"
    return "login_required" if query.get("prompt") == "none" else ""


def _pkce_holds(verifier: str, challenge: str) -> bool:
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return 43 <= len(verifier) <= 128 and hmac.compare_digest(made, challenge.encode())


def _answer(address: str, values: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(values)}"
