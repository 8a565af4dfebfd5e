"""`replay` tells each question, hello and request once, with the verdict of the daemon's own code."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import cast

import dns.message
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.judge.world import GATEWAY_NAME
from gateway.policy.values import Proto, Verdict
from gateway.wire.dns.message import tcp_frame
from gateway.wire.flows.actions import FlowAction
from gateway.wire.flows.table import FlowResult, FlowTable
from gateway.wire.ip.build import tcp_segment
from gateway.wire.ip.capture import RAW
from gateway.wire.ip.packet import ACK, PSH
from tests import captures
from tests.captures import Stamped
from tests.policy.homes import almaty
from tests.replayed import ADULT, CHILD, Replayed
from tests.wire import evasion_hellos
from tests.wire.evasion_cases import HTTP_CASES, QUIC_CASES, TLS_CASES
from tests.wire.evasion_moves import Case, get, tls
from tests.wire.flow_forge import (
    ADDRESSES,
    ALLOWED,
    HTTP_OK,
    REFUSED,
    RETRY,
    SERVER_HELLO,
    Talk,
    udp_packet,
    with_bad_checksum,
)
from tests.wire.test_flow_tunnels import ip_packet
from tests.wire.tls_forge import client_hello, records
from tests.wire.tunnel_vectors import VECTORS

START = almaty("2026-11-24T16:00").timestamp()
DEVICE, REMOTE = ADDRESSES[4]
RESOLVER = bytes([192, 0, 2, 53])
GOOGLE = bytes([198, 51, 100, 7])
SAFE_GOOGLE = bytes([216, 239, 38, 120])
BLOCKED = f"band: 10-12\nblock: [{REFUSED}]"


class Tape:
    """Takes a flow table's place and keeps the packets, a millisecond apart."""

    def __init__(self, start: float = START) -> None:
        self.packets: list[Stamped] = []
        self._start = start

    def add(self, packet: bytes) -> None:
        self.packets.append((self._start + len(self.packets) / 1000, packet))

    def packet(self, data: bytes, **_: object) -> FlowResult:
        self.add(data)
        return FlowResult(FlowAction.HOLD, None, None)

    def talk(self, **how: int) -> Talk:
        return Talk(table=cast(FlowTable, self), **how)  # type: ignore[arg-type]

    def capture(self, kind: str = "ethernet") -> bytes:
        return captures.wrapped(self.packets, kind)


def question(name: str, qtype: str = "A", *, sport: int = 5353, ident: int = 7) -> bytes:
    query = dns.message.make_query(name, qtype, id=ident)
    return udp_packet(DEVICE, RESOLVER, sport, 53, query.to_wire())


def answer(name: str, *records: tuple[str, str, str], sport: int = 5353, ident: int = 7) -> bytes:
    """``records``: owner, type, data."""
    response = dns.message.make_response(dns.message.make_query(name, "A", id=ident))
    response.answer = [
        dns.rrset.from_text(f"{owner}.", 300, "IN", kind, data) for owner, kind, data in records
    ]
    return udp_packet(RESOLVER, DEVICE, 53, sport, response.to_wire())


def dotted(address: bytes) -> str:
    return ".".join(map(str, address))


def of_packets(*packets: bytes, rules: str = ADULT, **how: object) -> Replayed:
    tape = Tape()
    for packet in packets:
        tape.add(packet)
    return Replayed(tape.capture(), rules, **how)  # type: ignore[arg-type]


def hello_to(host: str, address: bytes, sport: int) -> bytes:
    return tcp_segment(DEVICE, address, sport, 443, seq=1, ack=1, flags=ACK | PSH, payload=tls(host))


