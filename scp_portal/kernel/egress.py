"""The one way out: every HTTP call of the portal goes through `call` (B-7.3-1).

An outside host is resolved once, every address it has is checked, and one of those very addresses is dialled, while
name, certificate and SNI stay the host's. No proxy and no password file of the environment, no redirect, no
decompression, a limit on time and size. There is no switch that turns the certificate check off.
"""

import json as jsonlib
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Final

import certifi
import requests
from django.db import connections
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, SSLError

from scp_portal.kernel import addresses
from scp_portal.kernel.destinations import Destination, EgressError, EgressRefused, destination

__all__ = ["Answer", "EgressError", "EgressFailed", "EgressRefused", "call"]

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 5.0
TOTAL_SECONDS: Final = 20.0
MAX_BYTES: Final = 65_536
_RESERVED: Final = frozenset({"host", "connection", "transfer-encoding", "te", "upgrade", "content-length", "expect"})

Resolver = Callable[[str, int], list[str]]


class EgressFailed(EgressError):
    """The call gave no usable answer. `reason`: timeout, dns, tls, connect, too_large, encoded, protocol."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are lower case. A redirect is an answer like any other."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Raises EgressFailed when the body is not JSON."""
        try:
            return jsonlib.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise EgressFailed("protocol") from error


def call(
    method: str,
    url: str,
    *,
    purpose: str,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    data: bytes | str | Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    timeout: float = TOTAL_SECONDS,
    max_bytes: int = MAX_BYTES,
) -> Answer:
    """Make one call; `timeout` bounds it from name look-up to last byte. Raises EgressRefused or EgressFailed.

    `purpose` names the reason in the log, which never holds the address's path, a header or a body.
    """
    _refuse_inside_transaction()
    target = destination(url)
    prepared = _prepared(
        requests.Request(method, url, headers=_checked(headers or {}), json=json, data=data, auth=auth)
    )
    started = time.monotonic()
    outcome = "failed"
    try:
        answer = exchange(prepared, Dial(target, deadline=started + timeout), max_bytes)
        outcome = str(answer.status)
        return answer
    except EgressError as error:
        outcome = str(error)
        raise
    finally:
        logger.info("egress %s %s: %s in %.0f ms", purpose, target.origin, outcome, (time.monotonic() - started) * 1000)


def _refuse_inside_transaction() -> None:
    """A slow peer must not hold locks; transactions opened by a test's own set-up do not count."""
    for connection in connections.all(initialized_only=True):
        if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
            raise EgressRefused("a call inside a database transaction")


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    if reserved := _RESERVED & {name.lower() for name in headers}:
        raise EgressRefused(f"the header {min(reserved)} is not the caller's to set")
    return dict(headers)


def _prepared(request: requests.Request) -> requests.PreparedRequest:
    request.headers = {"User-Agent": "scp-integration-portal", **request.headers, "Accept-Encoding": "identity"}
    try:
        return request.prepare()
    except requests.RequestException as error:
        raise EgressRefused("a header or the address is malformed") from error


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, in the system's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@lru_cache(maxsize=1)
def _look_ups() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="egress-dns")


os.register_at_fork(after_in_child=_look_ups.cache_clear)  # a worker's threads do not come along when it forks


