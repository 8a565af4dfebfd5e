"""Recognises tunnels, proxies and foreign resolvers by their first bytes, on any port.

There is one module for each family. ``classify_udp(payload, dport)`` classifies one datagram,
``classify_tcp(data)`` the start of a stream. Neither raises. A match needs a check that random data is
unlikely to pass; each function states the probability.
"""

from __future__ import annotations

from gateway.wire.tunnels import (
    foreign_dns,
    ip_in_udp,
    ipsec,
    l2tp,
    mesh,
    openvpn,
    pptp,
    socks,
    ssh,
    wireguard,
)
from gateway.wire.tunnels.protocols import classify_ip
from gateway.wire.tunnels.signs import MORE, More, TunnelMatch, TunnelSign

__all__ = [
    "LONGEST",
    "MORE",
    "More",
    "TunnelSign",
    "classify_ip",
    "look_server",
    "look_tcp",
    "look_udp",
    "may_begin",
]

LONGEST = 1200  # bytes that are always enough: OpenVPN's largest reset, with a client's key

_UDP = (
    wireguard.classify_udp,
    ip_in_udp.classify_udp,  # before OpenVPN, which has a weaker check
    openvpn.classify_udp,
    ipsec.classify_udp,
    l2tp.classify_udp,
    mesh.classify_udp,
)
_LENGTHS = (openvpn.classify_tcp,)  # after a length with a small first byte
_BY_FIRST = {
    **dict.fromkeys(range(6), _LENGTHS),
    0: (pptp.classify_tcp, *_LENGTHS),
    4: (socks.classify_tcp, *_LENGTHS),
    5: (socks.classify_tcp,),
    ord("I"): (ipsec.classify_tcp,),
    ord("S"): (ssh.classify_tcp,),
}


def may_begin(first: int) -> bool:
    """Whether any tunnel begins with this byte."""
    return first in _BY_FIRST


def look_udp(payload: bytes, dport: int) -> TunnelSign | None:
    """Classify one datagram of a flow to a server's ``dport``, in either direction."""
    for classify in _UDP:
        proto = classify(payload, dport)
        if proto is not None:
            return TunnelSign(proto)
    return foreign_dns.question_udp(payload, dport)


def look_tcp(data: bytes) -> TunnelSign | More | None:
    """Classify a stream that begins with ``data`` (at most LONGEST bytes); MORE if more are needed."""
    if not data or data[0] not in _BY_FIRST:
        return None
    found = [_sign(classify(data)) for classify in _BY_FIRST[data[0]]]
    found.append(foreign_dns.question_tcp(data))
    return _first(found)


def look_server(data: bytes) -> TunnelSign | More | None:
    """Classify the start of a server's bytes, as `look_tcp`."""
    banner = _sign(ssh.classify_server(data)) if data else None
    return banner if isinstance(banner, TunnelSign) else _first([banner, look_tcp(data)])


def _sign(match: TunnelMatch) -> TunnelSign | More | None:
    return match if match is None or match is MORE else TunnelSign(match)


def _first(found: list[TunnelSign | More | None]) -> TunnelSign | More | None:
    signs = [sign for sign in found if isinstance(sign, TunnelSign)]
    return signs[0] if signs else (MORE if MORE in found else None)
