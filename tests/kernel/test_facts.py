"""What is kept of a request, and whose address it is."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from scp_portal.kernel.facts import RequestFacts, TokenFacts, client_address, commitment


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "6.6.6.6, 198.51.100.1, 10.0.0.3", "198.51.100.1"),
        ("10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.2", "rubbish", "10.0.0.2"),
        ("10.0.0.2", "6.6.6.6, rubbish", "10.0.0.2"),
        ("10.0.0.2", "10.0.0.3", "10.0.0.3"),
        ("::ffff:10.0.0.2", "::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8::1", "198.51.100.1", "198.51.100.1"),
        ("2001:DB8:0::0:2", "198.51.100.1", "2001:db8::2"),
        ("", "198.51.100.1", ""),
        ("unix:", "198.51.100.1", ""),
    ],
)
def test_only_our_own_proxies_speak_for_another(peer: str, forwarded: str, expected: str, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "2001:db8::1"]
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == expected


def test_without_proxies_the_header_counts_for_nothing(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = []
    request = RequestFactory().get("/", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.1")
    assert client_address(request) == "127.0.0.1"


def test_a_commitment_is_steady_and_does_not_show_its_value(settings: Settings) -> None:
    assert commitment("peer", "198.51.100.1") == commitment("peer", "198.51.100.1")
    assert commitment("peer", "198.51.100.1") != commitment("peer", "198.51.100.2")
    assert commitment("peer", "198.51.100.1") != commitment("name", "198.51.100.1")
    assert commitment("peer", "") == ""


def test_the_facts_of_a_request_hold_no_address_and_no_token() -> None:
    request = RequestFactory().get("/x", REMOTE_ADDR="198.51.100.1")
    request.token_facts = TokenFacts.of("aaa.bbb.ccc", kid="k")  # type: ignore[attr-defined]
    facts = RequestFacts.of(request)
    kept = repr((facts, facts.as_body(), facts.auth_body()))
    assert "198.51" not in kept
    assert "aaa" not in kept
    assert facts.auth_body()["tok"]["kid"] == "k"