# ---------------------------------------------------------------- what is reported


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("kind", captures.LINKS)
def test_each_protocol_is_reported_once(version: int, kind: str) -> None:
    tape = Tape()
    talk = tape.talk(version=version, sport=40000)
    talk.handshake()
    talk.client(tls("www.secure.example"))
    talk.server(SERVER_HELLO)
    plain = tape.talk(version=version, sport=40001, dport=80)
    plain.handshake()
    for _ in range(2):
        plain.client(get("www.plain.example"))
        plain.server(HTTP_OK)
    quick = tape.talk(version=version, sport=40002)
    QUIC_CASES[0](quick, "www.quick.example")
    asked = Replayed(tape.capture(kind)).asked
    found = [(str(request.proto), request.host, request.sport, request.dport) for request in asked]
    assert found == [
        ("tls", "www.secure.example", 40000, 443),
        ("http", "www.plain.example", 40001, 80),
        ("http", "www.plain.example", 40001, 80),
        ("quic", "www.quick.example", 40002, 443),
    ]
    assert {(request.src, request.dst) for request in asked} == {ADDRESSES[version]}


def test_a_second_hello_after_a_retry_request_is_reported_too() -> None:
    tape = Tape()
    talk = tape.talk()
    talk.handshake()
    talk.client(tls(ALLOWED))
    talk.server(RETRY)
    talk.client(tls("www.second.example"))
    talk.server(SERVER_HELLO)
    assert Replayed(tape.capture()).names == [("tls", ALLOWED), ("tls", "www.second.example")]


def of_length(body: bytes) -> bytes:
    return get(ALLOWED, method="POST", before=f"Content-Length: {len(body)}") + body


