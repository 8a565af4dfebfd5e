"""Reads the packets on the LAN in which devices describe themselves.

Each LAN interface has one packet(7) socket with a filter in classic BPF (linux/filter.h). The filter passes
messages to DHCP servers, answers of multicast DNS, and one in eight TCP SYN packets, for the hop limit. It
also passes claims of the gateway's own addresses, in ARP and neighbour discovery. It runs on every packet
that comes in on the interface; any other TCP packet costs it eleven steps, twelve over IPv6.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from collections.abc import Callable, Iterable

from gateway.core.errors import WireError
from gateway.core.loop import Loop, Timer
from gateway.lan.own_addresses import OwnAddresses
from gateway.wire.lan.claims import ADVERTISEMENT, FIRST, LAST, AddressClaim, arp_claim, neighbour_claim
from gateway.wire.lan.overheard import Overheard, overhear

MAX_PACKET = 2048  # bytes; the largest Ethernet frame has 1,518
BUFFER = 1 << 17  # bytes of packets that wait, as the kernel counts them: some hundred
TURN = 32  # packets that one turn of the loop reads
RATE = 200  # packets a second and socket; a household sends a few. Others wait, then the kernel drops them
PAUSE = 1.0  # seconds

_EVERY_PROTOCOL = 0x0003  # ETH_P_ALL
_IPV4, _IPV6, _ARP = 0x0800, 0x86DD, 0x0806
MAX_WATCHED = 16  # of the gateway's addresses of each IP version on one interface: jumps reach 255 steps
_ATTACH_FILTER = 26  # SO_ATTACH_FILTER
_SOL_PACKET, _ADD_MEMBERSHIP, _MULTICAST, _IGNORE_OUTGOING = 263, 1, 0, 23
_MEMBERSHIP = struct.Struct("=iHH8s")  # struct packet_mreq
# The groups of multicast DNS and of DHCPv6 servers: a network card passes on no others.
_GROUPS = ("01005e0000fb", "3333000000fb", "333300010002")
_GONE = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO})

_LOAD_BYTE, _LOAD_HALF, _LOAD_WORD = 0x30, 0x28, 0x20
_LOAD_BYTE_X, _LOAD_HALF_X, _LOAD_IHL, _SET_X = 0x50, 0x48, 0xB1, 0x01
_JUMP, _JUMP_SET, _JUMP_ABOVE, _AND, _RETURN = 0x15, 0x45, 0x25, 0x54, 0x06
# SKF_AD_OFF + SKF_AD_PROTOCOL, SKF_AD_VLAN_TAG, SKF_AD_VLAN_TAG_PRESENT, SKF_AD_RANDOM
_PROTOCOL, _VLAN_TAG, _VLAN_TAGGED, _RANDOM = (0xFFFFF000 + offset for offset in (0, 44, 48, 56))
_ALL = 0x40000

Step = tuple[int, int, str, str]
"""Operation, operand, and the labels to jump to: if true, and if false."""

_SYN_AND_ACK, _ONLY_SYN, _SAMPLE = 0x12, 0x02, 7
_STEPS: dict[str, Step] = {
    # A frame of a VLAN belongs to the VLAN's own interface. The tag is read only where there is one: older
    # kernels keep that of the frame before.
    "tagged": (_LOAD_WORD, _VLAN_TAGGED, "", ""),
    "is tagged": (_JUMP, 0, "protocol", ""),
    "vlan": (_LOAD_HALF, _VLAN_TAG, "", ""),
    "has a vlan": (_JUMP_SET, 0x0FFF, "no", ""),
    "protocol": (_LOAD_HALF, _PROTOCOL, "", ""),
    "is ipv4": (_JUMP, _IPV4, "", "is ipv6"),
    "ipv4 header": (_LOAD_IHL, 0, "", ""),
    "ipv4 next": (_LOAD_BYTE, 9, "", ""),
    "ipv4 is tcp": (_JUMP, 6, "tcp flags", ""),
    "ipv4 is udp": (_JUMP, 17, "", "no"),
    "ipv4 fragment": (_LOAD_HALF, 6, "", ""),
    "ipv4 is fragment": (_JUMP_SET, 0x3FFF, "no", ""),
    "ipv4 port": (_LOAD_HALF_X, 2, "", ""),
    "ipv4 to dhcp": (_JUMP, 67, "yes", ""),
    "ipv4 to mdns": (_JUMP, 5353, "", "no"),
    "ipv4 target": (_LOAD_WORD, 16, "", ""),
    "ipv4 to group": (_JUMP, 0xE00000FB, "", "no"),
    "ipv4 dns flags": (_LOAD_HALF_X, 10, "", ""),
    "ipv4 is answer": (_JUMP_SET, 0x8000, "yes", "no"),
    "is ipv6": (_JUMP, _IPV6, "", "is arp"),
    "ipv6 header": (_SET_X, 40, "", ""),
    "ipv6 next": (_LOAD_BYTE, 6, "", ""),
    "ipv6 is tcp": (_JUMP, 6, "tcp flags", ""),
    "ipv6 is udp": (_JUMP, 17, "", "ipv6 is icmp"),
    "ipv6 port": (_LOAD_HALF_X, 2, "", ""),
    "ipv6 to dhcp": (_JUMP, 547, "yes", ""),
    "ipv6 to mdns": (_JUMP, 5353, "", "no"),
    "ipv6 target": (_LOAD_WORD, 24, "", ""),
    "ipv6 to group": (_JUMP, 0xFF020000, "", "no"),
    "ipv6 dns flags": (_LOAD_HALF_X, 10, "", ""),
    "ipv6 is answer": (_JUMP_SET, 0x8000, "yes", "no"),
    "tcp flags": (_LOAD_BYTE_X, 13, "", ""),
    "syn and ack": (_AND, _SYN_AND_ACK, "", ""),
    "is syn": (_JUMP, _ONLY_SYN, "", "no"),
    "dice": (_LOAD_WORD, _RANDOM, "", ""),
    "one in eight": (_JUMP_SET, _SAMPLE, "no", "yes"),
}
_ARP_STEPS: dict[str, Step] = {
    "is arp": (_JUMP, _ARP, "", "no"),
    "arp sender": (_LOAD_WORD, 14, "", ""),
}
_ICMP_STEPS: dict[str, Step] = {
    "ipv6 is icmp": (_JUMP, 58, "", "no"),
    "icmp type": (_LOAD_BYTE, 40, "", ""),
    "icmp below": (_JUMP_ABOVE, FIRST - 1, "", "no"),
    "icmp above": (_JUMP_ABOVE, LAST, "no", ""),
    "icmp is advertisement": (_JUMP, ADVERTISEMENT, "", "icmp source"),
    "icmp target": (_LOAD_WORD, 60, "", ""),
}
_ICMP_SOURCE: dict[str, Step] = {"icmp source": (_LOAD_WORD, 20, "", "")}
_NO: Step = (_RETURN, 0, "", "")
_ENDS: dict[str, Step] = {"yes": (_RETURN, _ALL, "", ""), "no": _NO}


def program(own: Iterable[bytes] = ()) -> bytes:
    """Return a classic BPF program that passes only the packets in which devices describe themselves.

    It is an array of struct sock_filter. ``own``: the gateway's packed addresses, whose claims (ARP,
    neighbour discovery) pass too, at most MAX_WATCHED of each IP version. Of IPv6 addresses it compares the
    last four bytes.
    """
    ipv4, ipv6 = (
        sorted({int.from_bytes(ip[-4:], "big") for ip in own if len(ip) == size})[:MAX_WATCHED]
        for size in (4, 16)
    )
    steps = _STEPS | _ARP_STEPS | _compared("arp sender", ipv4)
    steps["arp claims nothing"] = _NO
    steps |= _ICMP_STEPS | _compared("icmp target", ipv6) | _ICMP_SOURCE | _compared("icmp source", ipv6)
    steps["icmp claims nothing"] = _NO
    return _assembled(steps | _ENDS)


def _compared(label: str, numbers: Iterable[int]) -> dict[str, Step]:
    """Return the BPF steps that accept a packet if the word loaded before is one of ``numbers``."""
    return {f"{label} is {number}": (_JUMP, number, "yes", "") for number in numbers}


def _assembled(steps: dict[str, Step]) -> bytes:
    places = {label: number for number, label in enumerate(steps)}

    def distance(label: str, number: int) -> int:
        return places[label] - number - 1 if label else 0

    return b"".join(
        struct.pack("=HBBI", code, distance(true, number), distance(false, number), operand)
        for number, (code, operand, true, false) in enumerate(steps.values())
    )


Heard = Callable[[str, int, Overheard], None]
"""A callback: gets the MAC address in the frame, the interface's index, and the parsed packet."""
Claimed = Callable[[str], None]
"""A callback: gets the MAC address in a frame that claims an address of the gateway."""


