"""Recognises tunnels, proxies and foreign resolvers by their first bytes, on any port.

A function for datagrams takes ``(payload, dport)``, one for streams takes ``(data)``, which is not empty
where its docstring says so. No other data makes them raise. A match needs a check that random data is
unlikely to pass; most functions state the probability.
"""

from __future__ import annotations

from gateway.wire.tunnels import foreign_dns, ip_in_udp, proxies, vpn
from gateway.wire.tunnels.signs import LONGEST, MORE, More, TunnelMatch, TunnelSign
from gateway.wire.tunnels.vpn import classify_ip

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

_UDP = (
    vpn.wireguard_udp,
    ip_in_udp.classify_udp,  # before OpenVPN, which has a weaker check
    vpn.openvpn_udp,
    vpn.ipsec_udp,
    vpn.l2tp_udp,
    vpn.mesh_udp,
)
_LENGTHS = (vpn.openvpn_tcp,)  # after a length with a small first byte
_BY_FIRST = {
    **dict.fromkeys(range(6), _LENGTHS),
    0: (vpn.pptp_tcp, *_LENGTHS),
    4: (proxies.socks_tcp, *_LENGTHS),
    5: (proxies.socks_tcp,),
    ord("I"): (vpn.ipsec_tcp,),
    ord("S"): (proxies.ssh_tcp,),
}


def may_begin(first: int) -> bool:
    """Return whether `look_tcp` may recognise a TCP stream with this first byte as a tunnel or DNS."""
    return first in _BY_FIRST


def look_udp(payload: bytes, dport: int) -> TunnelSign | None:
    """Return the tunnel or foreign DNS that a datagram belongs to; None if none is recognised.

    The datagram is of a flow to a server's port ``dport``, in either direction. Foreign DNS is DNS on another
    port than 53, and relayed DNSCrypt on any port.
    """
    for classify in _UDP:
        proto = classify(payload, dport)
        if proto is not None:
            return TunnelSign(proto)
    return foreign_dns.question_udp(payload, dport)


def look_tcp(data: bytes) -> TunnelSign | More | None:
    """Return the tunnel, proxy or foreign DNS that a TCP stream begins with; None if none is recognised.

    ``data`` is the start of the stream; LONGEST bytes of it are always enough. Returns MORE if more bytes are
    needed.
    """
    if not data or data[0] not in _BY_FIRST:
        return None
    found = [_sign(classify(data)) for classify in _BY_FIRST[data[0]]]
    found.append(foreign_dns.question_tcp(data))
    return _first(found)


def look_server(data: bytes) -> TunnelSign | More | None:
    """Return the tunnel or foreign DNS that a server's TCP bytes begin with; None or MORE as `look_tcp`.

    Unlike in a client's bytes, other lines may precede an SSH banner.
    """
    banner = _sign(proxies.ssh_server(data)) if data else None
    return banner if isinstance(banner, TunnelSign) else _first([banner, look_tcp(data)])


def _sign(match: TunnelMatch) -> TunnelSign | More | None:
    return match if match is None or match is MORE else TunnelSign(match)


def _first(found: list[TunnelSign | More | None]) -> TunnelSign | More | None:
    signs = [sign for sign in found if isinstance(sign, TunnelSign)]
    return signs[0] if signs else (MORE if MORE in found else None)