def in_chunks(body: bytes) -> bytes:
    pieces = [body[at : at + 700] for at in range(0, len(body), 700)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return get(ALLOWED, method="POST", before="Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [0, 3000, 40_000], ids=["one segment", "some", "long"])
@pytest.mark.parametrize("answered_first", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("wrapped", [of_length, in_chunks])
@pytest.mark.parametrize("inner", [get(ALLOWED), get(REFUSED), tls(REFUSED)], ids=["same", "other", "tls"])
def test_what_lies_in_a_body_is_no_request(
    wrapped: Callable[[bytes], bytes], inner: bytes, size: int, answered_first: bool
) -> None:
    """As the length of the body says; the daemon, which stops things, believes no length."""
    tape = Tape()
    talk = tape.talk(dport=80)
    talk.handshake()
    if answered_first:
        talk.client(get(ALLOWED))
        talk.server(HTTP_OK)
    stream = wrapped(bytes(size) + b"\n" + inner + bytes(size))
    for at in range(0, len(stream), 1400):
        talk.client(stream[at : at + 1400])
    talk.server(HTTP_OK)
    talk.client(get("www.next.example"))
    talk.server(HTTP_OK)
    wanted = [("http", ALLOWED)] * (1 + answered_first)
    assert Replayed(tape.capture()).names == [*wanted, ("http", "www.next.example")]


def test_what_lies_behind_a_body_is_one() -> None:
    for wrapped in (of_length, in_chunks):
        tape = Tape()
        talk = tape.talk(dport=80)
        talk.handshake()
        talk.client(wrapped(b"a=b") + get(REFUSED))
        talk.server(HTTP_OK * 2)
        assert Replayed(tape.capture()).names == [("http", ALLOWED), ("http", REFUSED)]


@pytest.mark.parametrize("first", [0, 1], ids=["in order", "reversed"])
def test_a_request_cut_inside_its_method_is_reported_once(first: int) -> None:
    for cut in (1, 2, 3, 4):
        tape = Tape()
        talk = tape.talk(dport=80)
        talk.handshake()
        parts = [(get(ALLOWED)[:cut], 0), (get(ALLOWED)[cut:], cut)]
        for payload, at in (parts[first], parts[1 - first]):
            talk.client(payload, at)
        talk.server(HTTP_OK)
        assert Replayed(tape.capture()).names == [("http", ALLOWED)]


def test_questions_over_udp_and_tcp() -> None:
    tape = Tape()
    tape.add(question("www.udp.example"))
    stream = b"".join(tcp_frame(dns.message.make_query(f"{n}.example", "A").to_wire()) for n in "abc")
    talk = tape.talk(dport=53, sport=40100)
    talk.handshake()
    for at in (30, 0, 60, 10):  # in any order, and some bytes twice
        talk.client(stream[at : at + 40], at)
    for at in range(90, len(stream), 7):
        talk.client(stream[at : at + 7], at)
    found = Replayed(tape.capture()).names
    assert found == [("dns", name) for name in ("www.udp.example", "a.example", "b.example", "c.example")]


def test_verdict_reason_and_rule_are_the_judges() -> None:
    replayed = of_packets(
        question("tiktok.com"),
        question("www.google.com", ident=8),
        question("casino.example", ident=9),
        question("sealed.example", ident=10),
        question("virus.example", ident=11),
        question(GATEWAY_NAME, ident=12),
        question("use-application-dns.net", ident=13),
        rules=f"{CHILD}\nblock: ['service:tiktok']",
    )
    assert replayed.verdicts == [
        ("tiktok.com", "block", "family_block"),
        ("www.google.com", "rewrite", "safe_search"),
        ("casino.example", "block", "category"),
        ("sealed.example", "block", "refused_for_everyone"),
        ("virus.example", "block", "refused_for_everyone"),
        (GATEWAY_NAME, "allow", "gateway"),
        ("use-application-dns.net", "block", "resolver_signal"),
    ]
    rules = [request.decision.rule for request in replayed.asked]
    assert rules[0] == "block: service:tiktok"
    assert rules[3] == rules[4]  # nothing tells a sealed entry from another


def test_a_frames_own_time_decides_unless_another_is_named() -> None:
    night = almaty("2026-11-24T23:30").timestamp()
    tape = Tape(night)
    tape.add(question("www.example.com"))
    capture = tape.capture()
    assert Replayed(capture, CHILD, at=None).verdicts == [("www.example.com", "block", "bedtime")]
    named = Replayed(capture, CHILD, at=almaty("2026-11-24T16:00"))
    assert named.verdicts == [("www.example.com", "allow", "open")]
    assert named.asked[0].time == pytest.approx(night)


@pytest.mark.parametrize("time", [0.0, 4e9 + 2**33])
def test_a_frame_without_a_believable_time_is_judged_as_now(time: float) -> None:
    capture = captures.pcapng([(time, captures.LINKS["raw"].wrap(question("a.example")))], RAW)
    replayed = Replayed(capture, CHILD, at=None)
    assert replayed.asked[0].time is None
    assert replayed.verdicts == [("a.example", "allow", "open")]


# ---------------------------------------------------------------- what is not


def test_each_request_of_a_refused_connection_is_reported() -> None:
    """The capture may be of a network without a filter, where the connection went on."""
    tape = Tape()
    talk = tape.talk(dport=80)
    talk.handshake()
    for host in (REFUSED, REFUSED, ALLOWED):
        talk.client(get(host))
        talk.server(HTTP_OK)
    blocked = (REFUSED, "block", "family_block")
    assert Replayed(tape.capture(), BLOCKED).verdicts == [blocked, blocked, (ALLOWED, "allow", "open")]


def test_the_second_hello_of_a_refused_connection_is_reported() -> None:
    tape = Tape()
    talk = tape.talk()
    talk.handshake()
    talk.client(tls(REFUSED))
    talk.server(RETRY)
    talk.client(tls(REFUSED))
    talk.server(SERVER_HELLO)
    assert Replayed(tape.capture(), BLOCKED).verdicts == [(REFUSED, "block", "family_block")] * 2


def test_what_is_sent_again_is_reported_once() -> None:
    tape = Tape()
    for dport, said, answered in ((80, get(REFUSED), HTTP_OK), (443, tls(REFUSED), SERVER_HELLO)):
        talk = tape.talk(dport=dport)
        talk.handshake()
        for _ in range(3):
            talk.client(said, 0)
        talk.server(answered)
        talk.client(said, 0)
    assert Replayed(tape.capture(), BLOCKED).names == [("http", REFUSED), ("tls", REFUSED)]


def test_a_question_is_reported_whatever_follows_it() -> None:
    """As the daemon judges it: by its head alone."""
    query = dns.message.make_query("www.head.example", "A").to_wire()
    broken = query[:10] + b"\0\1" + query[12:] + b"\0\0"  # half an additional record
    replayed = of_packets(udp_packet(DEVICE, RESOLVER, 5353, 53, broken))
    assert replayed.names == [("dns", "www.head.example")]


def test_a_port_that_is_used_again_is_another_connection() -> None:
    tape = Tape()
    for isn in (1000, 5_000_000):
        talk = tape.talk(isn=isn)
        talk.handshake()
        talk.client(tls(REFUSED))
    assert Replayed(tape.capture(), BLOCKED).names == [("tls", REFUSED)] * 2


def test_a_packet_with_a_wrong_checksum_is_passed_over() -> None:
    tape = Tape()
    talk = tape.talk()
    talk.handshake()
    tape.add(with_bad_checksum(talk.segment(tls("www.decoy.example"), 0)))
    talk.client(tls(ALLOWED))
    tape.add(with_bad_checksum(question("decoy.example")))
    replayed = Replayed(tape.capture())
    assert replayed.names == [("tls", ALLOWED)]
    assert replayed.tally.decoys == 2


def test_the_same_question_on_two_interfaces_is_one() -> None:
    data = question("twin.example")
    hop = bytearray(data)
    hop[8] -= 1  # a router's next interface: another TTL, another IPv4 checksum
    hop[10:12] = b"\0\0"
    hop[10:12] = (-int.from_bytes(hop[:20], "big") % 65535).to_bytes(2, "big")
    close = captures.wrapped([(START, data), (START + 0.0005, bytes(hop))], "ethernet")
    assert Replayed(close).names == [("dns", "twin.example")]
    later = captures.wrapped([(START, data), (START + 1.0, data)], "ethernet")
    assert Replayed(later).names == [("dns", "twin.example")] * 2


@pytest.mark.parametrize("version", [4, 6])
def test_each_tunnel_is_reported_once(version: int) -> None:
    tape = Tape()
    expected = []
    for number, vector in enumerate(entry for entry in VECTORS if entry.side == "client"):
        talk = tape.talk(version=version, dport=vector.port, sport=20000 + number)
        for _ in range(2):
            if vector.transport == "udp":
                talk.datagram(vector.payload)
            else:
                talk.client(vector.payload, at=0)
        if vector.proto is Proto.PROXY:
            expected.append("http")
        expected.append(vector.proto.value)
    for number in (47, 41, 132):
        for _ in range(2):
            tape.add(ip_packet(talk, number, bytes(40)))
    seen = Replayed(tape.capture()).asked
    assert [str(request.proto) for request in seen] == [*expected, "pptp", "ip_in_ip", "other"]
    assert {request.host for request in seen if request.proto not in (Proto.HTTP, Proto.PROXY)} == {None}
    assert seen[-1].sport == seen[-1].dport == 0


def test_a_flow_without_a_name_is_reported_once_and_an_answer_is_not() -> None:
    tape = Tape()
    tape.add(udp_packet(DEVICE, REMOTE, 40000, 3478, bytes(148)))
    tape.add(udp_packet(REMOTE, DEVICE, 3478, 40000, bytes(92)))
    talk = tape.talk(dport=25)
    talk.handshake()
    talk.server(b"220 mail.example\r\n")
    talk.client(b"EHLO me\r\n")
    talk.server(bytes(100))
    talk.client(b"QUIT\r\n")
    tape.add(answer("a.example", ("a.example", "A", "192.0.2.1")))
    found = Replayed(tape.capture(), CHILD).asked
    assert [(str(flow.proto), flow.host, flow.dport) for flow in found] == [
        ("udp", None, 3478),
        ("tcp", None, 25),
    ]
    assert [flow.decision.allowed for flow in found] == [True, True]
    strict = Replayed(tape.capture(), "band: 10-12\nstrict: true").verdicts
    assert strict == [(None, "block", "no_name")] * 2


def test_a_flow_that_is_refused_because_of_its_form_is_reported() -> None:
    tape = Tape()
    hidden = tape.talk(sport=40001)  # its hello is not in the capture
    hidden.client(tls("www.half.example")[:100])
    hidden.server(SERVER_HELLO, acks=5000)
    broken = tape.talk(sport=40002)
    broken.client(records(client_hello("a.example", after=b"\0\x23\0\0")))
    gaps = tape.talk(sport=40003, dport=8000)
    for at in range(0, 4 * 600, 4):
        gaps.client(b"x", at=at)
    assert Replayed(tape.capture(), CHILD).verdicts == [
        (None, "block", "overflow"),
        ("a.example", "block", "malformed"),
        (None, "block", "overflow"),
    ]


def test_groups_are_no_flows_of_a_gateway() -> None:
    for group in (bytes([239, 255, 255, 250]), bytes([255] * 4)):
        replayed = of_packets(
            *[udp_packet(DEVICE, group, 40000, 1900, b"M-SEARCH * HTTP/1.1\r\n\r\n")] * 40, rules=CHILD
        )
        assert replayed.names == []


def test_each_frame_that_cannot_be_read_is_reported_with_its_number() -> None:
    tape = Tape()
    talk = tape.talk()
    good = talk.segment(tls(ALLOWED), 0)
    for packet in (good, with_bad_checksum(good), good[:30], b"\x47" + good[1:], question("a.example")[:-9]):
        tape.add(packet)
    replayed = Replayed(tape.capture(), CHILD)
    ends = (DEVICE, 40000, REMOTE, 443)
    assert replayed.names == [("tls", ALLOWED)]
    assert [(frame.number, str(frame.defect), frame.ends) for frame in replayed.unread] == [
        (2, "checksum", ends),
        (3, "cut", None),
        (4, "malformed", None),
        (5, "cut", None),
    ]
    assert replayed.unread[0].time == START + 0.001
    radio = Replayed(captures.pcap([(START, bytes(40))], 127))
    assert [(frame.number, str(frame.defect)) for frame in radio.unread] == [(1, "link_type")]


def test_a_question_that_is_no_dns_is_a_malformed_frame() -> None:
    replayed = of_packets(udp_packet(DEVICE, RESOLVER, 4000, 53, b"GET / HTTP/1.1"))
    (frame,) = replayed.unread
    assert (str(frame.defect), frame.ends) == ("malformed", (DEVICE, 4000, RESOLVER, 53))


def test_frames_cut_by_the_snapshot_length_are_counted() -> None:
    packets = [question("whole.example"), hello_to("www.cut.example", REMOTE, 40000)]
    frames = [(START, captures.LINKS["ethernet"].wrap(packet)) for packet in packets]
    replayed = Replayed(captures.pcap(frames, snaplen=96))
    assert replayed.names == [("dns", "whole.example")]
    assert (replayed.tally.frames, replayed.tally.cut, replayed.tally.broken) == (2, 1, 0)


def test_frames_on_a_link_that_is_not_read_are_counted() -> None:
    replayed = Replayed(captures.pcap([(START, bytes(40))], 127))  # IEEE 802.11 with radiotap
    assert replayed.tally.foreign == 1


# ---------------------------------------------------------------- sides, offload, fragments


@pytest.mark.parametrize("sport", [40000, 50000])
def test_a_capture_that_begins_in_the_middle(sport: int) -> None:
    """The server is heard first; whose port it is tells that it is the server."""
    tape = Tape()
    talk = tape.talk(sport=sport, dport=80)
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", acks=0)
    talk.client(get("www.middle.example"))
    assert [(request.host, request.sport) for request in Replayed(tape.capture()).asked] == [
        ("www.middle.example", sport)
    ]


def test_a_client_on_a_low_port_is_known_by_its_syn() -> None:
    tape = Tape()
    talk = tape.talk(sport=443, dport=40123)
    talk.handshake()
    talk.client(tls("www.odd.example"))
    assert [(request.host, request.sport) for request in Replayed(tape.capture()).asked] == [
        ("www.odd.example", 443)
    ]


def test_checksums_that_a_network_card_was_to_fill_in() -> None:
    tape = Tape()
    for sport, summed in enumerate((None, b"\0\0", "partial", "without length"), 40000):
        data = bytearray(hello_to("www.offloaded.example", REMOTE, sport))
        segment = len(data) - 20
        if summed is not None:
            data[10:12] = b"\0\0"
        if isinstance(summed, str):
            length = segment if summed == "partial" else 0
            value = (int.from_bytes(DEVICE + REMOTE, "big") + 6 + length) % 65535
            data[36:38] = value.to_bytes(2, "big")
        elif summed is not None:
            data[36:38] = summed
        tape.add(bytes(data))
    replayed = Replayed(tape.capture())
    assert len(replayed.asked) == 4
    assert replayed.tally.decoys == 0


def test_a_length_that_segmentation_offload_left_out() -> None:
    data = bytearray(hello_to("www.tso.example", REMOTE, 40000))
    data[2:4] = data[10:12] = b"\0\0"
    assert of_packets(bytes(data)).names == [("tls", "www.tso.example")]


@pytest.mark.parametrize("version", [4, 6])
def test_fragments_in_any_order(version: int) -> None:
    tape = Tape()
    talk = tape.talk(version=version)
    talk.handshake()
    talk.client(tls("www.fragments.example", post_quantum=True))
    parts = captures.in_fragments(tape.packets, 128, random.Random(version))
    assert len(parts) > 10
    assert Replayed(captures.wrapped(parts, "raw")).names == [("tls", "www.fragments.example")]


# ---------------------------------------------------------------- what answers teach


def test_a_safe_address_is_learnt_from_the_captures_own_answers() -> None:
    safe = answer(
        "www.google.com",
        ("www.google.com", "CNAME", "forcesafesearch.google.com."),
        ("forcesafesearch.google.com", "A", dotted(SAFE_GOOGLE)),
    )
    replayed = of_packets(
        question("www.google.com"),
        safe,
        hello_to("www.google.com", SAFE_GOOGLE, 40000),
        hello_to("www.google.com", GOOGLE, 40001),
        rules=CHILD,
    )
    assert [(v, r) for _, v, r in replayed.verdicts] == [
        ("rewrite", "safe_search"),
        ("allow", "safe_search"),
        ("block", "safe_search_address"),
    ]


def test_the_answer_to_a_rewritten_question_teaches_nothing_else() -> None:
    plain = answer("www.google.com", ("www.google.com", "A", dotted(GOOGLE)))
    replayed = of_packets(
        question("www.google.com"), plain, hello_to("www.google.com", GOOGLE, 40000), rules=CHILD
    )
    assert replayed.verdicts[-1] == ("www.google.com", "block", "safe_search_address")


ALLOW_LIST = "band: 10-12\nmode: allow-list\nallow: [site.example]"


def nameless_hello(address: bytes) -> bytes:
    hello = records(client_hello(None))
    return tcp_segment(DEVICE, address, 40000, 443, seq=1, ack=1, flags=ACK | PSH, payload=hello)


def test_an_allowed_answer_opens_its_address_and_a_refused_one_does_not() -> None:
    for name, verdict in (("site.example", "allow"), ("other.example", "block")):
        replayed = of_packets(
            question(name),
            answer(name, (name, "A", dotted(REMOTE))),
            nameless_hello(REMOTE),
            rules=ALLOW_LIST,
        )
        assert replayed.verdicts[-1][:2] == (None, verdict)


def test_help_stays_open_at_bedtime_where_no_answer_contradicts() -> None:
    night = almaty("2026-11-24T23:30")
    hello = hello_to("www.childline.org.uk", REMOTE, 40000)
    assert of_packets(hello, rules=CHILD, at=night).verdicts == [("www.childline.org.uk", "allow", "help")]
    replayed = of_packets(
        question("www.childline.org.uk"),
        answer("www.childline.org.uk", ("www.childline.org.uk", "A", "192.0.2.200")),
        hello,
        rules=CHILD,
        at=night,
    )
    assert [verdict for _, verdict, _ in replayed.verdicts] == ["allow", "block"]


# ---------------------------------------------------------------- evasions, as in the daemon

OPENS_ITSELF = {evasion_hellos.t26_fake_syndata, evasion_hellos.t27_tfo, evasion_hellos.t27_tfo_in_part}


@pytest.mark.parametrize("case", [*TLS_CASES, *QUIC_CASES, *HTTP_CASES], ids=lambda case: case.__name__)
def test_known_evasions_are_refused_here_too(case: Case) -> None:
    tape = Tape()
    talk = tape.talk(dport=80 if case in HTTP_CASES else 443)
    if case not in OPENS_ITSELF and case not in QUIC_CASES:
        talk.handshake()
    case(talk, REFUSED)
    replayed = Replayed(tape.capture(), BLOCKED)
    assert any(request.decision.verdict is Verdict.BLOCK for request in replayed.asked)


# ---------------------------------------------------------------- any bytes


def a_capture() -> bytes:
    tape = Tape()
    tape.add(question("a.example"))
    talk = tape.talk()
    talk.handshake()
    talk.client(tls("b.example"))
    talk.server(SERVER_HELLO)
    tape.add(question("c.example", ident=9))
    return tape.capture()


WHOLE = a_capture()
ANEW = captures.pcapng(
    [(time, captures.LINKS["ethernet"].wrap(data)) for time, data in captures.ip_packets(WHOLE)]
)


@pytest.mark.parametrize("chunk", [1, 7, 1000, 1 << 18])
def test_pieces_of_any_size_give_the_same(chunk: int) -> None:
    assert Replayed(WHOLE, chunk=chunk).names == [
        ("dns", "a.example"),
        ("tls", "b.example"),
        ("dns", "c.example"),
    ]


@pytest.mark.parametrize(("capture", "ends"), [(WHOLE, 7), (ANEW, 8)], ids=["pcap", "pcapng"])
def test_a_capture_cut_anywhere_gives_a_beginning_and_says_so(capture: bytes, ends: int) -> None:
    """Each further byte adds to the report, and every report is a beginning of the whole one's."""
    asked = Replayed(capture).asked
    beginnings = [Replayed(capture[:place]) for place in range(len(capture))]
    lengths = [len(beginning.asked) for beginning in beginnings]
    assert lengths == sorted(lengths)
    assert set(lengths) == {0, 1, 2}  # the last byte completes the third
    for beginning in beginnings:
        assert beginning.asked == asked[: len(beginning.asked)]
    assert sum(not beginning.broken for beginning in beginnings) == ends  # of records


def test_a_broken_place_is_reported_after_what_came_before_it() -> None:
    replayed = Replayed(WHOLE + b"\xff" * 40 + WHOLE)
    assert replayed.names == Replayed(WHOLE).names
    assert f" at byte {len(WHOLE)}, after frame 7." in replayed.broken


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_change_of_bytes_raises_nothing(data: st.DataObject) -> None:
    changed = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    Replayed(bytes(changed), CHILD)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=5), st.sampled_from(sorted(captures.LINKS)))
def test_any_frames_raise_nothing(frames: list[bytes], kind: str) -> None:
    Replayed(captures.pcap([(START, frame) for frame in frames], captures.LINKS[kind].number), CHILD)


def test_a_connection_without_a_name_is_told_if_its_service_was_recognised() -> None:
    tape = Tape()
    talk = tape.talk(dport=443)
    talk.remote = bytes([149, 154, 167, 51])
    talk.handshake()
    talk.client(b"\xef" + bytes(range(200, 255)))
    talk.server(b"\x99" * 40)
    bare = tape.talk(dport=6000)
    bare.handshake()
    bare.client(b"\xef" + bytes(range(200, 255)))
    bare.server(b"\x99" * 40)
    found, other = Replayed(tape.capture(), "band: 10-12\nblock: ['service:telegram']").asked
    assert (other.proto, other.dport, other.decision.recognised) == (Proto.TCP, 6000, None)
    assert (found.proto, found.host, found.decision.rule) == (Proto.TCP, None, "block: service:telegram")
    assert found.decision.recognised is not None
    assert found.decision.recognised.services == ("telegram",)