_CLAIMS: dict[int, Callable[[bytes], AddressClaim | None]] = {_ARP: arp_claim, _IPV6: neighbour_claim}


class _Tap:
    """A packet socket on one LAN interface, which reads packets in which devices describe themselves.

    It calls ``heard`` for each, and ``claimed`` for a claim of one of the gateway's addresses by another
    device. It reads at most RATE packets a second.

    It is bound to ETH_P_ALL, never to ETH_P_IP or ETH_P_IPV6. The kernel serves ETH_P_ALL sockets before
    ip_rcv(), and an interface's sockets of one protocol after it. With a socket of the second kind,
    ip_rcv() shares each packet with that socket and therefore clones it, whatever the socket's filter
    says. With `bridge-nf-call-iptables=1`, which Docker sets, the bridge has already given the packet its
    conntrack entry. The clone shares this entry, and the kernel drops a packet that goes to a queue while
    its entry is unconfirmed and shared (nf_ct_drop_unconfirmed). Filtered devices would lose every new
    UDP flow.
    """

    def __init__(self, loop: Loop, name: str, own: OwnAddresses, heard: Heard, claimed: Claimed) -> None:
        self.ifindex = socket.if_nametoindex(name)
        self._loop = loop
        self._name = name
        self._heard = heard
        self._claimed = claimed
        self._own = frozenset[bytes]()  # the gateway's addresses on this interface
        self._own_macs = frozenset[bytes]()
        self._left = RATE
        self._until = loop.now() + PAUSE
        self._paused: Timer | None = None
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0
        )
        try:
            self._attach(own)  # before the interface is set: no unfiltered packet arrives
            self._socket.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            for group in _GROUPS:
                wanted = _MEMBERSHIP.pack(self.ifindex, _MULTICAST, 6, bytes.fromhex(group).ljust(8, b"\0"))
                self._socket.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, wanted)
            self._socket.bind((name, _EVERY_PROTOCOL))
        except OSError:
            self._socket.close()
            raise
        loop.on_readable(self._socket, self._read)

    def watch(self, own: OwnAddresses) -> None:
        """Set the gateway's own addresses, whose claims by other devices are reported from now on."""
        if (own.ips.get(self._name, frozenset()), own.macs) != (self._own, self._own_macs):
            self._attach(own)

    def _attach(self, own: OwnAddresses) -> None:
        self._own, self._own_macs = own.ips.get(self._name, frozenset()), own.macs
        _attach(self._socket, program(self._own))

    def _read(self) -> None:
        for _ in range(TURN):
            if not self._may_read():
                return
            try:
                data, (_, protocol, _, _, hardware) = self._socket.recvfrom(MAX_PACKET)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in _GONE:
                    raise
                return  # the interface went down; follow() opens a new socket if its index changes
            self._left -= 1
            if len(hardware) == 6 and not hardware[0] & 1:
                self._report(hardware.hex(":"), protocol, data)

    def _report(self, mac: str, protocol: int, data: bytes) -> None:
        try:
            claim = _CLAIMS[protocol](data) if protocol in _CLAIMS else None
            said = overhear(data) if claim is None and protocol != _ARP else None
        except WireError:
            return  # a malformed packet describes nothing
        if said is not None:
            self._heard(mac, self.ifindex, said)
        elif claim is not None and self._is_false(claim):
            self._claimed(mac)

    def _is_false(self, claim: AddressClaim) -> bool:
        return claim.mac not in self._own_macs and not self._own.isdisjoint(claim.addresses)

    def _may_read(self) -> bool:
        now = self._loop.now()
        if now >= self._until:
            self._left, self._until = RATE, now + PAUSE
        if self._left > 0:
            return True
        self._loop.forget(self._socket)
        self._paused = self._loop.call_at(self._until, self._go_on)
        return False

    def _go_on(self) -> None:
        self._paused = None
        self._loop.on_readable(self._socket, self._read)

    def close(self) -> None:
        if self._paused is not None:
            self._paused.cancel()
        else:
            self._loop.forget(self._socket)
        self._socket.close()


