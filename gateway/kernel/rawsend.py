"""Sends complete IP packets from any source address: forged DNS responses, block pages, resets.

Their mark makes our table leave them untracked (chain ``forged``): conntrack has no entry for a dropped
query, so a tracked response would break the client's next use of the same port. Packets that end a connection
are tracked: they are translated like the rest of it, and the kernel ends the connection's entry.
"""

from __future__ import annotations

import socket
import struct

from gateway.core.errors import KernelError
from gateway.kernel.marks import MarkLayout

SO_MARK = 36  # asm-generic/socket.h; missing in the socket module of some Python 3.11 builds
_IP_PKTINFO = 8
_PKTINFO = struct.Struct("=I4s4s")  # struct in_pktinfo: interface, local and header address
_Ancillary = tuple[int, int, bytes]
_UNMARKED: list[_Ancillary] = [(socket.SOL_SOCKET, SO_MARK, bytes(4))]  # overrides the socket's mark
_IPV6_DESTINATION, _IPV4_DESTINATION = slice(24, 40), slice(16, 20)


class RawSender:
    """Sends whole IP packets, with any source address, by two raw sockets (IPv4 and IPv6).

    They are created at the start, so that sending later needs no new socket. Tracked packets still need
    CAP_NET_RAW or CAP_NET_ADMIN, since each sets its mark.
    """

    def __init__(self, layout: MarkLayout) -> None:
        """Open the sockets. Raises KernelError without root or CAP_NET_RAW and CAP_NET_ADMIN.

        ``layout``: the bits of the mark that packets get.
        """
        self.failed = 0  # packets that the kernel did not send
        try:
            # IPPROTO_RAW: we write the header, in both families (raw(7), ipv6(7)).
            self._ipv4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self._ipv6 = self._open_ipv6()
            for sock in (self._ipv4, self._ipv6):
                if sock is not None:
                    sock.setsockopt(socket.SOL_SOCKET, SO_MARK, layout.forged)
                    sock.setblocking(False)
        except PermissionError as error:
            msg = "no access to raw sockets; run as root or with CAP_NET_RAW and CAP_NET_ADMIN"
            raise KernelError(msg) from error

    @staticmethod
    def _open_ipv6() -> socket.socket | None:
        try:
            return socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        except OSError as error:
            if isinstance(error, PermissionError):
                raise
            return None  # a kernel without IPv6 has no IPv6 packet to respond to

    def send(self, packet: bytes, ifindex: int, *, tracked: bool = False) -> bool:
        """Send a complete IP packet out of interface ``ifindex`` (0: by the routes).

        Return whether it was sent. In IPv6, ``ifindex`` is only the scope of link-local destinations, which
        need it; packets to all others go by the routes. ``tracked``: conntrack sees the packet, as it must if
        the packet ends a connection. Never blocks.
        """
        try:
            if packet[0] >> 4 == 4:
                self._send_ipv4(packet, ifindex, _UNMARKED if tracked else [])
            else:
                self._send_ipv6(packet, ifindex, _UNMARKED if tracked else [])
        except OSError:  # no route, no buffer, or the client is gone; the client retries if it needs to
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
