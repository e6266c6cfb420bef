"""The one way out, against real sockets."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from django.db import transaction
from pytest_django import Settings

from scp_portal.kernel import egress
from scp_portal.kernel.destinations import Destination, destination
from scp_portal.kernel.egress import Answer, Dial, EgressFailed, EgressRefused
from tests.kernel.servers import OK, Authority, Behaviour, say, serving

HOST = "partner.example"
pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def allow(address: str) -> None:
    return None


def get(
    port: int, authority: Authority, *, host: str = HOST, seconds: float = 5, limit: int = 65_536, **dial: object
) -> Answer:
    """A call as `egress.call` makes it, to a host that resolves to loopback, which the test's table allows."""
    target = Destination(f"https://{host}:{port}/hook?x=1", "https", host, port, trusted=False)
    rules = {"resolver": lambda name, number: ["127.0.0.1"], "denial": allow, "context": authority.client_context()}
    prepared = requests.Request("GET", target.url).prepare()
    return egress.exchange(prepared, Dial(target, time.monotonic() + seconds, **{**rules, **dial}), limit)  # type: ignore[arg-type]


def test_an_answer_comes_back_with_status_headers_and_bytes(authority: Authority) -> None:
    with serving(say(OK), authority.server_context(HOST)) as sink:
        answer = get(sink.port, authority)
    assert (answer.status, answer.headers["x-kind"], answer.body) == (200, "sink", b"ok")
    assert f"Host: {HOST}:{sink.port}".encode() in sink.requests[0]


def test_the_name_is_resolved_once_and_the_checked_address_is_the_dialled_one(authority: Authority) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])
    with serving(say(OK), authority.server_context(HOST)) as sink:
        get(sink.port, authority, resolver=lambda host, port: next(answers))
    assert next(answers) == ["169.254.169.254"], "a rebinding name server is not asked a second time"


def test_one_denied_address_among_several_stops_the_call_before_anything_is_dialled(authority: Authority) -> None:
    with serving(say(OK), authority.server_context(HOST)) as sink:
        with pytest.raises(EgressRefused, match="private"):
            get(
                sink.port,
                authority,
                resolver=lambda host, port: ["127.0.0.1", "10.0.0.5"],
                denial=lambda address: "private" if address.startswith("10.") else None,
            )
        assert sink.connections == 0


@pytest.mark.req("B-7.3-1")
@pytest.mark.parametrize(
    ("name", "days", "oldest"),
    [("elsewhere.example", (-1, 1), False), (HOST, (-3, -1), False), (HOST, (-1, 1), True)],
    ids=["wrong name", "expired", "TLS 1.1"],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_a_certificate_or_protocol_that_is_not_right_fails(
    name: str, days: tuple[int, int], oldest: bool, authority: Authority
) -> None:
    with serving(say(OK), authority.server_context(name, days=days, oldest=oldest)) as sink:
        with pytest.raises(EgressFailed, match="tls"):
            get(sink.port, authority)
        assert sink.requests == []


def test_an_authority_that_nobody_knows_fails(authority: Authority, tmp_path: Path) -> None:
    with (
        serving(say(OK), Authority(tmp_path).server_context(HOST)) as sink,
        pytest.raises(EgressFailed, match="tls"),
    ):
        get(sink.port, authority)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status: int, authority: Authority) -> None:
    with serving(say(OK)) as other:
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{other.port}/\r\nContent-Length: 0\r\n\r\n"
        with serving(say(moved.encode()), authority.server_context(HOST)) as sink:
            assert get(sink.port, authority).status == status
        assert other.connections == 0


def drip(before: bytes, drop: bytes) -> Behaviour:
    def behave(peer: socket.socket, request: bytes) -> None:
        peer.sendall(before)
        for _ in range(100):
            peer.sendall(drop)
            time.sleep(0.2)

    return behave


