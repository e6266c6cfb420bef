"""No other module of the portal opens a connection of its own to the outside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("scp_portal", "audit", "registry", "exchange", "webhooks")
CLIENTS = {"requests", "urllib3", "httpx", "aiohttp", "http.client", "urllib.request", "ftplib", "smtplib", "telnetlib"}
ALLOWED = {
    "scp_portal/kernel/egress.py": "is the way out",
    "scp_portal/embedded/services.py": "asks the parts it has itself just started whether they are up, on loopback",
}


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_client(name: str) -> bool:
    return any(name == client or name.startswith(f"{client}.") for client in CLIENTS)


def modules() -> list[Path]:
    return [path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")]


@pytest.mark.req("B-7.3-1")
def test_nothing_but_egress_imports_an_http_client() -> None:
    found = {
        str(path.relative_to(ROOT)) for path in modules() if any(map(is_client, imported(path.read_text("utf-8"))))
    }
    # Sign-in of people talks through mozilla-django-oidc, which brings its own client and is not imported here.
    assert found - set(ALLOWED) == set()
    assert len(modules()) > 50


def test_the_exceptions_still_need_to_be_ones() -> None:
    for name in ALLOWED:
        assert any(map(is_client, imported((ROOT / name).read_text("utf-8")))), name


@pytest.mark.parametrize(
    "line",
    [
        "import requests",
        "from urllib import request",
        "import http.client as h",
        "from requests.sessions import Session",
    ],
)
def test_the_search_finds_every_way_to_write_it(line: str) -> None:
    assert any(map(is_client, imported(line)))
    assert not any(map(is_client, imported("from urllib.parse import urlsplit\nimport http")))
