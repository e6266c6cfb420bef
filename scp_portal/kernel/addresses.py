"""Which network addresses a call to the outside may reach: one deny table, used where the socket is opened.

Python's own `is_global` lets NAT64, 6to4, deprecated site-local and multicast through, so nothing relies on it.
"""

import ipaddress
from typing import Final

_DENIED_V4: Final = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier-grade NAT",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local, cloud metadata",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol assignments",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112",
    "192.52.193.0/24": "AMT",
    "192.88.99.0/24": "6to4 relay",
    "192.168.0.0/16": "private",
    "192.175.48.0/24": "AS112",
    "198.18.0.0/15": "benchmarking",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, broadcast",
}
_DENIED_V6: Final = {
    "::/96": "unspecified, loopback, IPv4-compatible",
    "::ffff:0:0/96": "IPv4-mapped",
    "::ffff:0:0:0/96": "IPv4-translated",
    "64:ff9b::/96": "NAT64",
    "64:ff9b:1::/48": "local NAT64",
    "100::/64": "discard",
    "100:0:0:1::/64": "dummy",
    "2001::/23": "protocol assignments, Teredo, ORCHID",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "2620:4f:8000::/48": "AS112",
    "3fff::/20": "documentation",
    "5f00::/16": "segment routing",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
_TABLE: Final = [(ipaddress.ip_network(net), why) for net, why in (_DENIED_V4 | _DENIED_V6).items()]
_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")


def denial(text: str) -> str | None:
    """Why this address may not be reached, or None. What is not an address is denied too."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "not an address"
    for network, why in _TABLE:
        if address.version == network.version and address in network:
            return why
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_V6:
        return "not global unicast"
    return None