@pytest.mark.parametrize(
    "behaviour",
    [
        drip(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"b"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nb\r\n"),
        lambda peer, request: time.sleep(5),
    ],
    ids=["headers", "body", "chunks", "silence"],
)
def test_a_peer_that_drips_is_cut_off_at_the_deadline(behaviour: Behaviour, authority: Authority) -> None:
    with serving(behaviour, authority.server_context(HOST)) as sink:
        started = time.monotonic()
        with pytest.raises(EgressFailed, match="timeout"):
            get(sink.port, authority, seconds=1)
        assert time.monotonic() - started < 3


def test_a_peer_that_never_shakes_hands_is_cut_off(authority: Authority) -> None:
    with serving(lambda peer, request: time.sleep(5)) as sink, pytest.raises(EgressFailed, match="timeout"):
        get(sink.port, authority, seconds=1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000, "too_large"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n",
            "too_large",
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000, "too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00", "encoded"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "connect|protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nxx", "protocol|connect"),
    ],
    ids=["length", "chunked", "unbounded", "gzip", "not http", "cut short"],
)
def test_answers_that_are_too_large_or_broken_fail(answer: bytes, reason: str, authority: Authority) -> None:
    with serving(say(answer), authority.server_context(HOST)) as sink, pytest.raises(EgressFailed, match=reason):
        get(sink.port, authority, limit=1000)


def test_a_body_of_exactly_the_limit_is_taken(authority: Authority) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    with serving(say(answer), authority.server_context(HOST)) as sink:
        assert len(get(sink.port, authority, limit=1000).body) == 1000


