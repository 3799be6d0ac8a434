"""
Which IP addresses are on the public internet.

A table of our own, after IANA's registries of special-purpose addresses and RFC 5735's successors: Python 3.11's
`ipaddress` calls addresses global that lead to this machine (`::127.0.0.1`, `2002:7f00:1::`, `64:ff9b::7f00:1`) or to
many at once (`224.0.0.1`), and later versions change their minds.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_NOT_PUBLIC_IPV4: Final = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network; 0.0.0.0 is this machine
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by a carrier's customers; 100.100.100.200 tells a cloud machine's secrets
        "127.0.0.0/8",  # this machine
        "168.63.129.16/32",  # Azure's host, seen from its machines: a public number that is not on the internet
        "169.254.0.0/16",  # link-local; 169.254.169.254 tells a cloud machine's secrets
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 tells a cloud machine's secrets
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnelling (AMT)
        "192.88.99.0/24",  # relays to 6to4, given up
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, with the broadcast address
    )
)

# Only what is allotted as global unicast can be public. That leaves out the loopback and unspecified addresses,
# IPv4-compatible ones (::/96), discard (100::/64), local NAT64 (64:ff9b:1::/48), segment routing (5f00::/16),
# unique-local (fc00::/7), link-local (fe80::/10), site-local (fec0::/10) and multicast (ff00::/8).
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NOT_PUBLIC_IPV6: Final = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, AMT, AS112, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, whose relays are gone: what is left leads to the IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # the former 6bone
        "3fff::/20",  # documentation
    )
)

# Addresses that stand for the IPv4 address in their last 32 bits, and that working hosts have: mapped ones, which the
# system itself unpacks, and NAT64's, which is how a network without IPv4 reaches servers that have nothing else.
_CARRIES_IPV4: Final = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
_IPV4_MASK: Final = 0xFFFF_FFFF


def is_public(address: str) -> bool:
    """Whether a numeric IPv4 or IPv6 address (with a zone or without) belongs to a host on the public internet."""
    return _is_public(ip_address(address))


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _NOT_PUBLIC_IPV4)
    if any(address in block for block in _CARRIES_IPV4):
        return _is_public(IPv4Address(int(address) & _IPV4_MASK))
    return address in _GLOBAL_UNICAST and not any(address in block for block in _NOT_PUBLIC_IPV6)
