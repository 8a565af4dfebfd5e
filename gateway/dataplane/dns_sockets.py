"""Sockets for DNS over TCP: the listener for redirected connections, and non-blocking reads."""

from __future__ import annotations

import errno
import socket
import struct
from enum import Enum, auto

CHUNK = 16 << 10
BACKLOG = 32

_SO_ORIGINAL_DST = 80  # the same number at both levels; linux/netfilter_ipv4.h, netfilter_ipv6/ip6_tables.h
_IPV4 = struct.Struct("!2xH4s8x")
_IPV6 = struct.Struct("!2xH4x16s4x")


class Sent(Enum):
    ALL = auto()
    MORE = auto()
    BROKEN = auto()


def listen(port: int) -> socket.socket:
    """Listen on all addresses. ``port`` 0: any."""
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
    """Return packed address and port of the original destination; None if nothing was redirected."""
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
    """Return an address of a socket in packed form: without scope, and IPv4-mapped addresses as IPv4."""
    text = text.partition("%")[0]
    if "." in text:
        return socket.inet_pton(socket.AF_INET, text.removeprefix("::ffff:"))
    return socket.inet_pton(socket.AF_INET6, text)


def receive(sock: socket.socket) -> bytes | None:
    """Return received bytes; None if there are none yet, empty if the other end closed the connection."""
    try:
        return sock.recv(CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def send_some(sock: socket.socket, waiting: bytearray) -> Sent:
    try:
        del waiting[: sock.send(waiting)]
    except BlockingIOError:
        return Sent.MORE
    except OSError as error:
        return Sent.MORE if error.errno == errno.ENOTCONN else Sent.BROKEN
    return Sent.MORE if waiting else Sent.ALL
