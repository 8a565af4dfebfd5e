"""Checks of tunnels and proxies, each by the first bytes that its programs send."""

from __future__ import annotations

from gateway.audit import tunnels
from gateway.audit.checks import BOTH, Check

_TUNNELS, _PROXIES = "Tunnels", "SSH, proxies, Tor"
_GRE, _ESP, _L2TP3, _SIX_IN_FOUR, _FOUR_IN_SIX = 47, 50, 115, 41, 4


def _sends(probe: str, port: int, data: bytes, **job: object) -> dict[str, object]:
    return {"probe": probe, "to": "@far", "port": port, "send": data.hex(), **job}


def _packet(number: int, data: bytes) -> dict[str, object]:
    return {"probe": "packet", "to": "@far", "port": number, "number": number, "send": data.hex()}


def _vpn(ident: str, title: str, job: dict[str, object], versions: tuple[int, ...] = BOTH) -> Check:
    return Check(ident, title, _TUNNELS, job, "ways: {vpn: block}", "way:vpn", versions=versions)


def _way(ident: str, title: str, job: dict[str, object], way: str) -> Check:
    return Check(ident, title, _PROXIES, job, f"ways: {{{way}: block}}", f"way:{way}")


CHECKS = (
    _vpn("wireguard", "WireGuard", _sends("datagram", 51820, tunnels.wireguard())),
    _vpn("wireguard-port", "WireGuard on the port of the web", _sends("datagram", 443, tunnels.wireguard())),
    _vpn("openvpn", "OpenVPN over UDP", _sends("datagram", 1194, tunnels.openvpn())),
    _vpn("openvpn-tcp", "OpenVPN over TCP", _sends("stream", 1194, tunnels.openvpn_stream())),
    _vpn("openvpn-port", "OpenVPN on the port of the web", _sends("stream", 443, tunnels.openvpn_stream())),
    _vpn("ike", "IPsec: its key exchange", _sends("datagram", 500, tunnels.ike())),
    _vpn("ike-nat", "IPsec: the same behind a NAT", _sends("datagram", 4500, tunnels.ike_behind_nat())),
    _vpn("esp-udp", "IPsec: its packets in UDP", _sends("datagram", 4500, tunnels.esp())),
    _vpn("esp", "IPsec: its packets", _packet(_ESP, tunnels.esp())),
    _vpn("l2tp", "L2TP", _sends("datagram", 1701, tunnels.l2tp())),
    _vpn("l2tp-ip", "L2TP without UDP", _packet(_L2TP3, tunnels.tunnel_v3())),
    _vpn("pptp", "PPTP: its control connection", _sends("stream", 1723, tunnels.pptp())),
    _vpn("gre", "PPTP: its packets (GRE)", _packet(_GRE, tunnels.gre())),
    _vpn("six-in-four", "IPv6 in IPv4", _packet(_SIX_IN_FOUR, tunnels.ipv6_inside()), versions=(4,)),
    _vpn("four-in-six", "IPv4 in IPv6", _packet(_FOUR_IN_SIX, tunnels.ipv4_inside()), versions=(6,)),
    _vpn("teredo", "IPv6 in UDP (Teredo)", _sends("datagram", 3544, tunnels.teredo())),
    Check(
        "vpn-name",
        "a VPN service by its name",
        _TUNNELS,
        {"probe": "hello", "to": "@at:nordvpn.com", "port": 443, "name": "nordvpn.com"},
        "categories: {proxy_vpn_doh: block}",
        "name:nordvpn.com",
    ),
    Check(
        "sstp",
        "a tunnel inside TLS to a server of one's own",
        _TUNNELS,
        {"probe": "https", "to": "@far", "port": 443, "name": "tunnel.audit.example"},
        "strict: true",
        "strict",
    ),
    _way("ssh", "SSH", _sends("stream", 22, tunnels.SSH), "ssh"),
    _way("ssh-port", "SSH on the port of the web", _sends("stream", 443, tunnels.SSH), "ssh"),
    _way("socks4", "a SOCKS 4 proxy", _sends("stream", 1080, tunnels.SOCKS4), "proxy"),
    _way("socks4a", "a SOCKS 4a proxy", _sends("stream", 1080, tunnels.SOCKS4A), "proxy"),
    _way("socks5", "a SOCKS 5 proxy on another port", _sends("stream", 8080, tunnels.SOCKS5), "proxy"),
    _way(
        "connect",
        "an HTTP proxy",
        {"probe": "stream", "to": "@far", "port": 3128, "text": tunnels.connect("@allowed").decode()},
        "proxy",
    ),
    _way(
        "tor",
        "a relay of Tor",
        {"probe": "hello", "to": "@tor", "port": 9001, "name": "www.tkxh4hxr.com", "alpn": []},
        "tor",
    ),
)
