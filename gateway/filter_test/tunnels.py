"""The first bytes of tunnels and proxies, and the responses of their servers, by their specifications."""

from __future__ import annotations

import os
from collections.abc import Callable

_SPI = bytes.fromhex("2fb30d5dff6b49a7")
_SESSION = bytes.fromhex("ae2772c926201236")
_PPTP_COOKIE = bytes.fromhex("1a2b3c4d")


def wireguard() -> bytes:
    """Return a WireGuard handshake initiation ("WireGuard: Next Generation Kernel Network Tunnel", 5.4.2)."""
    key = bytearray(os.urandom(32))
    key[31] &= 0x7F  # RFC 7748 5
    return b"\x01\0\0\0" + os.urandom(4) + bytes(key) + os.urandom(92) + bytes(16)


def _wireguard_answer(said: bytes) -> bytes:
    """Return a WireGuard handshake response (5.4.3) to the initiation ``said``."""
    key = bytearray(os.urandom(32))
    key[31] &= 0x7F
    return b"\x02\0\0\0" + os.urandom(4) + said[4:8] + bytes(key) + os.urandom(32) + bytes(16)


def openvpn() -> bytes:
    """Return OpenVPN's first client packet, P_CONTROL_HARD_RESET_CLIENT_V2, number 0 (ssl_pkt.h)."""
    return b"\x38" + _SESSION + bytes(5)


def _openvpn_answer(_said: bytes) -> bytes:
    """Return OpenVPN's P_CONTROL_HARD_RESET_SERVER_V2, which acknowledges the client's packet 0."""
    return b"\x40" + bytes.fromhex("ca8bab82bc6b8b7f") + b"\x01" + bytes(4) + _SESSION + bytes(4)


def openvpn_stream() -> bytes:
    return len(openvpn()).to_bytes(2, "big") + openvpn()


def _openvpn_stream_answer(_said: bytes) -> bytes:
    answer = _openvpn_answer(b"")
    return len(answer).to_bytes(2, "big") + answer


def ike(answer: bool = False) -> bytes:
    """Return IPsec's IKE_SA_INIT request with only a nonce (RFC 7296 3.1, 3.9). ``answer``: its response."""
    payload = b"\x00\x00" + (36).to_bytes(2, "big") + os.urandom(32)
    responder, flags = (bytes.fromhex("bdf4da01ddfc9b72"), 0x20) if answer else (bytes(8), 0x08)
    head = _SPI + responder + bytes((40, 0x20, 34, flags)) + bytes(4)
    return head + (28 + len(payload)).to_bytes(4, "big") + payload


def ike_behind_nat() -> bytes:
    """Return IPsec's IKE_SA_INIT after four zero bytes, which distinguish it from ESP (RFC 3948 2.2)."""
    return bytes(4) + ike()


def _ike_answer(said: bytes) -> bytes:
    return (bytes(4) if said[:4] == bytes(4) else b"") + ike(answer=True)


def esp() -> bytes:
    """Return an IPsec packet (ESP) with sequence number 1 and random payload (RFC 4303 2, RFC 3948 2.1)."""
    return bytes.fromhex("c1a864760000000100000000") + os.urandom(52)


def l2tp() -> bytes:
    """Return L2TP's Start-Control-Connection-Request (RFC 2661 4.4, 6.1)."""
    pairs = (
        bytes.fromhex("8008000000000001") + bytes.fromhex("8008000000020100")
        + bytes.fromhex("800a00000003") + bytes((0, 0, 0, 3)) + b"\x80\x0a\0\0\0\x07host"
        + bytes.fromhex("8008000000097e03")
    )  # fmt: skip
    return b"\xc8\x02" + (12 + len(pairs)).to_bytes(2, "big") + bytes(8) + pairs


def pptp() -> bytes:
    """Return PPTP's Start-Control-Connection-Request (RFC 2637 2.1)."""
    body = b"\0\1" + _PPTP_COOKIE + b"\0\1\0\0\x01\0\0\0" + b"\0\0\0\3\0\0\0\3" + b"\xff\xff\0\1"
    return (156).to_bytes(2, "big") + body + b"local".ljust(64, b"\0") + b"audit".ljust(64, b"\0")


def teredo() -> bytes:
    """Return an IPv6 router solicitation, which Teredo clients send in UDP (RFC 4380 5.2.1, RFC 4861 4.1)."""
    solicitation = bytes.fromhex("85007d3700000000")
    ends = bytes.fromhex("fe800000000000000000ffffffffffff") + bytes.fromhex(
        "ff020000000000000000000000000002"
    )
    return b"\x60\0\0\0\0\x08\x3a\xff" + ends + solicitation


def ipv6_inside() -> bytes:
    """Return an IPv6 echo request between two documentation addresses, as payload of IPv4 (RFC 4213)."""
    ends = bytes.fromhex("20010db8000000000000000000000001") + bytes.fromhex(
        "20010db8000000000000000000000002"
    )
    return b"\x60\0\0\0\0\x08\x3a\x40" + ends + bytes.fromhex("8000240100010001")


def ipv4_inside() -> bytes:
    """Return an IPv4 echo request with a correct checksum, as payload of IPv6 (RFC 2473)."""
    return bytes.fromhex("4500001c000000004001f6ddc0000201c0000202") + bytes.fromhex("0800f7fd00010001")


def gre() -> bytes:
    """Return a GRE packet of version 1 with key and sequence number: PPP data of PPTP (RFC 2637 4.1)."""
    return bytes.fromhex("3001880b0004000100000000") + bytes.fromhex("c0210101000400000000")


def tunnel_v3() -> bytes:
    """Return an L2TPv3 data packet over IP: a session id and random payload (RFC 3931 4.1.1.1)."""
    return bytes.fromhex("00000007") + os.urandom(40)


SSH = b"SSH-2.0-OpenSSH_9.9\r\n"
SOCKS4 = bytes.fromhex("04010050cb007107") + b"\0"
SOCKS4A = bytes.fromhex("0401005000000001") + b"me\0www.example.org\0"
SOCKS5 = bytes.fromhex("050100")


def connect(host: str) -> bytes:
    """Return an HTTP CONNECT request to port 443 of ``host`` (RFC 9110 9.3.6)."""
    return f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode()


_OVER_UDP: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x01\0\0\0", _wireguard_answer),
    (b"\x38", _openvpn_answer),
    (_SPI, _ike_answer),
    (bytes(4) + _SPI, _ike_answer),
)


def answer_datagram(said: bytes) -> bytes:
    """Return the response of a tunnel's server to the UDP payload ``said``.

    WireGuard, OpenVPN and IKE have their own responses; all else is returned unchanged.
    """
    for start, answer in _OVER_UDP:
        if said.startswith(start):
            return answer(said)
    return said


def answer_stream(said: bytes) -> bytes:
    if said[2:8] == b"\0\1" + _PPTP_COOKIE:  # RFC 2637 2.2
        return said[:8] + b"\0\2" + said[10:14] + b"\1\0" + said[16:]
    if said.startswith(b"SSH-"):
        return b"SSH-2.0-sink\r\n"
    if said[:1] == b"\x05":  # RFC 1928 3: no authentication
        return b"\x05\x00"
    if said[:1] == b"\x04":
        return b"\x00\x5a" + bytes(6)
    if said.startswith(b"CONNECT "):
        return b"HTTP/1.1 200 Connection established\r\n\r\n"
    if said[2:3] == b"\x38":
        return _openvpn_stream_answer(said)
    return said
