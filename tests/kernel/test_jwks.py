"""The identity server's keys: rotation, floods, outages and hostile sets (AN-16, AN-18, AN-19)."""

from __future__ import annotations

import json
import threading

import pytest

from scp_portal.kernel.destinations import EgressError
from scp_portal.kernel.jwks import KeySetRejected, parse_key_set
from scp_portal.kernel.problems import IdpUnavailable
from scp_portal.kernel.tokens import TokenVerifier
from tests.kernel.issuing import CURVE, MINT, OTHER, URL, Server, refusal, verifier
from tests.keycloak.mint import AUDIENCE, ISSUER, Mint, b64


@pytest.mark.req("AN-16")
def test_a_new_key_works_after_one_fetch_and_a_removed_one_stops_working() -> None:
    server, fresh = Server(MINT.key_set()), Mint("key-2")
    rotating = verifier(server)
    old = MINT.token()
    assert rotating.verify(old)
    server.now += 31
    server.body = MINT.key_set(fresh)
    assert rotating.verify(fresh.token())
    assert server.asked == 2
    server.body = fresh.key_set()
    server.now += 601
    assert refusal(old, rotating) == "unknown key"


@pytest.mark.req("AN-18")
def test_a_flood_of_unknown_kids_costs_one_fetch_per_half_minute() -> None:
    server = Server()
    flooded = verifier(server)
    for number in range(500):
        assert refusal(Mint.token(OTHER, {"kid": f"kid-{number}"}), flooded) == "unknown key"
    assert server.asked == 1
    server.now += 31
    for number in range(500):
        refusal(Mint.token(OTHER, {"kid": f"kid-{number}"}), flooded)
    assert server.asked == 2


@pytest.mark.req("AN-18")
@pytest.mark.parametrize(
    "trouble",
    [
        OSError("refused"),
        TimeoutError("hung"),
        IdpUnavailable("down"),
        EgressError("tls"),
        b"<html>",
        b'{"keys":[]}',
        b"{}",
        b"[]",
        b"[" * 90000,
    ],
)
def test_known_keys_outlive_an_outage_for_an_hour_and_unknown_ones_say_503(trouble: Exception | bytes) -> None:
    server = Server()
    steady = verifier(server)
    token = MINT.token()
    assert steady.verify(token)
    if isinstance(trouble, bytes):
        server.body = trouble
    else:
        server.error = trouble
    server.now += 601
    assert steady.verify(token)
    assert steady.verify(MINT.token())
    with pytest.raises(IdpUnavailable):
        steady.verify(OTHER.token({"kid": "unknown"}))
    server.now += 2998
    assert steady.verify(token)
    server.now += 2
    with pytest.raises(IdpUnavailable):
        steady.verify(token)


@pytest.mark.req("AN-18")
def test_the_portal_recovers_within_seconds_of_the_identity_server() -> None:
    server = Server()
    server.error = OSError("not up yet")
    starting = verifier(server)
    with pytest.raises(IdpUnavailable):
        starting.verify(MINT.token())
    server.error = None
    server.now += 5
    assert starting.verify(MINT.token())


@pytest.mark.req("AN-18")
def test_many_threads_share_one_fetch() -> None:
    release, server = threading.Event(), Server()

    def slow(url: str) -> bytes:
        assert release.wait(5)
        return server.fetch(url)

    shared = TokenVerifier(ISSUER, URL, AUDIENCE, fetch=slow)
    token, results = MINT.token(), []
    threads = [threading.Thread(target=lambda: results.append(shared.verify(token))) for _ in range(12)]
    for thread in threads:
        thread.start()
    release.set()
    for thread in threads:
        thread.join(10)
    assert len(results) == 12
    assert server.asked == 1


@pytest.mark.req("AN-19")
@pytest.mark.parametrize(
    "body",
    [
        b" " * (256 * 1024 + 1),
        json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "key-1", "use": "sig"}]}).encode(),
        json.dumps({"keys": [MINT.jwk | {"use": "enc"}]}).encode(),
        json.dumps({"keys": [MINT.jwk | {"e": "AQ"}]}).encode(),
        json.dumps({"keys": [MINT.jwk | {"n": b64(b"\xff" * 64)}]}).encode(),
        json.dumps({"keys": [MINT.jwk | {"n": 5}]}).encode(),
        json.dumps({"keys": [MINT.jwk | {"alg": "HS256"}]}).encode(),
        json.dumps({"keys": [MINT.jwk | {"kid": 5}, None, 5, [], "x"]}).encode(),
        json.dumps({"keys": [CURVE.jwk | {"x": "AAAA"}]}).encode(),
        json.dumps({"keys": [CURVE.jwk | {"crv": "P-384"}]}).encode(),
        json.dumps({"keys": [MINT.jwk, OTHER.jwk]}).encode(),
        json.dumps({"keys": [MINT.jwk] * 65}).encode(),
        json.dumps({"keys": {"kid": MINT.jwk}}).encode(),
    ],
)
def test_a_hostile_key_set_is_rejected_and_the_last_good_one_stays(body: bytes) -> None:
    with pytest.raises(KeySetRejected):
        parse_key_set(body)
    server = Server()
    steady = verifier(server)
    steady.verify(MINT.token())
    server.body = body
    server.now += 601
    assert steady.verify(MINT.token())


@pytest.mark.req("AN-19")
def test_a_weak_rsa_key_is_left_out() -> None:
    weak = Mint("weak", bits=1024)
    keys = parse_key_set(MINT.key_set(weak))
    assert set(keys) == {MINT.kid}
