"""What two ends of DNS over TCP hand each other, without ever blocking."""

from __future__ import annotations

import errno
import socket
from enum import Enum, auto

CHUNK = 16 << 10


class Sent(Enum):
    ALL = auto()
    MORE = auto()
    BROKEN = auto()


def receive(sock: socket.socket) -> bytes | None:
    """None: nothing there yet. Empty: the other end is gone."""
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
