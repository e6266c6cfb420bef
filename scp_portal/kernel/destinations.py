"""Addresses of the outside world as text: what a URL must look like before anything is dialled."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_PORTS: Final = {"http": 80, "https": 443}
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_URL: Final = 2048


class EgressError(Exception):
    """A call to the outside did not give an answer."""


class EgressRefused(EgressError):
    """The call is not allowed; nothing was sent. The message says why and quotes nothing of the address."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL that may be dialled. `trusted`: the operator runs it, so the deny table does not apply."""

    url: str
    scheme: str
    host: str
    port: int
    trusted: bool

    @property
    def origin(self) -> str:
        return _origin(self.scheme, self.host, self.port)


def destination(url: str) -> Destination:
    """Raises EgressRefused when the URL is not one that may be called."""
    parts, port = _split(url)
    host = parts.hostname or ""
    trusted = _origin(parts.scheme, host, port) in trusted_origins()
    if trusted:
        # Plain http leaves the machine only where the operator says so, and never outside DEBUG (portal.E004).
        plain = parts.scheme == "http" and host not in LOOPBACK
        _refuse_if(plain and not settings.PLAIN_HTTP_TO_TRUSTED, "http to another machine")
    else:
        _check_outside(parts.scheme, host, port)
    return Destination(url, parts.scheme, host, port, trusted)


def trusted_origins() -> frozenset[str]:
    """settings.TRUSTED_ORIGINS with their ports written out."""
    found = set()
    for origin in settings.TRUSTED_ORIGINS:
        parts, port = _split(origin)
        found.add(_origin(parts.scheme, parts.hostname or "", port))
    return frozenset(found)


def _origin(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _refuse_if(bad: bool, why: str) -> None:
    if bad:
        raise EgressRefused(why)


def _split(url: str) -> tuple[SplitResult, int]:
    _refuse_if(len(url) > MAX_URL, "the address is too long")
    _refuse_if(not _VISIBLE.fullmatch(url) or "\\" in url, "the address has characters that do not belong there")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EgressRefused("not an address") from error
    _refuse_if(parts.scheme not in _PORTS, "only https is called")
    _refuse_if("@" in parts.netloc, "an address holds no user or password")
    _refuse_if("#" in url, "an address holds no fragment")
    _refuse_if(not _is_canonical(parts.hostname or "", parts.netloc), "the host is not written canonically")
    return parts, _PORTS[parts.scheme] if port is None else port


def _is_canonical(host: str, netloc: str) -> bool:
    """One spelling only: lower case, no trailing dot, no number in disguise (`127.1`, `0x7f000001`, `2130706433`)."""
    if netloc.startswith("["):
        return netloc.split("]")[0] == f"[{host}" and _same(ipaddress.IPv6Address, host)
    if netloc.partition(":")[0] != host or len(host) > 253 or not _HOST.fullmatch(host):
        return False
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        return _same(ipaddress.IPv4Address, host)
    return True


def _same(kind: type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address], host: str) -> bool:
    try:
        return str(kind(host)) == host
    except ValueError:
        return False


def _check_outside(scheme: str, host: str, port: int) -> None:
    _refuse_if(scheme != "https", "only https is called")
    _refuse_if(port != _PORTS["https"], "only port 443 is called")
    _refuse_if("." not in host and ":" not in host, "a name without a domain is not outside")
    _refuse_if(host in own_hosts(), "the portal's own hosts are not outside")


def own_hosts() -> frozenset[str]:
    """Names of the portal itself and of what the operator runs, on any port but the trusted one."""
    urls = (settings.PORTAL_URL, *settings.TRUSTED_ORIGINS)
    names = {urlsplit(url).hostname or "" for url in urls}
    names |= {host.lstrip(".").strip("[]") for host in settings.ALLOWED_HOSTS}
    return frozenset(names - {"*"})
