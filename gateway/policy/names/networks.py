"""Addresses in lists: what may stand in one, in what form, and under which texts an address is found.

An entry is an address, or a prefix of exactly the length that is asked for: then any address is found by two
look-ups. Other prefixes are spread over these (`spread`). The texts are those that ``ipaddress`` prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NoReturn

PREFIX_LENGTHS = {4: 24, 6: 64}  # the widest that an entry may be: what a site or a home of its own has
WIDEST_SPREAD = 8  # bits: a prefix is spread over at most 256 addresses

Network = IPv4Network | IPv6Network


def span(one: Network) -> tuple[int, int]:
    """Its first and its last address."""
    return int(one.network_address), int(one.broadcast_address)


# No list can mean these: they are another machine in each home (RFC 1918, 6598, 4193, 3927), nobody's (1122,
# 4291) or many's (5771). Documentation and benchmarks are left, since tests live there.
NOBODYS: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/8", "fc00::/7", "fe80::/9", "ff00::/8",
    )
)  # fmt: skip

_NOBODYS = tuple((one.version, *span(one)) for one in NOBODYS)

NO_ADDRESS = "is no address"

# Behind these IPv6 prefixes of 12 bytes stands an IPv4 address: 64:ff9b::/96 of NAT64 (RFC 6052 2.1), and
# ::ffff:0:0/96 (RFC 4291 2.5.5.2).
_BEFORE_IPV4 = (bytes.fromhex("0064ff9b") + bytes(8), bytes(10) + b"\xff\xff")


class NetError(ValueError):
    """A text that is no entry; ``problem`` and ``mend`` are for a PolicyError."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}; {mend}")
        self.problem = problem
        self.mend = mend


def _refuse(problem: str, mend: str) -> NoReturn:
    raise NetError(problem, mend) from None


def network(text: str) -> Network:
    """The address or prefix that ``text`` is. Raises NetError for what no list may hold."""
    try:
        one = ip_network(text.replace("%", "?"))  # an address with an interface is of this very machine
    except ValueError:
        _refuse(NO_ADDRESS, "write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::7")
    low, high = span(one)
    if any(one.version == version and low <= last and first <= high for version, first, last in _NOBODYS):
        _refuse("is of a network at home, or nobody's", "write one that is on the internet")
    widest = PREFIX_LENGTHS[one.version]
    if one.prefixlen < widest or widest < one.prefixlen < one.max_prefixlen - WIDEST_SPREAD:
        narrow = one.max_prefixlen - WIDEST_SPREAD
        mend = f"write /{widest}" + (f", or /{narrow} and longer" if narrow > widest else " or longer")
        _refuse("is a prefix that cannot be looked up", mend)
    return one


def spread(one: Network) -> Iterator[str]:
    """The entries that stand for ``one``."""
    if one.prefixlen == PREFIX_LENGTHS[one.version]:
        yield str(one)
    else:
        yield from map(str, one)


def bare(packed: bytes) -> bytes:
    """The IPv4 address that stands behind a prefix, else the address itself: both are one machine."""
    return packed[12:] if packed.startswith(_BEFORE_IPV4) else packed


def keys(packed: bytes) -> tuple[str, str]:
    """Under which entries a packed address, of 4 or 16 bytes, is found: its own, and its prefix's."""
    packed = bare(packed)
    if len(packed) == 4:
        a, b, c, d = packed
        return f"{a}.{b}.{c}.{d}", f"{a}.{b}.{c}.0/24"
    return str(IPv6Address(packed)), f"{IPv6Address(packed[:8] + bytes(8))}/64"


def address(text: str) -> bytes | None:
    """``text`` packed, or None where it is no address."""
    try:
        one: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(one, IPv6Address) and one.scope_id else one.packed
