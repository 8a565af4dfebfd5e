"""Capture files as their bytes arrive: pcap and pcapng (draft-ietf-opsawg-pcap, -pcapng)."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from gateway.errors import WireError

MAX_FRAME = 1 << 18  # bytes; the largest snapshot length that libpcap accepts
MAX_BLOCK = MAX_FRAME + (1 << 16)  # a frame with its options
MAX_INTERFACES = 1024  # a section describes each interface once

_PCAP_MAGIC = {  # magic → (byte order, ticks a second, bytes of a record header)
    b"\xa1\xb2\xc3\xd4": (">", 10**6, 16),
    b"\xd4\xc3\xb2\xa1": ("<", 10**6, 16),
    b"\xa1\xb2\x3c\x4d": (">", 10**9, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 10**9, 16),
    b"\xa1\xb2\xcd\x34": (">", 10**6, 24),  # Kuznetzov's patched libpcap
    b"\x34\xcd\xb2\xa1": ("<", 10**6, 24),
}
_SECTION, _INTERFACE, _PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDER = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_IF_TSRESOL, _IF_TSOFFSET = 9, 14


class Frame(NamedTuple):
    time: float  # seconds since 1970, as the capturing machine's clock had it; 0.0 where none is kept
    linktype: int
    data: bytes  # may be shorter than what was on the wire


class _Interface(NamedTuple):
    linktype: int
    snaplen: int
    ticks: int  # a second
    offset: int  # seconds added to every time stamp


class CaptureReader:
    """``feed`` takes the file in pieces of any size and gives the frames that are whole so far.

    Raises WireError for what is no capture. ``pending`` says how many bytes of an unfinished record are
    left: more than 0 at the end of the file means that it was cut.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._order = ""
        self._ticks = 0  # 0 means pcapng
        self._record = 0
        self._interfaces: list[_Interface] = []
        self._linktype = 0
        self.offset = 0  # bytes of the file taken so far

    @property
    def pending(self) -> int:
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        self._buffer += data
        frames: list[Frame] = []
        pos = 0 if self._order else self._start()
        if self._order:
            step = self._pcap_record if self._ticks else self._pcapng_block
            while (end := step(pos, frames)) > pos:
                pos = end
        self.offset += pos
        del self._buffer[:pos]
        return frames

    def _start(self) -> int:
        head = bytes(self._buffer[:4])
        if len(head) < 4:
            return 0
        if head == _SECTION_MAGIC:
            if len(self._buffer) < 12:
                return 0
            self._order = self._section_order(0)
            return 0
        if head not in _PCAP_MAGIC:
            msg = f"no capture: it begins with {head.hex()}; give a pcap or pcapng file"
            raise WireError(msg)
        if len(self._buffer) < 24:
            return 0
        self._order, self._ticks, self._record = _PCAP_MAGIC[head]
        # The upper bits hold the length of a frame check sequence.
        self._linktype = Struct(self._order + "I").unpack_from(self._buffer, 20)[0] & 0x03FFFFFF
        return 24

    def _pcap_record(self, pos: int, frames: list[Frame]) -> int:
        buffer = self._buffer
        if len(buffer) - pos < self._record:
            return pos
        seconds, fraction, length = Struct(self._order + "III").unpack_from(buffer, pos)
        if length > MAX_FRAME:
            msg = f"broken capture: a frame of {length} bytes at offset {self.offset + pos}"
            raise WireError(msg)
        end: int = pos + self._record + length
        if end > len(buffer):
            return pos
        data = bytes(buffer[pos + self._record : end])
        frames.append(Frame(seconds + fraction / self._ticks, self._linktype, data))
        return end

    def _section_order(self, pos: int) -> str:
        magic = bytes(self._buffer[pos + 8 : pos + 12])
        if magic not in _BYTE_ORDER:
            msg = f"broken capture: byte-order magic {magic.hex()} at offset {self.offset + pos + 8}"
            raise WireError(msg)
        return _BYTE_ORDER[magic]

    def _pcapng_block(self, pos: int, frames: list[Frame]) -> int:
        buffer = self._buffer
        if len(buffer) - pos < 12:
            return pos
        if buffer[pos : pos + 4] == _SECTION_MAGIC:
            self._order = self._section_order(pos)
        kind, length = Struct(self._order + "II").unpack_from(buffer, pos)
        if not 12 <= length <= MAX_BLOCK or length % 4:
            msg = f"broken capture: a block of {length} bytes at offset {self.offset + pos}"
            raise WireError(msg)
        end: int = pos + length
        if end > len(buffer):
            return pos
        body = bytes(buffer[pos + 8 : end - 4])
        if kind == _SECTION:
            self._interfaces.clear()
        elif kind == _INTERFACE:
            self._add_interface(body)
        elif kind in (_ENHANCED, _PACKET, _SIMPLE):
            frames.append(self._frame(kind, body, pos))
        return end

    def _add_interface(self, body: bytes) -> None:
        if len(body) < 8 or len(self._interfaces) >= MAX_INTERFACES:
            msg = f"broken capture: interface description {len(self._interfaces)} of {len(body)} bytes"
            raise WireError(msg)
        linktype, _, snaplen = Struct(self._order + "HHI").unpack_from(body)
        ticks, offset = 10**6, 0
        head = Struct(self._order + "HH")
        pos = 8
        while pos + 4 <= len(body):
            code, length = head.unpack_from(body, pos)
            value = body[pos + 4 : pos + 4 + length]
            if code == 0:
                break
            if code == _IF_TSRESOL and length == 1 and len(value) == 1:
                exponent = min(value[0] & 0x7F, 63)
                ticks = 2**exponent if value[0] & 0x80 else 10**exponent
            elif code == _IF_TSOFFSET and length == 8 and len(value) == 8:
                offset = Struct(self._order + "q").unpack(value)[0]
            pos += 4 + (length + 3 & ~3)
        self._interfaces.append(_Interface(linktype, snaplen, ticks, offset))

    def _frame(self, kind: int, body: bytes, pos: int) -> Frame:
        if kind == _SIMPLE:
            number, stamp, start = 0, 0, 4
            length = Struct(self._order + "I").unpack_from(body)[0] if len(body) >= 4 else -1
        else:
            start = 20
            layout = "IIII" if kind == _ENHANCED else "HxxIII"
            if len(body) < start:
                number, stamp, length = 0, 0, -1
            else:
                number, high, low, length = Struct(self._order + layout).unpack_from(body)
                stamp = high << 32 | low
        if number >= len(self._interfaces):
            msg = f"broken capture: a frame of unknown interface {number} at offset {self.offset + pos}"
            raise WireError(msg)
        interface = self._interfaces[number]
        if kind == _SIMPLE and length >= 0:
            length = min(length, interface.snaplen or length, len(body) - start)
        if length < 0 or start + length > len(body):
            msg = f"broken capture: a frame of {length} bytes at offset {self.offset + pos}"
            raise WireError(msg)
        time = stamp / interface.ticks + interface.offset if stamp else 0.0
        return Frame(time, interface.linktype, body[start : start + length])