@dataclass
class Dial:
    """One connection to one destination within one deadline. Tests put in another resolver, port and table."""

    target: Destination
    deadline: float
    resolver: Resolver = resolve
    denial: Callable[[str], str | None] = addresses.denial
    context: ssl.SSLContext | None = None
    expired: bool = False
    handles: list[socket.socket] = field(default_factory=list)

    def remaining(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise EgressFailed("timeout")
        return left

    def connect(self) -> socket.socket:
        """A socket to the first address that answers, once all of them are known to be allowed."""
        for address in self.vetted():
            try:
                opened = socket.create_connection((address, self.target.port), min(CONNECT_SECONDS, self.remaining()))
            except OSError:
                continue
            opened.settimeout(self.remaining())
            self.handles.append(opened.dup())  # the TLS layer takes the socket over; this end can still be shut
            return opened
        raise EgressFailed("timeout" if time.monotonic() >= self.deadline else "connect")

    def vetted(self) -> list[str]:
        found = self._resolved()
        if not self.target.trusted:
            for address in found:
                if why := self.denial(address):
                    raise EgressRefused(f"the host has an address that is not outside ({why})")
        return found

    def _resolved(self) -> list[str]:
        look_up = _look_ups().submit(self.resolver, self.target.host, self.target.port)
        try:
            found = look_up.result(min(CONNECT_SECONDS, self.remaining()))
        except (OSError, UnicodeError, FutureTimeout) as error:
            raise EgressFailed("dns") from error
        if not found:
            raise EgressFailed("dns")
        return found

    def expire(self) -> None:
        """Called by the clock: whatever waits for the peer wakes up and fails. Drops slower than a timeout end too."""
        self.expired = True
        for handle in self.handles:
            _shut(handle)

    def close(self) -> None:
        for handle in self.handles:
            handle.close()


def _shut(handle: socket.socket) -> None:
    try:
        handle.shutdown(socket.SHUT_RDWR)
    except OSError:
        logger.debug("the peer had closed the connection before its time was up")


class _Dialled:
    """Mixed into urllib3's connections: opens its socket through the dial, whatever the host's name resolves to."""

    def __init__(self, *args: Any, dial: Dial, **kwargs: Any) -> None:
        self._dial = dial
        super().__init__(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        return self._dial.connect()


class _Plain(_Dialled, HTTPConnection):
    pass


class _Secure(_Dialled, HTTPSConnection):
    pass


class _Adapter(HTTPAdapter):
    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._dial.context or tls_context())

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The context of `tls_context` holds the authorities; requests would read its own file again for each call."""
        conn.cert_reqs = "CERT_REQUIRED"

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        kind = _Secure if pool.scheme == "https" else _Plain
        pool.ConnectionCls = partial(kind, dial=self._dial)
        return pool


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """TLS 1.2 or newer; certifi's authorities, and those the operator adds by SSL_CERT_FILE or SSL_CERT_DIR."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def exchange(prepared: requests.PreparedRequest, dial: Dial, max_bytes: int) -> Answer:
    """Send and read under the dial's deadline."""
    clock = threading.Timer(dial.remaining(), dial.expire)
    clock.daemon = True
    clock.start()
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.mount(f"{dial.target.scheme}://", _Adapter(dial))
            with session.send(
                prepared, stream=True, allow_redirects=False, verify=True, timeout=dial.remaining(), proxies={}
            ) as response:
                answer = Answer(response.status_code, _names_lowered(response.headers), _body(response, max_bytes))
        if dial.expired:  # a connection shut by the clock looks like a peer that has finished
            raise EgressFailed("timeout")
        return answer
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        raise EgressFailed("timeout" if dial.expired else _reason(error)) from error
    finally:
        clock.cancel()
        dial.close()


def _names_lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _body(response: requests.Response, max_bytes: int) -> bytes:
    """The bytes as sent, up to the limit."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise EgressFailed("encoded")
    body = bytearray()
    while chunk := response.raw.read(max_bytes + 1 - len(body), decode_content=False):
        body += chunk
        if len(body) > max_bytes:
            raise EgressFailed("too_large")
    return bytes(body)


def _reason(error: BaseException) -> str:
    """requests and urllib3 wrap each other's exceptions; the innermost tells."""
    for inner in _causes(error):
        if isinstance(inner, TimeoutError | requests.Timeout):
            return "timeout"
        if isinstance(inner, ssl.SSLError | SSLError):
            return "tls"
        if isinstance(inner, ConnectionError):
            return "connect"
    return "protocol"


def _causes(error: BaseException) -> Iterable[BaseException]:
    seen: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting and len(seen) < 20:
        current = waiting.pop()
        if isinstance(current, BaseException) and current not in seen:
            seen.append(current)
            waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
    return seen
