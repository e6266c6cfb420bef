"""Sealed secrets: bound to their place, rotatable, and silent about keys. B-7.3-1."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from scp_portal.kernel.secrets import Keyring, SecretUnreadable, keyring

OLD, NEW = ("a:" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
NEW = NEW.replace("a:", "b:")
PLACE = "registry_clientsync.secret:1"


def ring(*keys: str) -> Keyring:
    return Keyring.from_text(",".join(keys))


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_again(secret: bytes) -> None:
    sealed = ring(OLD).seal(secret, context=PLACE)
    assert ring(OLD).open_sealed(sealed, context=PLACE) == secret


def test_the_same_secret_is_never_sealed_alike() -> None:
    assert len({ring(OLD).seal(b"s", context=PLACE) for _ in range(50)}) == 50


def test_a_sealed_text_moved_to_another_place_does_not_open() -> None:
    sealed = ring(OLD).seal(b"secret", context=PLACE)
    with pytest.raises(SecretUnreadable):
        ring(OLD).open_sealed(sealed, context="registry_clientsync.secret:2")


def test_no_single_changed_character_opens() -> None:
    keys = ring(OLD)
    sealed = keys.seal(b"secret", context=PLACE)
    for position, character in enumerate(sealed):
        changed = sealed[:position] + ("A" if character != "A" else "B") + sealed[position + 1 :]
        with pytest.raises(SecretUnreadable):
            keys.open_sealed(changed, context=PLACE)


@pytest.mark.parametrize(
    "text", ["", "v1", "v1.a.b", "v1.a.b.c", "v2.a.AAAA.AAAA", "v1.zz.AAAA.AAAA", "v1.a.é.é", "...."]
)
def test_what_is_no_sealed_text_does_not_open(text: str) -> None:
    with pytest.raises(SecretUnreadable):
        ring(OLD).open_sealed(text, context=PLACE)


@pytest.mark.req("B-7.3-1")
def test_rotation_reads_the_old_seals_the_new_and_then_lets_the_old_go() -> None:
    sealed = ring(OLD).seal(b"secret", context=PLACE)
    both = ring(NEW, OLD)
    resealed = both.seal(both.open_sealed(sealed, context=PLACE), context=PLACE)
    assert ring(NEW).open_sealed(resealed, context=PLACE) == b"secret"
    with pytest.raises(SecretUnreadable):
        ring(NEW).open_sealed(sealed, context=PLACE)


def test_a_key_derived_from_a_named_key_outlives_rotation() -> None:
    before = ring(OLD).derive("pseudonyms", kid="a")
    after = ring(NEW, OLD)
    assert after.derive("pseudonyms", kid="a") == before
    assert after.derive("pseudonyms") != before
    assert after.derive("cursors", kid="a") != before
    assert len(after.derive("pseudonyms", kid="a", length=64)) == 64


def test_a_derived_key_of_a_key_that_is_gone_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="'a'"):
        ring(NEW).derive("pseudonyms", kid="a")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a:",
        "a:AAAA",
        ":" + OLD[2:],
        f"{OLD},{OLD}",
        OLD.replace("a:", "a.b:"),
        "a:not base64 at all",
        OLD + ",",
    ],
)
def test_a_ring_that_is_wrong_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        Keyring.from_text(text)
    assert OLD[2:] not in str(caught.value)


def test_the_settings_ring_works() -> None:
    assert keyring().open_sealed(keyring().seal(b"x", context=PLACE), context=PLACE) == b"x"
