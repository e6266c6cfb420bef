"""The deny table, by every range that is not outside and by the spellings that trick Python's own predicates."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scp_portal.kernel.addresses import denial

RANGES = """
0.0.0.0 0.1.2.3 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.254 169.254.0.1
169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1
192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1
239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:7f00:1 64:ff9b::7f00:1 64:ff9b::8.8.8.8 64:ff9b:1::1 100::1
100:0:0:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:1ff:ffff::1 2001:db8::1
2002:7f00:1::1 2002:808:808::1 2620:4f:8000::1 3fff::1 3fff:fff::1 5f00::1 fc00::1 fd12:3456:789a::1 fe80::1
fe80::1%eth0 febf::1 fec0::1 feff::1 ff02::1 ff0e::1 4000::1 1::1 200::1
"""
DENIED = RANGES.split()
ALLOWED = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1", "9.255.255.255"]
ALLOWED += ["198.17.255.255", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "2001:200::1", "2400::1"]


@pytest.mark.parametrize("address", DENIED)
def test_an_address_that_is_not_outside_is_denied(address: str) -> None:
    assert denial(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_its_neighbours_are_not(address: str) -> None:
    assert denial(address) is None


@pytest.mark.parametrize("text", ["", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "1.1.1.1 "])
def test_what_is_no_address_is_denied(text: str) -> None:
    assert denial(text)


@given(st.ip_addresses())
def test_whatever_python_calls_private_is_denied(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.is_private or address.is_multicast or address.is_reserved or not address.is_global:
        assert denial(str(address)) or address in ipaddress.ip_network("2001:4:112::/48")
