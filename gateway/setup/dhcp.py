"""Finds DHCP servers on a network with one DHCPDISCOVER, as every device sends it.

No offer is accepted. A server on this machine is not found, since a packet socket does not receive its own
frames.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct
import time

from gateway.setup.facts import Offer

PATIENCE = 4.0  # seconds; dnsmasq pings the address that it would offer, for three
_IP = 0x0800
_EVERY_PROTOCOL = 0x0003  # a socket for IPv4 only can break devices' UDP: see gateway/lan/taps.py
_COOKIE = b"\x63\x82\x53\x63"
_TYPE, _SERVER, _ROUTER = 53, 54, 3
_DISCOVER, _OFFER = 1, 2
_BY_BROADCAST = 0x8000
_OPTIONS_AT = 240


def servers_on(interface: str, patience: float = PATIENCE) -> tuple[Offer, ...]:
    """Send a DHCPDISCOVER on an interface; return the offers that come, one per server.

    ``patience``: seconds to wait for them. Raises OSError if the request cannot be sent, such as without the
    right to open packet sockets (CAP_NET_RAW).
    """
    found: dict[str, Offer] = {}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((interface, _EVERY_PROTOCOL))
        mac = sock.getsockname()[4]
        transaction = secrets.randbits(32)
        sock.send(discover(mac, transaction))
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                offer = offered(sock.recv(2048), transaction)
            except TimeoutError:
                break
            if offer is not None:
                found.setdefault(offer.server, offer)
    return tuple(found.values())


def discover(mac: bytes, transaction: int) -> bytes:
    """Return the Ethernet frame of a DHCPDISCOVER, a device's search for DHCP servers (RFC 2131 2)."""
    options = bytes((_TYPE, 1, _DISCOVER, 55, 2, 1, _ROUTER, 255))
    head = struct.pack("!BBBBIHH", 1, 1, 6, 0, transaction, 0, _BY_BROADCAST)
    message = head + bytes(16) + mac.ljust(16, b"\0") + bytes(192) + _COOKIE + options
    message = message.ljust(300, b"\0")  # the minimum of old servers
    udp = struct.pack("!HHHH", 68, 67, 8 + len(message), 0) + message
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    ip = ip[:10] + struct.pack("!H", _checksum(ip)) + ip[12:]
    return b"\xff" * 6 + mac + struct.pack("!H", _IP) + ip + udp


def offered(frame: bytes, transaction: int) -> Offer | None:
    """Return the DHCP offer in an Ethernet frame; None if it has none, or one for another ``transaction``."""
    if len(frame) < 34 or frame[12:14] != struct.pack("!H", _IP) or frame[23] != socket.IPPROTO_UDP:
        return None
    at = 14 + 4 * (frame[14] & 15)
    message = frame[at + 8 :]
    if frame[at : at + 4] != b"\0\x43\0\x44" or len(message) < _OPTIONS_AT:
        return None
    if message[0] != 2 or message[4:8] != struct.pack("!I", transaction) or message[236:240] != _COOKIE:
        return None
    found: dict[int, bytes] = {}
    place = _OPTIONS_AT
    while place + 1 < len(message) and message[place] != 255:
        if message[place] == 0:
            place += 1
            continue
        found[message[place]] = message[place + 2 : place + 2 + message[place + 1]]
        place += 2 + message[place + 1]
    if found.get(_TYPE) != bytes((_OFFER,)):
        return None
    return Offer(
        _address(found.get(_SERVER, b"")) or _address(frame[26:30]), _address(found.get(_ROUTER, b""))
    )


def _address(value: bytes) -> str:
    return str(ipaddress.IPv4Address(value[:4])) if len(value) >= 4 else ""


def _checksum(head: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(head) // 2}H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
