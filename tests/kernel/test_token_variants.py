"""Thousands of malformed and forged tokens: none accepted, none another exception."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scp_portal.kernel.problems import Problem, TokenInvalid, TokenLifetime
from scp_portal.kernel.tokens import TokenVerifier
from tests.kernel.issuing import MINT, OTHER, VERIFIER
from tests.keycloak.mint import AUDIENCE, b64

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
