"""Reads pcap and pcapng capture files piece by piece, and the IP packets in their frames.

Sources: draft-ietf-opsawg-pcap and -pcapng. Link layers: Ethernet with VLAN tags and PPPoE, Linux cooked, raw
IP, PPP.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from gateway.core.errors import WireError
from gateway.wire.cursor import Cursor

MAX_FRAME = 1 << 18  # bytes; the largest snapshot length that libpcap accepts
MAX_ON_WIRE = 1 << 26  # bytes; offloaded packets are below 1 MiB; Wireshark's limit
MAX_BLOCK = 1 << 24  # bytes; TLS secrets and comments can be long; Wireshark's limit
MAX_INTERFACES = 1024  # a section describes each interface once

_PCAP_MAGIC = {  # magic → (byte order, ticks a second, bytes to ignore in a record header)
    b"\xa1\xb2\xc3\xd4": (">", 10**6, 0),
    b"\xd4\xc3\xb2\xa1": ("<", 10**6, 0),
    b"\xa1\xb2\x3c\x4d": (">", 10**9, 0),
    b"\x4d\x3c\xb2\xa1": ("<", 10**9, 0),
    b"\xa1\xb2\xcd\x34": (">", 10**6, 8),  # Kuznetzov's patched libpcap
    b"\x34\xcd\xb2\xa1": ("<", 10**6, 8),
}
_PCAP_HEADER = 24
_SECTION, _INTERFACE, _PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDER = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_BLOCK_OVERHEAD = 12  # bytes: type, length, and the length again at the end of a block
_IF_TSRESOL, _IF_TSOFFSET = 9, 14

# https://www.tcpdump.org/linktypes.html
NULL, ETHERNET, PPP, RAW_BSD, RAW_OPENBSD, PPP_ETHER, RAW = 0, 1, 9, 12, 14, 51, 101
LOOP, LINUX_SLL, IPV4, IPV6, LINUX_SLL2 = 108, 113, 228, 229, 276

_ETHERTYPE_IPV4, _ETHERTYPE_IPV6 = 0x0800, 0x86DD
# 802.1Q, 802.1ad, and the tag older switches use for 802.1ad
_VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_PPPOE_SESSION = 0x8864
_PPP_IPV4, _PPP_IPV6 = 0x0021, 0x0057
MAX_VLAN_TAGS = 4  # Q-in-Q has two; no household or provider uses more than four

_U16 = Struct("!H")


class Frame(NamedTuple):
    """One captured link-layer frame, with its time and link type."""

    time: float  # seconds since 1970 by the capturing host's clock; 0.0 if there is no time
    linktype: int
    data: bytes  # may be shorter than the frame was on the wire


class _Interface(NamedTuple):
    linktype: int
    snaplen: int
    ticks: int  # a second
    offset: int  # seconds added to every time stamp


class _Layout:
    """The structs of a pcapng file in one byte order."""

    def __init__(self, order: str) -> None:
        self.word = Struct(order + "I")
        self.block = Struct(order + "II")  # type, length
        self.interface = Struct(order + "HHI")  # link type, reserved, snapshot length
        self.option = Struct(order + "HH")  # code, length
        self.seconds = Struct(order + "q")
        self.enhanced = Struct(order + "IIII")  # interface, time stamp in two words, captured length
        self.packet = Struct(order + "HxxIII")  # the same in the obsolete block


_LAYOUTS = {order: _Layout(order) for order in "<>"}


class CaptureReader:
    """Reads a pcap or pcapng file: ``feed`` takes pieces of any size, ``next_frame`` returns whole frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._pos = 0  # in the buffer, of the next record
        self._dropped = 0  # bytes of the file before the buffer
        self._record: Struct | None = None  # of a pcap: seconds, fraction, length, length on the wire
        self._ticks = 1
        self._linktype = 0
        self._layout: _Layout | None = None  # of a pcapng section
        self._interfaces: list[_Interface] = []

    @property
    def offset(self) -> int:
        """The file offset of the next record; after an error, of the broken one."""
        return self._dropped + self._pos

    @property
    def pending(self) -> int:
        """The number of bytes not read yet.

        At the end of a file that was cut, they are of an incomplete record.
        """
        return len(self._buffer) - self._pos

    def feed(self, data: bytes) -> None:
        del self._buffer[: self._pos]
        self._dropped += self._pos
        self._pos = 0
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """Return the next frame of the file; None if more data is needed.

        Raises WireError at the first invalid record, and again on every later call.
        """
        if self._record is not None:
            return self._pcap_frame(self._record)
        if self._layout is not None:
            return self._pcapng_frame(self._layout)
        return self.next_frame() if self._begin() else None

    def _begin(self) -> bool:
        """Read the file's header; return whether it was complete.

        Raises WireError if it is no capture file.
        """
        head = bytes(self._buffer[:_PCAP_HEADER])
        magic = head[:4]
        if len(magic) == 4 and magic != _SECTION_MAGIC and magic not in _PCAP_MAGIC:
            msg = f"it begins with {magic.hex()}"
            raise WireError(msg)
        if magic == _SECTION_MAGIC and len(head) >= _BLOCK_OVERHEAD:
            self._layout = self._section_layout(0)
            return True
        if magic not in _PCAP_MAGIC or len(head) < _PCAP_HEADER:
            return False
        order, self._ticks, more = _PCAP_MAGIC[magic]
        self._record = Struct(f"{order}IIII{more}x")
        # The upper bits are the length of a frame check sequence.
        self._linktype = Struct(order + "I").unpack_from(head, 20)[0] & 0x03FFFFFF
        self._pos = _PCAP_HEADER
        return True

    def _pcap_frame(self, record: Struct) -> Frame | None:
        start = self._pos + record.size
        if start > len(self._buffer):
            return None
        seconds, fraction, length, on_wire = record.unpack_from(self._buffer, self._pos)
        # Both are 0 where a power failure left zeros at the end of the file. Some programs write no length on
        # the wire.
        if length > MAX_FRAME or not max(1, length) <= (on_wire or length) <= MAX_ON_WIRE:
            msg = f"{length} bytes of a frame of {on_wire}"
            raise WireError(msg)
        end = start + length
        if end > len(self._buffer):
            return None
        self._pos = end
        return Frame(seconds + fraction / self._ticks, self._linktype, bytes(self._buffer[start:end]))

    # ---------------------------------------------------------------- pcapng

    def _section_layout(self, pos: int) -> _Layout:
        magic = bytes(self._buffer[pos + 8 : pos + 12])
        if magic not in _BYTE_ORDER:
            msg = f"a section in byte order {magic.hex()}"
            raise WireError(msg)
        return _LAYOUTS[_BYTE_ORDER[magic]]

    def _pcapng_frame(self, layout: _Layout) -> Frame | None:
        buffer = self._buffer
        while len(buffer) - self._pos >= _BLOCK_OVERHEAD:
            pos = self._pos
            if buffer[pos : pos + 4] == _SECTION_MAGIC:
                layout = self._layout = self._section_layout(pos)
            kind, length = layout.block.unpack_from(buffer, pos)
            if not _BLOCK_OVERHEAD <= length <= MAX_BLOCK or length % 4:
                msg = f"a block of {length} bytes"
                raise WireError(msg)
            end: int = pos + length
            if end > len(buffer):
                return None
            again = layout.word.unpack_from(buffer, end - 4)[0]
            if again != length:
                msg = f"a block of {length} bytes that ends as one of {again}"
                raise WireError(msg)
            frame = self._block(layout, kind, bytes(buffer[pos + 8 : end - 4]))
            self._pos = end
            if frame is not None:
                return frame
        return None

    def _block(self, layout: _Layout, kind: int, body: bytes) -> Frame | None:
        if kind == _SECTION:
            self._interfaces.clear()
        elif kind == _INTERFACE:
            self._interfaces.append(self._interface(layout, body))
        elif kind == _SIMPLE:
            return self._simple(layout, body)
        elif kind in (_ENHANCED, _PACKET):
            return self._packet(layout.enhanced if kind == _ENHANCED else layout.packet, body)
        return None

    def _interface(self, layout: _Layout, body: bytes) -> _Interface:
        if len(body) < layout.interface.size or len(self._interfaces) >= MAX_INTERFACES:
            msg = f"interface {len(self._interfaces)} described in {len(body)} bytes"
            raise WireError(msg)
        linktype, _, snaplen = layout.interface.unpack_from(body)
        ticks, offset = 10**6, 0
        pos = layout.interface.size
        while pos + 4 <= len(body):
            code, length = layout.option.unpack_from(body, pos)
            value = body[pos + 4 : pos + 4 + length]
            if code == 0:
                break
            if code == _IF_TSRESOL and len(value) == 1:
                exponent = min(value[0] & 0x7F, 63)
                ticks = 2**exponent if value[0] & 0x80 else 10**exponent
            elif code == _IF_TSOFFSET and len(value) == 8:
                offset = layout.seconds.unpack(value)[0]
            pos += 4 + (length + 3 & ~3)
        return _Interface(linktype, snaplen, ticks, offset)

    def _described(self, number: int) -> _Interface:
        if number < len(self._interfaces):
            return self._interfaces[number]
        msg = f"a frame of interface {number}, which is not described"
        raise WireError(msg)

    def _simple(self, layout: _Layout, body: bytes) -> Frame:
        """Return the frame in a simple packet block of pcapng, without a time (0.0).

        The block has no captured length: that is the snapshot length at most. Raises WireError for a block
        that is cut, or if the section describes no interface.
        """
        if len(body) < 4:
            msg = "a simple packet block without a length"
            raise WireError(msg)
        interface = self._described(0)
        (on_wire,) = layout.word.unpack_from(body)
        length = min(on_wire, interface.snaplen or on_wire, len(body) - 4)
        return Frame(0.0, interface.linktype, body[4 : 4 + length])

    def _packet(self, head: Struct, body: bytes) -> Frame:
        if len(body) < head.size + 4:
            msg = f"a packet block with {len(body)} bytes in it"
            raise WireError(msg)
        number, high, low, length = head.unpack_from(body)
        interface = self._described(number)
        start = head.size + 4  # after the length on the wire
        if length > MAX_FRAME or start + length > len(body):
            msg = f"a frame of {length} bytes in a block of {len(body)}"
            raise WireError(msg)
        stamp = high << 32 | low
        time = stamp / interface.ticks + interface.offset if stamp else 0.0
        return Frame(time, interface.linktype, body[start : start + length])


