"""Addresses in lists and in the service catalogue: which entries are valid, and how an address is found.

An entry of a list is an address, or a prefix of exactly the length that look-ups use. Any address is then
found with two look-ups. Other prefixes are split into such entries (`spread`). Entries are texts as
``ipaddress`` prints them. The catalogue has few prefixes, of any length: `PrefixMap`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Generic, NoReturn, TypeVar

PREFIX_LENGTHS = {4: 24, 6: 64}  # the widest allowed prefix: a site or a household has one of its own
WIDEST_SPREAD = 8  # bits: a prefix is split into at most 256 addresses

Network = IPv4Network | IPv6Network
Value = TypeVar("Value")


def span(prefix: Network) -> tuple[int, int]:
    """Return the first and the last address of a network prefix, as numbers."""
    return int(prefix.network_address), int(prefix.broadcast_address)


# A list cannot use these: they are a different machine in each network (RFC 1918, 6598, 4193, 3927),
# unassigned (RFC 1122, 4291) or multicast (RFC 5771). Documentation and benchmark ranges are allowed: tests
# use them.
RESERVED_NETWORKS: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/8", "fc00::/7", "fe80::/9", "ff00::/8",
    )
)  # fmt: skip

_RESERVED_SPANS = tuple((network.version, *span(network)) for network in RESERVED_NETWORKS)

NO_ADDRESS = "is no address"

# These IPv6 prefixes of 12 bytes are followed by an IPv4 address: 64:ff9b::/96 of NAT64 (RFC 6052 §2.1) and
# ::ffff:0:0/96 (RFC 4291 §2.5.5.2).
_BEFORE_IPV4 = (bytes.fromhex("0064ff9b") + bytes(8), bytes(10) + b"\xff\xff")


class NetError(ValueError):
    """Raised for a text that is no valid address or prefix; ``problem`` and ``fix`` go into a PolicyError."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}; {fix}")
        self.problem = problem
        self.fix = fix


def _refuse(problem: str, fix: str) -> NoReturn:
    raise NetError(problem, fix) from None


def public_prefix(text: str) -> Network:
    """Return the public address or network prefix in ``text``.

    Raises NetError for reserved and private ranges, and for other texts.
    """
    try:
        prefix = ip_network(text.replace("%", "?"))  # an address with an interface is local to one machine
    except ValueError:
        _refuse(NO_ADDRESS, "write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::7")
    low, high = span(prefix)
    if any(
        prefix.version == version and low <= last and first <= high
        for version, first, last in _RESERVED_SPANS
    ):
        _refuse("is of a network at home, or reserved", "write one that is on the internet")
    return prefix


def network(text: str) -> Network:
    """Return the public address or network prefix in ``text``.

    Raises NetError for other texts, for reserved ranges, and for prefixes of a length that no list may
    contain.
    """
    prefix = public_prefix(text)
    widest = PREFIX_LENGTHS[prefix.version]
    if prefix.prefixlen < widest or widest < prefix.prefixlen < prefix.max_prefixlen - WIDEST_SPREAD:
        narrow = prefix.max_prefixlen - WIDEST_SPREAD
        fix = f"write /{widest}" + (f", or /{narrow} and longer" if narrow > widest else " or longer")
        _refuse("is a prefix that cannot be looked up", fix)
    return prefix


def spread(prefix: Network) -> Iterator[str]:
    """Yield the list entries for a prefix: itself if it is a /24 or /64, else each address in it.

    ``prefix``: from `network`, so that there are at most 256 addresses.
    """
    if prefix.prefixlen == PREFIX_LENGTHS[prefix.version]:
        yield str(prefix)
    else:
        yield from map(str, prefix)


def unmapped(packed: bytes) -> bytes:
    """Return the IPv4 address in a NAT64 or IPv4-mapped IPv6 address; any other address unchanged.

    Both addresses are those of one machine. Addresses are packed.
    """
    return packed[12:] if packed.startswith(_BEFORE_IPV4) else packed


def keys(packed: bytes) -> tuple[str, str]:
    """Return the texts by which a packed address is looked up in lists: itself and its /24 or /64 prefix.

    An IPv6 address that stands for an IPv4 address (`unmapped`) is looked up as that. Raises ValueError for
    other lengths than 4 and 16 bytes.
    """
    packed = unmapped(packed)
    if len(packed) == 4:
        a, b, c, d = packed
        return f"{a}.{b}.{c}.{d}", f"{a}.{b}.{c}.0/24"
    return str(IPv6Address(packed)), f"{IPv6Address(packed[:8] + bytes(8))}/64"


def address(text: str) -> bytes | None:
    """Return the IP address in ``text`` packed; None if it is no address, or has an interface."""
    try:
        parsed: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(parsed, IPv6Address) and parsed.scope_id else parsed.packed


class PrefixMap(Generic[Value]):
    """Maps network prefixes of any length to values; the longest prefix that contains an address wins.

    A look-up takes one dict look-up per prefix length that occurs. ``entries``: each prefix once.
    """

    __slots__ = ("_tables",)

    def __init__(self, entries: Iterable[tuple[Network, Value]]) -> None:
        by_shift: dict[int, dict[int, dict[int, Value]]] = {4: {}, 16: {}}
        for prefix, value in entries:
            shift = prefix.max_prefixlen - prefix.prefixlen
            tables = by_shift[prefix.max_prefixlen // 8]
            tables.setdefault(shift, {})[int(prefix.network_address) >> shift] = value
        # Bytes of a packed address → the bits to shift out and the table, longest prefixes first.
        self._tables = {size: tuple(sorted(tables.items())) for size, tables in by_shift.items()}

    def get(self, packed: bytes) -> Value | None:
        """Return the value of the longest prefix that contains a packed address; None if none does.

        An address that stands for an IPv4 address (`unmapped`) is looked up as that.
        """
        packed = unmapped(packed)
        number = int.from_bytes(packed, "big")
        for shift, table in self._tables.get(len(packed), ()):
            value = table.get(number >> shift)
            if value is not None:
                return value
        return None