def test_the_environments_proxy_is_not_used(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(say(OK)) as proxy, serving(say(OK), authority.server_context(HOST)) as sink:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert get(sink.port, authority).status == 200
        assert proxy.connections == 0


def test_a_name_that_does_not_resolve_fails_as_dns(authority: Authority) -> None:
    def fail(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(EgressFailed, match="dns"):
        get(443, authority, resolver=fail)


def test_a_name_server_that_hangs_is_given_up(authority: Authority) -> None:
    def hang(host: str, port: int) -> list[str]:
        time.sleep(2)
        return ["127.0.0.1"]

    started = time.monotonic()
    with pytest.raises(EgressFailed, match="dns"):
        get(443, authority, seconds=0.3, resolver=hang)
    assert time.monotonic() - started < 1.5


def test_nobody_listening_fails_as_connect(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(EgressFailed, match="connect"):
        get(port, authority)


# -- the public door -------------------------------------------------------------------------------------------------


def test_a_trusted_origin_on_loopback_is_called_as_it_stands(settings: Settings) -> None:
    with serving(say(b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}')) as sink:
        settings.TRUSTED_ORIGINS = [f"http://127.0.0.1:{sink.port}"]
        answer = egress.call("POST", f"http://127.0.0.1:{sink.port}/x", purpose="test", json={"b": 2}, auth=("u", "p"))
    assert answer.json() == {"a": 1}
    assert b'{"b": 2}' in sink.requests[0]
    assert b"Authorization: Basic" in sink.requests[0]
    assert b"Accept-Encoding: identity" in sink.requests[0]


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest/meta-data"])
def test_an_address_of_the_deny_table_is_never_dialled(url: str, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = []
    settings.PORTAL_URL = "https://portal.example"
    settings.TRUSTED_ORIGINS = []
    with pytest.raises(EgressRefused):
        egress.call("GET", url, purpose="test")


def test_a_name_that_points_inside_is_never_dialled(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(socket, "create_connection", opened.append)
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *a, **k: [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", ("127.0.0.1", 443))],
    )
    with pytest.raises(EgressRefused, match="loopback"):
        egress.call("GET", "https://rebind.example/", purpose="test")
    assert opened == []


CORPUS = """
http://partner.example/                     ftp://partner.example/            file:///etc/passwd
gopher://partner.example/                   //partner.example/                partner.example
https://partner.example:22/                 https://partner.example:25/       https://partner.example:5432/
https://partner.example:6379/               https://partner.example:8443/     https://partner.example:0/
https://partner.example:99999/              https://user@partner.example/     https://user:pw@partner.example/
https://@partner.example/                   https://partner.example/#x        https://partner.example#@127.0.0.1/
https://PARTNER.example/                    https://partner.example./         https://partner..example/
https://-partner.example/                   https://par_tner.example/         https://partner.example\\@127.0.0.1/
https://127.1/                              https://2130706433/               https://0x7f000001/
https://0177.0.0.1/                         https://127.0.0.1.:443/           https://0x7f.1/
https://1.2.3/                              https://１２７.0.0.1/             https://①②⑦.0.0.1/
https://127。0。0。1/                       https://partner.exämple/          https://localhost/
https://keycloak/                           https://[::ffff:127.0.0.1]/       https://[0:0::1]/
https://[fe80::1%25eth0]/                   https://[::1                      https://partner.example:/x:80
https://partner.example%2f@127.0.0.1/       https://partner.example%00/       https:///partner.example/
https:partner.example                       https://                          javascript:alert(1)
"""
BAD_URLS = CORPUS.split()


@pytest.mark.parametrize(
    "url",
    [*BAD_URLS, "https://partner.example/\r\nHost: x", "https://partner.example/ x", "https://a.example/" + "x" * 3000],
)
def test_an_address_that_could_mean_something_else_is_refused(url: str) -> None:
    with pytest.raises(EgressRefused):
        Dial(destination(url), time.monotonic() + 5, resolver=lambda host, port: [host]).vetted()


def test_an_ordinary_address_is_not_refused() -> None:
    target = destination("https://hooks.partner-one.example/a/b?c=d%20e")
    assert (target.host, target.port, target.trusted) == ("hooks.partner-one.example", 443, False)


def test_the_portals_own_host_and_other_ports_of_trusted_hosts_are_refused(settings: Settings) -> None:
    settings.PORTAL_URL = "https://portal.example"
    settings.TRUSTED_ORIGINS = ["https://id.example:8443"]
    assert destination("https://id.example:8443/realms").trusted
    for url in ("https://portal.example/", "https://id.example/"):
        with pytest.raises(EgressRefused):
            destination(url)


def test_http_to_a_trusted_origin_of_another_machine_is_refused(settings: Settings) -> None:
    settings.TRUSTED_ORIGINS = ["http://id.example:8080"]
    with pytest.raises(EgressRefused):
        destination("http://id.example:8080/")


@pytest.mark.parametrize("name", ["Host", "Transfer-Encoding", "te", "Connection", "content-length"])
def test_headers_that_steer_the_connection_are_refused(name: str) -> None:
    with pytest.raises(EgressRefused, match="header"):
        egress.call("GET", "https://partner.example/", purpose="test", headers={name: "x"})


def test_a_header_cannot_smuggle_a_second_one(settings: Settings) -> None:
    settings.TRUSTED_ORIGINS = ["http://127.0.0.1:1"]
    with pytest.raises(EgressRefused):
        egress.call("GET", "http://127.0.0.1:1/", purpose="test", headers={"X-A": "b\r\nX-C: d"})


@pytest.mark.django_db
def test_no_call_leaves_inside_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(EgressRefused, match="transaction"):
        egress.call("GET", "https://partner.example/", purpose="test")


@pytest.mark.django_db
def test_the_tests_own_transaction_does_not_count(settings: Settings) -> None:
    with serving(say(OK)) as sink:
        settings.TRUSTED_ORIGINS = [f"http://127.0.0.1:{sink.port}"]
        assert egress.call("GET", f"http://127.0.0.1:{sink.port}/", purpose="test").ok


def test_the_log_names_purpose_and_origin_but_no_path(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.TRUSTED_ORIGINS = ["http://127.0.0.1:1"]
    with caplog.at_level("INFO"), pytest.raises(EgressFailed):
        egress.call("GET", "http://127.0.0.1:1/secret-path", purpose="key set")
    assert "key set http://127.0.0.1:1" in caplog.text
    assert "secret-path" not in caplog.text


def test_json_that_is_none_fails_as_protocol() -> None:
    parse: Callable[[], object] = Answer(200, {}, b"<html>").json
    with pytest.raises(EgressFailed, match="protocol"):
        parse()
