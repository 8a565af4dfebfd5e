"""TCP connections that the table leads to the daemon: a listener, and whom the client meant."""

from __future__ import annotations

import socket
import struct

BACKLOG = 32

_SO_ORIGINAL_DST = 80  # the same number at both levels; linux/netfilter_ipv4.h, netfilter_ipv6/ip6_tables.h
_IPV4 = struct.Struct("!2xH4s8x")
_IPV6 = struct.Struct("!2xH4x16s4x")


def listen(port: int) -> socket.socket:
    """On all addresses; ``port`` 0: any."""
    try:
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        address = "::"
    except OSError:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        address = "0.0.0.0"
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def original_destination(sock: socket.socket) -> tuple[bytes, int] | None:
    """Packed address and port that the client meant; None: nothing was redirected."""
    try:
        if "." in sock.getpeername()[0]:
            port, address = _IPV4.unpack(sock.getsockopt(socket.IPPROTO_IP, _SO_ORIGINAL_DST, _IPV4.size))
        else:
            raw = sock.getsockopt(socket.IPPROTO_IPV6, _SO_ORIGINAL_DST, _IPV6.size)
            port, address = _IPV6.unpack(raw)
    except OSError:
        return None
    return address, port


def packed(text: str) -> bytes:
    """An address as the socket tells it: with a scope, or IPv4 in IPv6."""
    text = text.partition("%")[0]
    if "." in text:
        return socket.inet_pton(socket.AF_INET, text.removeprefix("::ffff:"))
    return socket.inet_pton(socket.AF_INET6, text)
