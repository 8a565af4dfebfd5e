"""The NAT64 prefixes of the line: an address with such a prefix stands for the IPv4 address in it.

They are read from the resolver's answer for `IPV4_ONLY` (RFC 7050), which has two known IPv4 addresses.
The prefix 64:ff9b::/96 needs no answer (`gateway.policy.names.networks.unmapped`).
"""

from __future__ import annotations

from collections.abc import Iterable

IPV4_ONLY = "ipv4only.arpa"
MAX_PREFIXES = 8  # a line has one; several resolvers may each have their own

_KNOWN = (bytes([192, 0, 0, 170]), bytes([192, 0, 0, 171]))  # RFC 7050 §8.1
# Length of the prefix in bytes → the bytes with the IPv4 address. Byte 8 is always zero (RFC 6052 §2.2).
_PLACES = {4: (4, 5, 6, 7), 5: (5, 6, 7, 9), 6: (6, 7, 9, 10), 7: (7, 9, 10, 11), 8: (9, 10, 11, 12),
           12: (12, 13, 14, 15)}  # fmt: skip


class Nat64Prefixes:
    """Stores the NAT64 prefixes of the internet line, the latest MAX_PREFIXES."""

    __slots__ = ("_prefixes",)

    def __init__(self) -> None:
        self._prefixes: tuple[bytes, ...] = ()

    def learn(self, name: str, addresses: Iterable[bytes]) -> None:  # noqa: ARG002  the only name asked for
        """Read NAT64 prefixes from the packed addresses of a trusted resolver's answer for `IPV4_ONLY`.

        Others are ignored. ``name`` is not used.
        """
        found = [prefix for address in addresses if (prefix := _prefix_of(address)) is not None]
        self._prefixes = tuple(dict.fromkeys((*found, *self._prefixes)))[:MAX_PREFIXES]

    def plain(self, address: bytes) -> bytes:
        """Return the IPv4 address in a packed address with a stored prefix, any other address unchanged."""
        for prefix in self._prefixes:
            if len(address) == 16 and address.startswith(prefix):
                return _embedded(address, len(prefix))
        return address


def _prefix_of(address: bytes) -> bytes | None:
    """Return the NAT64 prefix of a translated address of `IPV4_ONLY`; None for others, or if ambiguous."""
    if len(address) != 16 or address[8]:
        return None
    lengths = [length for length in _PLACES if _embedded(address, length) in _KNOWN]
    return address[: lengths[0]] if len(lengths) == 1 else None


def _embedded(address: bytes, length: int) -> bytes:
    return bytes(address[place] for place in _PLACES[length])