class Taps:
    """Reads packets in which devices describe themselves, on all LAN interfaces ``names``.

    Calls ``heard`` for each. ``follow()`` opens the sockets, also for interfaces that (re)appeared.
    ``claimed`` is called for each claim of one of the gateway's own addresses (``watch``) by another
    device, on the interface that has it.
    """

    def __init__(
        self, loop: Loop, names: Iterable[str], heard: Heard, claimed: Claimed = lambda _: None
    ) -> None:
        self._loop = loop
        self._names = tuple(names)
        self._heard = heard
        self._claimed = claimed
        self._own = OwnAddresses()
        self._taps: dict[str, _Tap] = {}

    def watch(self, own: OwnAddresses) -> None:
        """Set the gateway's own addresses, whose claims by other devices are reported from now on."""
        self._own = own
        for tap in self._taps.values():
            tap.watch(own)

    def follow(self) -> None:
        """Open a socket on each LAN interface that (re)appeared, and close those of interfaces that are gone.

        Raises OSError if the kernel refuses a socket.
        """
        for name in self._names:
            try:
                index = socket.if_nametoindex(name)
            except OSError:
                index = 0
            tap = self._taps.get(name)
            if tap is not None and tap.ifindex != index:
                tap.close()
                del self._taps[name]
            if index and name not in self._taps:
                self._open(name)

    def _open(self, name: str) -> None:
        try:
            self._taps[name] = _Tap(self._loop, name, self._own, self._heard, self._claimed)
        except OSError as error:
            if error.errno not in _GONE:
                raise  # otherwise the interface has just disappeared; the next follow() retries

    def close(self) -> None:
        for tap in self._taps.values():
            tap.close()
        self._taps.clear()


def _attach(sock: socket.socket, code: bytes) -> None:
    """Attach a BPF program (array of struct sock_filter) to a socket. Raises OSError."""
    steps = ctypes.create_string_buffer(code, len(code))
    sock.setsockopt(
        socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", len(code) // 8, ctypes.addressof(steps))
    )
