"""Captures by scapy and by hand are read back, whole and in pieces; broken ones raise WireError alone."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import WireError
from gateway.wire import link
from gateway.wire.capture import MAX_FRAME, CaptureReader, Frame

PACKETS = [b"\x45" + bytes(40 + n) for n in range(3)]


def pcap(order: str = "<", *, nano: bool = False, linktype: int = 1) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    ticks = 10**9 if nano else 10**6
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, linktype)
    for number, data in enumerate(PACKETS):
        out += struct.pack(order + "IIII", 1000 + number, ticks // 2, len(data), len(data)) + data
    return out


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def pcapng(order: str = "<", *, tsresol: int | None = None, linktype: int = 1) -> bytes:
    out = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    options = b"" if tsresol is None else struct.pack(order + "HHBxxxHH", 9, 1, tsresol, 0, 0)
    out += block(order, 1, struct.pack(order + "HHI", linktype, 0, 0) + options)
    ticks = 10**6 if tsresol is None else 2 ** (tsresol & 0x7F) if tsresol & 0x80 else 10**tsresol
    for number, data in enumerate(PACKETS):
        stamp = (1000 + number) * ticks + ticks // 2
        head = struct.pack(order + "IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), len(data))
        out += block(order, 6, head + data)
        out += block(order, 5, bytes(12))  # interface statistics are passed over
    return out


EXPECTED = [Frame(1000.5 + n, 1, data) for n, data in enumerate(PACKETS)]
FILES = {
    "pcap little": pcap("<"),
    "pcap big": pcap(">"),
    "pcap nanoseconds": pcap("<", nano=True),
    "pcapng little": pcapng("<"),
    "pcapng big": pcapng(">"),
    "pcapng nanoseconds": pcapng("<", tsresol=9),
    "pcapng binary fractions": pcapng("<", tsresol=0x80 | 20),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_frames_come_out_whatever_the_pieces(name: str, size: int) -> None:
    reader = CaptureReader()
    data = FILES[name]
    frames = [f for at in range(0, len(data), size) for f in reader.feed(data[at : at + size])]
    assert frames == EXPECTED
    assert reader.pending == 0
    assert reader.offset == len(data)


@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_gives_its_whole_frames_and_says_that_it_is_cut(name: str) -> None:
    data = FILES[name]
    boundaries = 0
    for end in range(len(data)):
        reader = CaptureReader()
        frames = reader.feed(data[:end])
        assert frames == EXPECTED[: len(frames)]
        boundaries += reader.pending == 0
    assert boundaries <= 9  # the empty file and the ends of whole records


def test_simple_packet_blocks_have_no_time() -> None:
    out = block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block("<", 1, struct.pack("<HHI", 101, 0, 20))
    out += block("<", 3, struct.pack("<I", 41) + PACKETS[0][:20])
    assert CaptureReader().feed(out) == [Frame(0.0, 101, PACKETS[0][:20])]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html><body>", "no capture"),
        (pcap()[:24] + struct.pack("<IIII", 0, 0, MAX_FRAME + 1, 0), "a frame of"),
        (pcapng()[:28] + struct.pack("<III", 6, 7, 0), "a block of 7 bytes"),
        (block("<", 0x0A0D0D0A, bytes(16)), "byte-order magic"),
    ],
)
def test_what_is_no_capture_is_named(data: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        CaptureReader().feed(data)


@given(st.binary(max_size=200), st.sampled_from(sorted(FILES)), st.integers(0, 120))
def test_no_bytes_raise_anything_but_wire_error(noise: bytes, name: str, at: int) -> None:
    data = bytearray(FILES[name])
    data[at : at + len(noise)] = noise
    try:
        CaptureReader().feed(bytes(data))
    except WireError:
        pass


def test_files_of_scapy_are_read(tmp_path: Path) -> None:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether
    from scapy.utils import PcapNgWriter, wrpcap

    packets = [
        Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:01") / IP(dst="198.18.0.1") / TCP()
        for _ in range(4)
    ]
    wrpcap(str(tmp_path / "a.pcap"), packets)
    writer = PcapNgWriter(str(tmp_path / "a.pcapng"))
    for packet in packets:
        writer.write(packet)
    writer.close()
    for name in ("a.pcap", "a.pcapng"):
        frames = CaptureReader().feed((tmp_path / name).read_bytes())
        assert [f.data for f in frames] == [bytes(p) for p in packets]
        payload = link.ip_payload(frames[0].linktype, frames[0].data)
        assert payload == link.Payload(bytes(packets[0])[14:], bytes.fromhex("02000000000a"))
