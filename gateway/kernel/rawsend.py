"""Whole IP packets out of the gateway, from any address: forged DNS answers, answers to refused HTTP
requests, resets.

They carry a mark that makes our table leave them untracked (chain ``forged``): the answer to a dropped
question would count as nobody's, and the client's next use of the same port would break. Only what ends a
connection is tracked: it is translated like the rest of it, and the kernel forgets the connection.
"""

from __future__ import annotations

import socket
import struct

from gateway.core.errors import KernelError
from gateway.kernel.marks import MarkLayout

SO_MARK = 36  # asm-generic/socket.h; the socket module does not name it on every Python 3.11
_IP_PKTINFO = 8
_PKTINFO = struct.Struct("=I4s4s")  # struct in_pktinfo: interface, local and header address
_Ancillary = tuple[int, int, bytes]
_UNMARKED: list[_Ancillary] = [(socket.SOL_SOCKET, SO_MARK, bytes(4))]  # over the socket's own mark
_IPV6_DESTINATION, _IPV4_DESTINATION = slice(24, 40), slice(16, 20)


class RawSender:
    """Two sockets made at start, so that sending needs no privilege and no memory later."""

    def __init__(self, layout: MarkLayout) -> None:
        """Raises KernelError without root or CAP_NET_RAW and CAP_NET_ADMIN."""
        self.failed = 0  # packets that the kernel would not send
        try:
            # IPPROTO_RAW: the header is ours, in both families (raw(7), ipv6(7)).
            self._ipv4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self._ipv6 = self._open_ipv6()
            for sock in (self._ipv4, self._ipv6):
                if sock is not None:
                    sock.setsockopt(socket.SOL_SOCKET, SO_MARK, layout.forged)
                    sock.setblocking(False)
        except PermissionError as error:
            msg = "raw sockets are closed to us; run as root or with CAP_NET_RAW and CAP_NET_ADMIN"
            raise KernelError(msg) from error

    @staticmethod
    def _open_ipv6() -> socket.socket | None:
        try:
            return socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        except OSError as error:
            if isinstance(error, PermissionError):
                raise
            return None  # a kernel without IPv6 has no IPv6 packet to answer

    def send(self, packet: bytes, ifindex: int, *, tracked: bool = False) -> bool:
        """Send a whole IP packet out of interface ``ifindex`` (0: by the routes). Whether the kernel took it.

        For link-local destinations ``ifindex`` is the scope and must be given. Never waits.
        """
        try:
            if packet[0] >> 4 == 4:
                self._send_ipv4(packet, ifindex, _UNMARKED if tracked else [])
            else:
                self._send_ipv6(packet, ifindex, _UNMARKED if tracked else [])
        except OSError:  # no route, no buffer, a client that has gone: it asks again or it does not
            self.failed += 1
            return False
        return True

    def _send_ipv4(self, packet: bytes, ifindex: int, ancillary: list[_Ancillary]) -> None:
        destination = socket.inet_ntop(socket.AF_INET, packet[_IPV4_DESTINATION])
        pktinfo = _PKTINFO.pack(ifindex, b"\0\0\0\0", b"\0\0\0\0")
        if ifindex:
            ancillary = [*ancillary, (socket.IPPROTO_IP, _IP_PKTINFO, pktinfo)]
        self._ipv4.sendmsg([packet], ancillary, 0, (destination, 0))

    def _send_ipv6(self, packet: bytes, ifindex: int, ancillary: list[_Ancillary]) -> None:
        if self._ipv6 is None:
            raise OSError
        raw = packet[_IPV6_DESTINATION]
        scope = ifindex if raw[0] == 0xFE and raw[1] & 0xC0 == 0x80 else 0  # fe80::/10
        address = (socket.inet_ntop(socket.AF_INET6, raw), 0, 0, scope)
        self._ipv6.sendmsg([packet], ancillary, 0, address)

    def close(self) -> None:
        self._ipv4.close()
        if self._ipv6 is not None:
            self._ipv6.close()
