"""Access tokens: the AN rows of the security catalogue, against keys and claims minted here."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from scp_portal.kernel.problems import TokenInvalid, TokenLifetime
from tests.kernel.issuing import CURVE, MINT, VERIFIER, Server, refusal, verifier
from tests.keycloak.mint import AUDIENCE, ISSUER, Mint, b64


def test_a_genuine_token_is_accepted_and_its_claims_are_typed() -> None:
    claims = VERIFIER.verify(MINT.token())
    assert claims.client_id == "scp-int-7f3c"
    assert claims.audience == (AUDIENCE,)
    assert claims.key_id == MINT.kid
    assert claims.text("tenant_id") == "NZ"
    assert claims.texts("verticals") == ("community",)
    assert claims.expires_at - claims.issued_at == 300


@pytest.mark.parametrize("mint", [MINT, CURVE], ids=["RS256", "ES256"])
def test_each_signature_algorithm_of_the_list_is_accepted(mint: Mint) -> None:
    assert VERIFIER.verify(mint.token()).issuer == ISSUER


def test_a_header_of_type_at_jwt_is_accepted_and_that_of_a_logout_token_is_not() -> None:
    assert VERIFIER.verify(MINT.token({"typ": "at+jwt"}))
    assert refusal(MINT.token({"typ": "logout+jwt"})) == "header typ"


@pytest.mark.req("AN-01")
@pytest.mark.parametrize("name", ["none", "None", "nOnE", "NONE", "", None, ["RS256"], "HS256", "RS512", 1])
def test_an_algorithm_off_the_list_is_refused(name: Any) -> None:
    assert refusal(MINT.token({"alg": name})) == "alg"
    unsigned = f"{b64({'alg': name, 'kid': MINT.kid})}.{b64(MINT.claims())}."
    assert refusal(unsigned) == "shape"


@pytest.mark.req("AN-02")
def test_the_public_key_is_no_shared_secret() -> None:
    public = MINT.private.public_key()
    encodings = serialization.Encoding, serialization.PublicFormat
    secrets = [
        public.public_bytes(encodings[0].PEM, encodings[1].SubjectPublicKeyInfo),
        public.public_bytes(encodings[0].DER, encodings[1].SubjectPublicKeyInfo),
        public.public_bytes(encodings[0].OpenSSH, encodings[1].OpenSSH),
        json.dumps(MINT.jwk).encode(),
    ]
    for secret in secrets:
        for name in ("HS256", "RS256"):
            content = f"{b64({'alg': name, 'typ': 'JWT', 'kid': MINT.kid})}.{b64(MINT.claims())}"
            forged = f"{content}.{b64(hmac.digest(secret, content.encode(), hashlib.sha256))}"
            assert refusal(forged) in {"alg", "signature"}
    with pytest.raises(ValueError, match="asymmetric"):
        verifier(algorithms=("HS256",))


@pytest.mark.req("AN-03")
@pytest.mark.parametrize(
    "kid", ["../../dev/null", "' OR 1=1--", "https://evil.example/", "k" * 5000, 7, ["key-1"], None, {"a": 1}, ""]
)
def test_a_hostile_kid_is_refused_and_fetches_nothing_but_the_configured_keys(kid: Any) -> None:
    server = Server()
    assert refusal(MINT.token({"kid": kid}), verifier(server)) in {"kid", "unknown key"}
    assert server.asked == 1


def test_a_token_without_kid_is_refused() -> None:
    content = f"{b64({'alg': 'RS256', 'typ': 'JWT'})}.{b64(MINT.claims())}"
    assert refusal(f"{content}.AAAA") == "kid"


@pytest.mark.req("AN-04")
def test_keys_offered_by_the_header_are_not_looked_at() -> None:
    attacker = Mint(MINT.kid)
    offers: list[dict[str, Any]] = [
        {"jwk": attacker.jwk},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/x"},
        {"x5c": ["MIIB"]},
    ]
    for offer in offers:
        assert refusal(attacker.token(offer)) == "signature"
        assert VERIFIER.verify(MINT.token(offer)).client_id == "scp-int-7f3c"


@pytest.mark.req("AN-05")
@pytest.mark.parametrize("header", [{"crit": ["x"]}, {"crit": []}, {"b64": False}, {"zip": "DEF"}])
def test_critical_extensions_are_refused(header: dict[str, Any]) -> None:
    assert refusal(MINT.token(header)) == "crit"


@pytest.mark.req("AN-05")
def test_nested_encrypted_oversized_and_deep_tokens_are_refused() -> None:
    assert refusal(MINT.sign(MINT.token(), {"cty": "JWT"})) == "payload"
    assert refusal("a.b.c.d.e") == "shape"
    assert refusal(MINT.token(padding="x" * 65536)) == "shape"
    assert refusal(MINT.sign("[" * 5000)) == "payload"
    deep = '{"a":' + "[" * 2500 + "]" * 2500 + "}"
    assert refusal(MINT.sign(deep)) in {"payload", "issuer"}


@pytest.mark.req("AN-05")
@pytest.mark.parametrize("payload", ["", "null", "[]", "7", '"x"', "{", '{"exp":1}{', "\x00", "nan"])
def test_a_payload_that_is_no_object_is_refused(payload: str) -> None:
    assert refusal(MINT.sign(payload)) in {"payload", "shape"}


def test_a_name_given_twice_is_refused() -> None:
    payload = json.dumps(MINT.claims())[:-1] + ',"tenant_id":"KE"}'
    assert refusal(MINT.sign(payload)) == "duplicate name"


WRONG_TYPES: list[Any] = [
    None,
    [1],
    {},
    "x",
    True,
    -1,
    0,
    1.5,
    "1e400",
    [],
    [None],
    2**70,
    "",
    "\x00",
    "\ud800",
    "a\nb",
]


@pytest.mark.req("AN-06")
@pytest.mark.parametrize("name", ["exp", "iat", "nbf", "jti", "iss", "aud", "sub", "azp", "typ"])
def test_a_rightly_signed_claim_of_the_wrong_type_is_refused(name: str) -> None:
    for value in WRONG_TYPES:
        if name in {"jti", "sub", "azp"} and value in ("x", "1e400"):
            continue
        assert refusal(MINT.token(None, **{name: value}))


@pytest.mark.req("AN-06")
@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity", "1" * 5000])
def test_numbers_no_clock_can_hold_are_refused(number: str) -> None:
    payload = json.dumps(MINT.claims(exp=...))[:-1] + f',"exp":{number}}}'
    assert refusal(MINT.sign(payload))


@pytest.mark.req("AN-07")
@pytest.mark.parametrize("name", ["exp", "iat", "iss", "sub", "aud", "azp", "jti", "typ"])
def test_a_missing_claim_is_refused(name: str) -> None:
    assert refusal(MINT.token(None, **{name: ...}))


@pytest.mark.req("AN-07")
@pytest.mark.parametrize("value", [..., None, 7, [], "", {}])
def test_a_claim_the_caller_needs_is_refused_when_missing_or_mistyped(value: Any) -> None:
    claims = VERIFIER.verify(MINT.token(tenant_id=value))
    with pytest.raises(TokenInvalid):
        claims.text("tenant_id")


@pytest.mark.req("AN-21")
@pytest.mark.parametrize("value", [..., None, "community", "*", [7], [None], [[]], {}, [""]])
def test_a_list_claim_must_be_a_list_of_texts(value: Any) -> None:
    claims = VERIFIER.verify(MINT.token(verticals=value))
    with pytest.raises(TokenInvalid):
        claims.texts("verticals")


@pytest.mark.req("AN-08")
@pytest.mark.parametrize(
    "issuer", [ISSUER + "/", ISSUER.upper(), ISSUER[:-1], "https://id.example.org/realms/other", ISSUER + "x", [ISSUER]]
)
def test_another_issuer_is_refused(issuer: Any) -> None:
    assert refusal(MINT.token(iss=issuer)) == "issuer"


@pytest.mark.req("AN-09")
@pytest.mark.parametrize(
    "audience", ["account", "scp-portal", "scp-gateway2", ["account"], [], [AUDIENCE, 7], {"a": AUDIENCE}]
)
def test_another_audience_is_refused(audience: Any) -> None:
    assert refusal(MINT.token(aud=audience)) in {"audience", "claim aud"}


@pytest.mark.req("AN-09")
def test_our_audience_among_several_is_accepted() -> None:
    assert VERIFIER.verify(MINT.token(aud=["account", AUDIENCE])).audience == ("account", AUDIENCE)


@pytest.mark.req("AN-11")
@pytest.mark.parametrize("kind", ["ID", "Refresh", "Logout", "Offline", "bearer", None])
def test_tokens_of_another_kind_are_refused(kind: Any) -> None:
    assert refusal(MINT.token(typ=kind)) == "typ"


@pytest.mark.req("AN-12")
@pytest.mark.parametrize(
    ("claim", "offset", "accepted"),
    [
        ("exp", -29, True),
        ("exp", -31, False),
        ("nbf", 29, True),
        ("nbf", 31, False),
        ("iat", 29, True),
        ("iat", 31, False),
    ],
)
def test_times_have_a_leeway_of_thirty_seconds(claim: str, offset: int, accepted: bool) -> None:
    now = 1_800_000_000
    clocked = verifier(clock=lambda: float(now))
    token = MINT.token(None, **({"iat": now - 300, "exp": now + 300} | {claim: now + offset}))
    if accepted:
        assert clocked.verify(token)
    else:
        assert refusal(token, clocked) in {"expired", "not yet valid"}


@pytest.mark.req("AN-12")
def test_a_remembered_token_still_expires() -> None:
    now = [1_800_000_000.0]
    clocked = verifier(clock=lambda: now[0])
    token = MINT.token(iat=1_800_000_000, exp=1_800_000_300)
    assert clocked.verify(token)
    now[0] += 331
    assert refusal(token, clocked) == "expired"


@pytest.mark.req("AN-13")
def test_a_token_that_lives_a_day_is_refused_though_signed() -> None:
    now = int(time.time())
    with pytest.raises(TokenLifetime) as caught:
        VERIFIER.verify(MINT.token(iat=now, exp=now + 86400))
    assert caught.value.internal == "lifetime"
    assert VERIFIER.verify(MINT.token(iat=now, exp=now + 900))


def test_the_reason_is_not_told_to_the_caller() -> None:
    with pytest.raises(TokenInvalid) as caught:
        VERIFIER.verify(MINT.token(aud="account"))
    assert "audience" not in str(caught.value)
