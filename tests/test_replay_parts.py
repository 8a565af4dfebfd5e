"""The parts of `replay`: segments in order, who asks, what a file says of itself."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.hosts import HostMap
from gateway.policy.values import Decision, Reason, Verdict
from gateway.replay.frames import CaptureError, CaptureFile
from gateway.replay.learned import MAX_ASKED, Learned
from gateway.replay.segments import MAX_EARLY, Segments
from gateway.replay.sides import Sides
from gateway.wire.dns import tcp_frame
from gateway.wire.ip import ACK, SYN, parse_ip
from gateway.wire.ip_build import tcp_segment
from tests import captures
from tests.wire.flow_forge import ADDRESSES, udp_packet

CLIENT, SERVER = ADDRESSES[4]
MESSAGES = [bytes(12) + bytes([number]) * number for number in (1, 40, 200)]
STREAM = b"".join(map(tcp_frame, MESSAGES))
FIRST = 0xFFFFFFF0  # the numbers wrap within the first message


def segment(start: int, end: int) -> tuple[int, bytes]:
    return (FIRST + start) % (1 << 32), STREAM[start:end]


# ---------------------------------------------------------------- segments


@given(st.randoms(use_true_random=False), st.integers(1, 60))
def test_any_order_and_any_overlap(chance: random.Random, size: int) -> None:
    parts = [(at, min(at + size + chance.randrange(9), len(STREAM))) for at in range(0, len(STREAM), size)]
    chance.shuffle(parts)
    segments = Segments(FIRST)
    found = [message for part in parts for message in segments.feed(*segment(*part))]
    assert found == MESSAGES


def test_byte_by_byte_and_every_byte_twice() -> None:
    segments = Segments(FIRST)
    found = []
    for at in range(len(STREAM)):
        for _ in range(2):
            found += segments.feed(*segment(at, at + 1))
    assert found == MESSAGES


def test_without_a_syn_the_first_bytes_begin_it() -> None:
    segments = Segments()
    assert segments.feed(*segment(0, 40)) == MESSAGES[:1]
    assert segments.feed(*segment(40, len(STREAM))) == MESSAGES[1:]


def test_after_a_gap_that_is_never_filled_nothing_more_is_given() -> None:
    segments = Segments(FIRST)
    for at in range(0, MAX_EARLY + 2000, 1000):
        assert segments.feed((FIRST + 10 + at) % (1 << 32), bytes(1000)) == []
    assert segments.feed(*segment(0, len(STREAM))) == []


def test_after_bytes_that_are_no_dns_nothing_more_is_given() -> None:
    segments = Segments(FIRST)
    assert segments.feed(FIRST, b"\0\1xyz") == []
    assert segments.feed((FIRST + 5) % (1 << 32), STREAM) == []


# ---------------------------------------------------------------- sides


def tcp(*, up: bool, flags: int = ACK, payload: bytes = b"", ports: tuple[int, int] = (40000, 443)) -> bytes:
    (src, sport), (dst, dport) = ((CLIENT, ports[0]), (SERVER, ports[1]))[:: 1 if up else -1]
    return tcp_segment(src, dst, sport, dport, seq=1, ack=1, flags=flags, payload=payload)


def side(sides: Sides, data: bytes) -> bool | None:
    return sides.from_client(parse_ip(data))


HELLO = b"\x16\x03\x01\x02\x00\x01"
SERVER_HELLO = b"\x16\x03\x03\x02\x00\x02"


@pytest.mark.parametrize(
    ("first", "from_client"),
    [
        (tcp(up=True, flags=SYN, ports=(443, 40000)), True),
        (tcp(up=True, flags=SYN | ACK, ports=(443, 40000)), False),
        (tcp(up=True), True),
        (tcp(up=False), False),
        (tcp(up=True, payload=HELLO, ports=(443, 40000)), True),
        (tcp(up=True, payload=SERVER_HELLO, ports=(40000, 443)), False),
        (tcp(up=True, payload=b"GET / HTTP/1.1\r\n", ports=(40000, 40001)), True),
        (tcp(up=True, payload=b"HTTP/1.1 200 OK\r\n", ports=(40000, 40001)), False),
        (tcp(up=True, payload=b"\x7fanything", ports=(40000, 40001)), True),
        (udp_packet(CLIENT, SERVER, 40000, 443, b"x"), True),
        (udp_packet(SERVER, CLIENT, 443, 40000, b"x"), False),
        (udp_packet(CLIENT, SERVER, 40000, 51820, b"x"), True),
        (udp_packet(CLIENT, SERVER, 40000, 40001, b"x"), True),
    ],
)
def test_who_asks_is_kept_for_both_directions(first: bytes, from_client: bool) -> None:
    sides = Sides()
    assert side(sides, first) is from_client
    packet = parse_ip(first)
    back = tcp_segment(
        packet.dst, packet.src, packet.dport, packet.sport, seq=1, ack=1, flags=ACK, payload=b"x"
    )
    if packet.proto == 6:
        assert side(sides, back) is not from_client


def test_a_syn_corrects_a_guess_and_nothing_corrects_a_syn() -> None:
    sides = Sides()
    ports = (50000, 50001)
    assert side(sides, tcp(up=False, payload=b"x", ports=ports)) is True  # heard first
    assert side(sides, tcp(up=True, flags=SYN, ports=ports)) is True
    assert side(sides, tcp(up=False, payload=b"x", ports=ports)) is False
    assert side(sides, tcp(up=False, flags=SYN, ports=ports)) is False


def test_a_decided_flow_rests_until_a_syn() -> None:
    sides = Sides()
    data = tcp(up=True, payload=b"x")
    assert side(sides, data) is True
    sides.decided(parse_ip(data))
    assert side(sides, data) is None
    assert side(sides, tcp(up=False, payload=b"x")) is None
    assert side(sides, tcp(up=True, flags=SYN)) is True
    assert side(sides, data) is True


def test_flows_are_bounded_and_the_used_ones_stay() -> None:
    sides = Sides(limit=10)
    kept = tcp(up=True, flags=SYN, ports=(1, 2))
    side(sides, kept)
    for port in range(100, 200):
        side(sides, tcp(up=True, ports=(port, 443)))
        assert side(sides, tcp(up=True, payload=b"x", ports=(1, 2))) is True
        assert side(sides, tcp(up=False, payload=b"x", ports=(1, 2))) is False
    assert len(sides) <= 22


# ---------------------------------------------------------------- learned


def test_questions_that_wait_for_an_answer_are_bounded() -> None:
    learned = Learned(HostMap({}))
    refused = Decision(Verdict.BLOCK, Reason.CATEGORY, "rule", "family")
    for ident in range(MAX_ASKED + 10):
        learned.asked((CLIENT, 1000, ident), refused)
    assert len(learned._asked) == MAX_ASKED


# ---------------------------------------------------------------- files


def read(data: bytes) -> CaptureFile:
    stream = io.BytesIO(data)
    file = CaptureFile(stream.read, "a.pcap")
    list(file)
    return file


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "a.pcap: it is empty; give a pcap or pcapng file"),
        (b"\xd4\xc3", "a.pcap: cut in its header, after 2 bytes; give a pcap or pcapng file"),
        (captures.pcap([])[:20], "a.pcap: cut in its header, after 20 bytes; give a pcap or pcapng file"),
        (b"GIF89a......................", "a.pcap: no capture: it begins with 47494638"),
    ],
)
def test_what_is_no_capture(data: bytes, problem: str) -> None:
    with pytest.raises(CaptureError) as caught:
        read(data)
    assert str(caught.value).startswith(problem)


def test_a_whole_file_is_not_cut_and_a_cut_one_says_where() -> None:
    frames = [(1.0, bytes(60)), (2.0, bytes(60))]
    assert read(captures.pcap(frames)).cut == ""
    assert read(captures.pcap(frames)[:-1]).cut == "a.pcap: cut in the record after frame 1, at byte 100"


def test_a_capture_without_frames_is_one() -> None:
    assert read(captures.pcap([])).cut == ""
    assert read(captures.pcapng([])).cut == ""
