"""What the pretended internet's resolvers answer: every name has an address of its own, and all that leads
devices to encrypted resolvers and hidden names.

Addresses are of the ranges for benchmarks and documentation (RFC 2544, RFC 3849): what a cache keeps of them
leads nowhere.
"""

from __future__ import annotations

import hashlib
import ipaddress

from gateway.core.errors import WireError
from gateway.wire.dns.encode import Encoder
from gateway.wire.dns.message import AAAA, HTTPS, IN, SVCB, A, parse_message
from gateway.wire.dns.names import HEADER_SIZE, read_labels
from gateway.wire.dns.svcb import ALPN, DOHPATH, ECH, ServiceBinding

_IPV4 = ipaddress.IPv4Network("198.18.0.0/16")
_IPV6 = ipaddress.IPv6Network("2001:db8:a0d1::/64")
_FAR4 = ipaddress.IPv4Network("198.19.0.0/16")
_FAR6 = ipaddress.IPv6Network("2001:db8:a0d1:1::/64")
RESOLVERS = {4: "198.19.255.53", 6: "2001:db8:a0d1:1::53"}  # that no list knows
PORTS = (53, 5300)  # of resolvers
_TTL = 1  # second: nothing of it lives on
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
    """The one address of ``name``."""
    digest = int.from_bytes(hashlib.sha256(name.lower().encode()).digest()[:4], "big")
    network = _IPV4 if version == 4 else _IPV6
    return str(network[256 + digest % 65_000])


def far(number: int, version: int) -> str:
    """An address that no name has; one for each check."""
    return str((_FAR4 if version == 4 else _FAR6)[1024 + number])


def is_marker(address: bytes) -> bool:
    """Whether an answer's address came from here."""
    one = ipaddress.ip_address(address)
    return one in (_IPV4 if one.version == 4 else _IPV6)


def answer(question: bytes) -> bytes | None:
    """The response to one DNS message; None where it asks nothing."""
    try:
        asked = parse_message(question)
    except WireError:
        return None
    one = asked.question
    if asked.is_response or one is None:
        return None
    labels, _ = read_labels(question, HEADER_SIZE)  # with the letters as sent
    data = _data(one.name, one.qtype)
    out = Encoder(asked.id, _RESPONSE, (1, 1 if data else 0, 0, 0))
    out.question(labels, one.qtype, IN)
    if data:
        out.plain(labels, one.qtype, IN, _TTL, data)
    return out.message()


def _data(name: str, qtype: int) -> bytes:
    if qtype in (A, AAAA):
        return ipaddress.ip_address(address_of(name, 4 if qtype == A else 6)).packed
    return _WAYS.to_wire() if qtype in (HTTPS, SVCB) else b""
