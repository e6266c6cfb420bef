"""Access tokens: the AN rows of the security catalogue, against keys and claims minted here."""

import base64
import hashlib
import hmac
import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from scp_portal.kernel.destinations import EgressError
from scp_portal.kernel.jwks import KeySet, KeySetRejected, parse_key_set
from scp_portal.kernel.problems import IdpUnavailable, Problem, TokenInvalid, TokenLifetime
from scp_portal.kernel.tokens import TokenVerifier
from tests.keycloak.mint import AUDIENCE, ISSUER, Mint, b64

URL = "https://id.example.org/realms/scp/protocol/openid-connect/certs"
MINT = Mint()
OTHER = Mint()
CURVE = Mint("key-ec", "ES256")


class Server:
    """A JWKS address whose answer, clock and failures the test controls."""

    def __init__(self, body: bytes | None = None) -> None:
        self.body = body or MINT.key_set(CURVE)
        self.now = 1000.0
        self.asked = 0
        self.error: Exception | None = None

    def fetch(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        if self.error:
            raise self.error
        return self.body


def verifier(server: Server | None = None, **options: Any) -> TokenVerifier:
    server = server or Server()
    keys = KeySet(URL, server.fetch, clock=lambda: server.now)
    return TokenVerifier(ISSUER, URL, AUDIENCE, fetch=server.fetch, keys=keys, **options)


VERIFIER = verifier()


def refusal(token: Any, using: TokenVerifier = VERIFIER) -> str:
    with pytest.raises(TokenInvalid) as caught:
        using.verify(token)
    return caught.value.internal


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


# --- the key set -----------------------------------------------------------------------------------------------------


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


# --- thousands of variants -------------------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CLAIM_NAMES = st.sampled_from(["exp", "iat", "nbf", "jti", "iss", "aud", "sub", "azp", "typ"])


def never_accepted(token: Any, using: TokenVerifier = VERIFIER) -> None:
    """Refused by a problem of this module's own, whatever the token is."""
    try:
        using.verify(token)
    except (TokenInvalid, TokenLifetime):
        return
    raise AssertionError(f"accepted: {token!r}")


@settings(max_examples=400, deadline=None)
@given(name=CLAIM_NAMES, value=JSON_VALUES)
def test_no_rightly_signed_token_of_odd_claims_is_another_exception(name: str, value: Any) -> None:
    try:
        claims = VERIFIER.verify(MINT.token(**{name: value}))
    except (TokenInvalid, TokenLifetime):
        return
    assert name in {"jti", "sub", "azp", "nbf"} or value == AUDIENCE or AUDIENCE in claims.audience


@settings(max_examples=400, deadline=None)
@given(header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "x"]), JSON_VALUES, max_size=4))
def test_no_token_of_odd_header_is_another_exception(header: dict[str, Any]) -> None:
    try:
        VERIFIER.verify(MINT.token(header))
    except TokenInvalid:
        return
    assert (header.get("alg", "RS256"), header.get("kid", MINT.kid)) == ("RS256", MINT.kid)
    assert "crit" not in header


@settings(max_examples=400, deadline=None)
@given(
    st.text(max_size=300) | st.binary(max_size=200).map(b64) | st.from_regex(r"[\w-]{1,90}\.[\w-]{1,90}\.[\w-]{1,90}")
)
def test_no_random_text_is_accepted(text: str) -> None:
    never_accepted(text)


@pytest.mark.parametrize("value", [None, b"bytes", 7, [], {}])
def test_what_is_no_text_is_refused(value: Any) -> None:
    never_accepted(value)


def _flip(token: str, chance: random.Random) -> str:
    place = chance.randrange(len(token))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/\x00é "
    return token[:place] + chance.choice([c for c in letters if c != token[place]]) + token[place + 1 :]


def _cut(token: str, chance: random.Random) -> str:
    return token[: chance.randrange(len(token))]


def _swap_payload(token: str, chance: random.Random) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{b64(MINT.claims(tenant_id=f'T{chance.random()}'))}.{signature}"


def _foreign_signature(token: str, chance: random.Random) -> str:
    return OTHER.sign(MINT.claims(nonce=chance.random()), {"kid": MINT.kid})


def _random_signature(token: str, chance: random.Random) -> str:
    return token.rsplit(".", 1)[0] + "." + b64(chance.randbytes(chance.choice([1, 32, 64, 255, 256, 257])))


def _other_alphabet(token: str, chance: random.Random) -> str:
    head, payload, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    return f"{head}.{payload}.{base64.b64encode(raw).decode()}" + chance.choice(["", "=", "\n"])


@pytest.mark.req("AN-01", "AN-02", "AN-05")
@pytest.mark.parametrize("change", [_flip, _cut, _swap_payload, _foreign_signature, _random_signature, _other_alphabet])
def test_a_thousand_forgeries_of_each_kind_are_refused(change: Callable[[str, random.Random], str]) -> None:
    chance = random.Random(20260101)
    genuine = MINT.token()
    VERIFIER.verify(genuine)
    for _ in range(200 if change is _foreign_signature else 1000):
        forged = change(genuine, chance)
        assert forged != genuine
        never_accepted(forged)


def test_every_refusal_is_a_problem_with_a_code_and_a_status() -> None:
    with pytest.raises(Problem) as caught:
        VERIFIER.verify("x")
    assert (caught.value.code, caught.value.status) == ("token_invalid", 401)
