"""Captures by scapy and by hand, whole, in pieces and broken; the IP packet in frames of each link type."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import WireError
from gateway.wire.ip import capture
from gateway.wire.ip.capture import (
    MAX_BLOCK,
    MAX_FRAME,
    MAX_INTERFACES,
    CaptureReader,
    Frame,
    Payload,
    ip_payload,
)

PACKETS = [b"\x45" + bytes(40 + n) for n in range(3)]

IP4 = b"\x45" + bytes(19)
IP6 = b"\x60" + bytes(39)
MAC = bytes.fromhex("02000000000a")
ETHER = bytes(6) + MAC
PPPOE = b"\x11\x00\x00\x01"  # version 1, type 1, session data

FRAMES = {
    "ethernet": (capture.ETHERNET, ETHER + b"\x08\x00" + IP4, Payload(IP4, MAC)),
    "ethernet ipv6": (capture.ETHERNET, ETHER + b"\x86\xdd" + IP6, Payload(IP6, MAC)),
    "vlan": (capture.ETHERNET, ETHER + b"\x81\x00\x00\x05\x08\x00" + IP4, Payload(IP4, MAC)),
    "q-in-q": (
        capture.ETHERNET,
        ETHER + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x86\xdd" + IP6,
        Payload(IP6, MAC),
    ),
    "pppoe": (capture.ETHERNET, ETHER + b"\x88\x64" + PPPOE + b"\x00\x16\x00\x21" + IP4, Payload(IP4, MAC)),
    "pppoe in a vlan": (
        capture.ETHERNET,
        ETHER + b"\x81\x00\x00\x07\x88\x64" + PPPOE + b"\x00\x2a\x00\x57" + IP6,
        Payload(IP6, MAC),
    ),
    "pppoe padding": (
        capture.ETHERNET,
        ETHER + b"\x88\x64" + PPPOE + b"\x00\x16\x00\x21" + IP4 + bytes(9),
        Payload(IP4, MAC),
    ),
    "pppoe control": (
        capture.ETHERNET,
        ETHER + b"\x88\x64" + PPPOE + b"\x00\x06\xc0\x21\x01\x01\x00\x04",
        None,
    ),
    "arp": (capture.ETHERNET, ETHER + b"\x08\x06" + bytes(28), None),
    "cooked": (
        capture.LINUX_SLL,
        b"\x00\x00\x00\x01\x00\x06" + MAC + bytes(2) + b"\x08\x00" + IP4,
        Payload(IP4, MAC),
    ),
    "cooked 2": (
        capture.LINUX_SLL2,
        b"\x86\xdd\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06" + MAC + bytes(2) + IP6,
        Payload(IP6, MAC),
    ),
    "raw": (capture.RAW, IP6, Payload(IP6, b"")),
    "raw ipv4": (capture.IPV4, IP4, Payload(IP4, b"")),
    "bsd loopback": (capture.NULL, b"\x02\x00\x00\x00" + IP4, Payload(IP4, b"")),
    "ppp": (capture.PPP, b"\xff\x03\x00\x21" + IP4, Payload(IP4, b"")),
    "ppp, compressed": (capture.PPP, b"\x57" + IP6, Payload(IP6, b"")),
    "pppoe link type": (capture.PPP_ETHER, PPPOE + b"\x00\x16\x00\x21" + IP4, Payload(IP4, b"")),
}


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


def read(*pieces: bytes) -> list[Frame]:
    return frames_of(CaptureReader(), *pieces)


def frames_of(reader: CaptureReader, *pieces: bytes) -> list[Frame]:
    found = []
    for piece in pieces:
        reader.feed(piece)
        found += list(iter(reader.next_frame, None))
    return found


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
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert frames_of(reader, *pieces) == EXPECTED
    assert reader.pending == 0
    assert reader.offset == len(data)


@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_gives_its_whole_frames_and_says_that_it_is_cut(name: str) -> None:
    data = FILES[name]
    boundaries = 0
    for end in range(len(data)):
        reader = CaptureReader()
        frames = frames_of(reader, data[:end])
        assert frames == EXPECTED[: len(frames)]
        boundaries += reader.pending == 0
    assert boundaries <= 9  # the empty file and the ends of whole records


def test_simple_packet_blocks_have_no_time() -> None:
    out = block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block("<", 1, struct.pack("<HHI", 101, 0, 20))
    out += block("<", 3, struct.pack("<I", 41) + PACKETS[0][:20])
    assert read(out) == [Frame(0.0, 101, PACKETS[0][:20])]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html><body>", "it begins with 3c68746d"),
        (pcap()[:24] + struct.pack("<IIII", 0, 0, MAX_FRAME + 1, MAX_FRAME + 1), "of a frame of"),
        (pcap()[:24] + struct.pack("<IIII", 0, 0, 41, 40), "41 bytes of a frame of 40"),
        (pcap() + bytes(4096), "0 bytes of a frame of 0"),
        (pcapng()[:28] + struct.pack("<III", 6, 7, 0), "a block of 7 bytes"),
        (pcapng()[:28] + struct.pack("<III", 5, 12, 16), "ends as one of 16"),
        (block("<", 0x0A0D0D0A, bytes(16)), "byte order 00000000"),
        (pcapng() + block("<", 6, struct.pack("<IIIII", 1, 0, 0, 0, 0)), "of interface 1, which is not"),
        (pcapng() + block("<", 6, struct.pack("<IIIII", 0, 0, 0, 1, 1)), "a frame of 1 bytes"),
        (pcapng() + block("<", 6, bytes(16)), "a packet block with 16 bytes"),
        (pcapng() + block("<", 3, b""), "a simple packet block without"),
        (pcapng() + block("<", 1, bytes(4)), "interface 1 described in 4 bytes"),
        (pcapng() + block("<", 1, bytes(8)) * MAX_INTERFACES, f"interface {MAX_INTERFACES} described"),
    ],
)
def test_a_broken_place_is_told_after_what_comes_before_and_again(data: bytes, words: str) -> None:
    reader = CaptureReader()
    reader.feed(data)
    found: list[Frame] = []
    with pytest.raises(WireError, match=words):
        found.extend(iter(reader.next_frame, None))
    assert found == EXPECTED[: len(found)]
    place = reader.offset
    for _ in range(2):
        with pytest.raises(WireError, match=words):
            reader.next_frame()
    assert reader.offset == place


def test_long_blocks_of_other_kinds_are_passed_over() -> None:
    secrets = block("<", 10, bytes(MAX_BLOCK - 12))
    assert read(pcapng()[:28] + secrets + pcapng()[28:]) == EXPECTED
    with pytest.raises(WireError, match="a block of"):
        read(pcapng() + block("<", 10, bytes(MAX_BLOCK)))


def test_sections_of_either_byte_order_follow_each_other() -> None:
    assert read(pcapng("<") + pcapng(">"), pcapng("<", tsresol=9)) == EXPECTED * 3


def test_the_patched_pcap_and_the_obsolete_packet_block() -> None:
    patched = b"\x34\xcd\xb2\xa1" + pcap()[4:24]
    blocks = pcapng()[:48]
    for number, data in enumerate(PACKETS):
        sizes = struct.pack("<II", len(data), len(data))
        patched += struct.pack("<II", 1000 + number, 10**6 // 2) + sizes + bytes(8) + data
        stamp = (1000 + number) * 10**6 + 10**6 // 2
        head = struct.pack("<HHII", 0, 7, stamp >> 32, stamp & 0xFFFFFFFF)
        blocks += block("<", 2, head + sizes + data)
    assert read(patched) == read(blocks) == EXPECTED


@given(st.binary(max_size=200), st.sampled_from(sorted(FILES)), st.integers(0, 120))
def test_no_bytes_raise_anything_but_wire_error(noise: bytes, name: str, at: int) -> None:
    data = bytearray(FILES[name])
    data[at : at + len(noise)] = noise
    try:
        read(bytes(data))
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
        frames = read((tmp_path / name).read_bytes())
        assert [f.data for f in frames] == [bytes(p) for p in packets]
        payload = capture.ip_payload(frames[0].linktype, frames[0].data)
        assert payload == capture.Payload(bytes(packets[0])[14:], bytes.fromhex("02000000000a"))


def test_a_program_that_writes_no_length_on_the_wire_is_read() -> None:
    whole = bytes(range(40))
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    reader = CaptureReader()
    reader.feed(header + struct.pack("<IIII", 1, 0, len(whole), 0) + whole)
    found: list[Frame] = []
    while (frame := reader.next_frame()) is not None:
        found.append(frame)
    assert [frame.data for frame in found] == [whole]


@pytest.mark.parametrize("name", FRAMES)
def test_the_packet_comes_out(name: str) -> None:
    linktype, frame, expected = FRAMES[name]
    assert ip_payload(linktype, frame) == expected


@pytest.mark.parametrize("name", FRAMES)
def test_cut_frames_raise_wire_error_alone(name: str) -> None:
    linktype, frame, _ = FRAMES[name]
    for end in range(len(frame)):
        try:
            ip_payload(linktype, frame[:end])
        except WireError:
            continue


@given(st.sampled_from([0, 1, 9, 51, 101, 108, 113, 228, 276]), st.binary(max_size=60))
def test_any_bytes(linktype: int, frame: bytes) -> None:
    try:
        ip_payload(linktype, frame)
    except WireError:
        return


def test_an_unknown_link_type_is_named() -> None:
    with pytest.raises(WireError, match="link type 105 is not read"):
        ip_payload(105, bytes(40))


def test_vlan_tags_are_bounded() -> None:
    with pytest.raises(WireError, match="VLAN tag"):
        ip_payload(capture.ETHERNET, ETHER + b"\x81\x00" + b"\x00\x01\x81\x00" * 9)
