"""Tunnels, proxies and foreign resolvers by the first bytes that they send, on any port.

One module for each family, all of one anatomy: ``classify_udp(payload, dport)`` says what one datagram is,
``classify_tcp(data)`` what a stream is that begins so. None of them raises, and none takes anything for a
tunnel that its own check does not make unlikely to be chance; each says how unlikely.
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
from gateway.wire.tunnels.signs import MORE, More, Sign, Told

__all__ = [
    "LONGEST",
    "MORE",
    "More",
    "Sign",
    "classify_ip",
    "look_server",
    "look_tcp",
    "look_udp",
    "may_begin",
]

LONGEST = 1200  # bytes by which each of them always knows; OpenVPN's largest reset, with a client's key

_UDP = (
    wireguard.classify_udp,
    ip_in_udp.classify_udp,  # ahead of OpenVPN's, whose checks are fewer bits
    openvpn.classify_udp,
    ipsec.classify_udp,
    l2tp.classify_udp,
    mesh.classify_udp,
)
_LENGTHS = (openvpn.classify_tcp,)  # behind a length whose first byte is small
_BY_FIRST = {
    **dict.fromkeys(range(6), _LENGTHS),
    0: (pptp.classify_tcp, *_LENGTHS),
    4: (socks.classify_tcp, *_LENGTHS),
    5: (socks.classify_tcp,),
    ord("I"): (ipsec.classify_tcp,),
    ord("S"): (ssh.classify_tcp,),
}


def may_begin(first: int) -> bool:
    """Whether a stream with this first byte is looked at at all."""
    return first in _BY_FIRST


def look_udp(payload: bytes, dport: int) -> Sign | None:
    """What one datagram of a flow to a server's ``dport`` is, in either direction."""
    for classify in _UDP:
        proto = classify(payload, dport)
        if proto is not None:
            return Sign(proto)
    return foreign_dns.question_udp(payload, dport)


def look_tcp(data: bytes) -> Sign | More | None:
    """What a stream is that begins with ``data``, at most LONGEST bytes of it; MORE: too few to tell."""
    if not data or data[0] not in _BY_FIRST:
        return None
    found = [_sign(classify(data)) for classify in _BY_FIRST[data[0]]]
    found.append(foreign_dns.question_tcp(data))
    return _first(found)


def look_server(data: bytes) -> Sign | More | None:
    """The same of a server's bytes."""
    banner = _sign(ssh.classify_server(data)) if data else None
    return banner if isinstance(banner, Sign) else _first([banner, look_tcp(data)])


def _sign(told: Told) -> Sign | More | None:
    return told if told is None or told is MORE else Sign(told)


def _first(found: list[Sign | More | None]) -> Sign | More | None:
    signs = [one for one in found if isinstance(one, Sign)]
    return signs[0] if signs else (MORE if MORE in found else None)