class Payload(NamedTuple):
    """An IP packet of a captured frame, and the frame's source hardware address (empty if it has none)."""

    packet: bytes
    source: bytes


def ip_payload(linktype: int, frame: bytes) -> Payload | None:
    """Return the IP packet in ``frame``; None if the frame carries something else (ARP, LLDP, PPP control).

    The packet is not checked. Raises WireError for a frame that is cut in the headers before it, for more
    than MAX_VLAN_TAGS VLAN tags, and for an unsupported link type.
    """
    if linktype == ETHERNET:
        return _ethernet(frame)
    if linktype in (RAW, RAW_BSD, RAW_OPENBSD, IPV4, IPV6):
        return Payload(frame, b"")
    if linktype == LINUX_SLL:
        cursor = Cursor(frame)
        cursor.skip(4)
        length = cursor.u16()
        source = cursor.take(8)[:length]
        return _after_ethertype(cursor.u16(), cursor.rest(), source)
    if linktype == LINUX_SLL2:
        cursor = Cursor(frame)
        ethertype = cursor.u16()
        cursor.skip(9)
        length = cursor.u8()
        source = cursor.take(8)[:length]
        return _after_ethertype(ethertype, cursor.rest(), source)
    if linktype in (NULL, LOOP):
        # The address family is in the byte order of the capturing host; the IP version is unambiguous.
        return Payload(frame[4:], b"") if len(frame) > 4 and frame[4] >> 4 in (4, 6) else None
    if linktype == PPP:
        return _ppp(frame[2:] if frame[:2] == b"\xff\x03" else frame, b"")
    if linktype == PPP_ETHER:
        return _pppoe(frame, b"")
    msg = f"link type {linktype} is not read; capture on Ethernet, `any`, or raw IP"
    raise WireError(msg)


