"""IP packets that UDP carries bare: Teredo (RFC 4380 5.1), and Linux's foo-over-udp.

Xbox consoles talk to each other through Teredo alone (Microsoft, "Xbox Live networking overview"): both
ends have addresses of Teredo, and what is inside is IPsec's. Who leads the whole internet through it has to
name an address there, at the first packet to each relay.
"""

from __future__ import annotations

from gateway.policy.values import Proto

_IPV4, _IPV6 = 20, 40  # bytes of a header
_NEXT = frozenset({0, 6, 17, 43, 44, 50, 51, 58, 59, 60})  # RFC 8200 section 4; transports; none
_AUTHENTICATION, _ORIGIN = b"\0\1", b"\0\0"
_ORIGIN_SIZE = 8
_AUTHENTICATION_SIZE = 13  # with neither client nor value
_TEREDO = b"\x20\x01\0\0"  # 2001::/32, whose addresses name a server and the mapped address of a peer
_OF_PEERS = frozenset({17, 50, 58, 59})  # IKE and its like, ESP, tries, bubbles (RFC 4380 5.2)
_OF_SERVERS = frozenset({58, 59})  # solicitations, advertisements, bubbles
_LINK_LOCAL, _LINK_MULTICAST = b"\xfe\x80", b"\xff\x02"


def classify_udp(payload: bytes, _dport: int) -> Proto | None:
    """One message of random bytes in 2**30 is taken for IPv6, in 2**40 for IPv4."""
    data = payload
    if data[:2] == _AUTHENTICATION and len(data) >= _AUTHENTICATION_SIZE:
        data = data[_AUTHENTICATION_SIZE + data[2] + data[3] :]
    if data[:2] == _ORIGIN:
        data = data[_ORIGIN_SIZE:]
    if not data:
        return None
    version = data[0] >> 4
    if version == 6 and _is_ipv6(data):
        return Proto.TEREDO if _is_among_peers(data) else Proto.IP_IN_IP
    return Proto.IP_IN_IP if version == 4 and _is_ipv4(data) else None


def _is_among_peers(data: bytes) -> bool:
    inside, ends = data[6], (data[8:12], data[24:28])
    if all(end == _TEREDO for end in ends):
        return inside in _OF_PEERS
    return inside in _OF_SERVERS and all(end[:2] in (_LINK_LOCAL, _LINK_MULTICAST) for end in ends)


def _is_ipv6(data: bytes) -> bool:
    if len(data) < _IPV6 or int.from_bytes(data[4:6], "big") != len(data) - _IPV6 or data[6] not in _NEXT:
        return False
    return _is_in_use(data[8:10]) and _is_in_use(data[24:26])


def _is_in_use(start: bytes) -> bool:
    """Whether an address that begins so is one of the internet's, or of those that set a tunnel up."""
    return start[0] >> 5 == 1 or start in (_LINK_LOCAL, _LINK_MULTICAST)


def _is_ipv4(data: bytes) -> bool:
    if data[0] != 0x45 or len(data) < _IPV4 or int.from_bytes(data[2:4], "big") != len(data):
        return False
    return int.from_bytes(data[:_IPV4], "big") % 65535 == 0  # its checksum (RFC 1071)
