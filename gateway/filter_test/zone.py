"""The DNS responses of the simulated internet's resolvers.

Every name has an address. HTTPS and SVCB records offer encrypted resolvers and a key for Encrypted Client
Hello.

Addresses are from the ranges for benchmarks and documentation (RFC 2544, RFC 3849). If a device caches one,
it reaches no server after the test.
"""

from __future__ import annotations

import hashlib
import ipaddress

from gateway.core.errors import WireError
from gateway.wire.dns.message import (
    AAAA,
    HEADER_SIZE,
    HTTPS,
    IN,
    SVCB,
    A,
    Encoder,
    parse_message,
    read_labels,
)
from gateway.wire.dns.svcb import ALPN, DOHPATH, ECH, ServiceBinding

_IPV4 = ipaddress.IPv4Network("198.18.0.0/16")
_IPV6 = ipaddress.IPv6Network("2001:db8:a0d1::/64")
_FAR4 = ipaddress.IPv4Network("198.19.0.0/16")
_FAR6 = ipaddress.IPv6Network("2001:db8:a0d1:1::/64")
RESOLVERS = {4: "198.19.255.53", 6: "2001:db8:a0d1:1::53"}  # on no list
PORTS = (53, 5300)  # of resolvers
_TTL = 1  # second: no cache keeps it after the test
_RESPONSE = 0x8180
_WAYS = ServiceBinding(
    1,
    (),
    (
        (ALPN, b"\x02h2\x03dot\x03doq"),
        (ECH, bytes.fromhex("0010fe0d000c0100200004a0d1a0d100010001")),  # a list of one key (RFC 9848)
        (DOHPATH, b"/dns-query{?dns}"),
    ),
)


def address_of(name: str, version: int) -> str:
    """Return the address that the simulated internet gives to ``name``, from its hash.

    ``version``: 4 or 6.
    """
    digest = int.from_bytes(hashlib.sha256(name.lower().encode()).digest()[:4], "big")
    network = _IPV4 if version == 4 else _IPV6
    return str(network[256 + digest % 65_000])


def far(number: int, version: int) -> str:
    """Return an address of the simulated internet that belongs to no name, another one for each check.

    ``number``: of the bypass test's check that sends to it. ``version``: of IP, 4 or 6.
    """
    return str((_FAR4 if version == 4 else _FAR6)[1024 + number])


def is_marker(address: bytes) -> bool:
    """Return whether an address, as 4 or 16 bytes, is one that the simulated internet gives to names."""
    parsed = ipaddress.ip_address(address)
    return parsed in (_IPV4 if parsed.version == 4 else _IPV6)


def answer(question: bytes) -> bytes | None:
    """Return the simulated internet's response to a DNS message; None if it is damaged or no query."""
    try:
        query = parse_message(question)
    except WireError:
        return None
    asked = query.question
    if query.is_response or asked is None:
        return None
    labels, _ = read_labels(question, HEADER_SIZE)  # in their original case
    data = _data(asked.name, asked.qtype)
    out = Encoder(query.id, _RESPONSE, (1, 1 if data else 0, 0, 0))
    out.question(labels, asked.qtype, IN)
    if data:
        out.plain(labels, asked.qtype, IN, _TTL, data)
    return out.message()


def _data(name: str, qtype: int) -> bytes:
    if qtype in (A, AAAA):
        return ipaddress.ip_address(address_of(name, 4 if qtype == A else 6)).packed
    return _WAYS.to_wire() if qtype in (HTTPS, SVCB) else b""