def _ethernet(frame: bytes) -> Payload | None:
    cursor = Cursor(frame)
    cursor.skip(6)
    source = cursor.take(6)
    ethertype = cursor.u16()
    return _after_ethertype(ethertype, cursor.rest(), source)


def _after_ethertype(ethertype: int, rest: bytes, source: bytes) -> Payload | None:
    tags = 0
    while ethertype in _VLAN_TAGS:
        tags += 1
        if len(rest) < 4 or tags > MAX_VLAN_TAGS:
            msg = f"VLAN tag {tags} with {len(rest)} bytes behind it"
            raise WireError(msg)
        ethertype = _U16.unpack_from(rest, 2)[0]
        rest = rest[4:]
    if ethertype in (_ETHERTYPE_IPV4, _ETHERTYPE_IPV6):
        return Payload(rest, source)
    if ethertype == _PPPOE_SESSION:
        return _pppoe(rest, source)
    return None


def _pppoe(rest: bytes, source: bytes) -> Payload | None:
    """Return the IP packet in PPPoE; None if it carries something else. Raises WireError if it is cut.

    The header is version and type, code, session, length; code 0 carries PPP (RFC 2516 §4).
    """
    cursor = Cursor(rest)
    cursor.skip(1)
    code = cursor.u8()
    cursor.skip(2)
    length = cursor.u16()
    if code:
        return None
    return _ppp(cursor.take(min(length, cursor.remaining)), source)


def _ppp(rest: bytes, source: bytes) -> Payload | None:
    """Return the IP packet in PPP; None if it carries something else. Raises WireError if it is cut.

    The protocol number has two bytes, or one odd byte when compressed (RFC 1661 §2).
    """
    cursor = Cursor(rest)
    first = cursor.u8()
    protocol = first if first & 1 else first << 8 | cursor.u8()
    return Payload(cursor.rest(), source) if protocol in (_PPP_IPV4, _PPP_IPV6) else None
