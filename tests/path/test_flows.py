"""From packets to bytes of the packet mark: what is decided, in which class, and what a browser is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.kernel.marks import MAX_CLASS, FlowState, decode_verdict
from gateway.path.flows import FlowPath, PacketVerdict
from gateway.path.live_flows import FlowId, LiveFlow, LiveFlows
from gateway.path.subject import Decide, Subject
from gateway.policy.time.time_rules import Situation
from gateway.policy.values import Decision, Observation, Proto, Reason, RecognitionSign, ServiceRecognition
from gateway.policy.values import Verdict as Says
from gateway.wire.flows.table import FlowTable
from gateway.wire.ip.build import tcp_segment
from gateway.wire.ip.packet import ACK, FIN, PSH, RST, SYN, TCP, UDP, checksum_ok, parse_ip
from tests.policy.homes import a_judge
from tests.wire.flow_forge import ADDRESSES, ALLOWED, HTTP_OK, REFUSED, RETRY, SERVER_HELLO, udp_packet
from tests.wire.flow_quic import answer, initial
from tests.wire.http2_forge import START, Client
from tests.wire.tls_forge import client_hello, record

AT = datetime(2026, 11, 24, 18, tzinfo=UTC)
NOON = datetime(2026, 11, 24, 7, tzinfo=UTC)  # at the judge's home
HELPLINE = "help.example"
MISPLACED = "misplaced.example"  # open, and called at an address that is not its own
SPORT, ISN = 40000, 1000


def rule(seen: Observation, at: datetime) -> Decision:
    if seen.host == REFUSED:
        return Decision(Says.BLOCK, Reason.FAMILY_BLOCK, "block", "family")
    if seen.host == MISPLACED:
        return Decision(Says.BLOCK, Reason.UNRESOLVED, "band 6-9: strict = true", "band:6-9")
    if seen.host == HELPLINE:
        return Decision(Says.ALLOW, Reason.HELP, "help", "product")
    return Decision(Says.ALLOW, Reason.OPEN, "open", "product", gates=frozenset({"device", "play"}))


class Home:
    def __init__(self, version: int = 4, decide: Decide = rule, *, reads_answers: bool = False) -> None:
        self.device, self.server = ADDRESSES[version]
        self.told: list[tuple[str | None, Says]] = []
        self.live = LiveFlows()
        self.reclassed: list[int] = []
        self.uploads: list[FlowId] = []
        self.path = FlowPath(
            FlowTable(),
            self.live,
            sink=lambda subject, seen, decision, at: self.told.append((seen.host, decision.verdict)),
            refused_page=lambda seen, decision: f"http://qalqan.home.arpa/refused?host={seen.host}",
            reclass=lambda flow, live: self.reclassed.append(live.class_number),
            uploads=self.uploads.append,
            reads_answers=lambda: reads_answers,
        )
        self.classes = {"play": 5}
        self.asks: bool | None = None
        self.subject = Subject(
            7, "daughter", decide, lambda gates: self.classes["play"] if "play" in gates else 1
        )

    def send(
        self, payload: bytes, *, port: int = 443, seq: int = ISN, flags: int = ACK | PSH
    ) -> PacketVerdict:
        packet = tcp_segment(
            self.device, self.server, SPORT, port, seq=seq, ack=500, flags=flags, payload=payload
        )
        return self.path.packet(packet, self.subject, from_lan=True, now=1.0, at=AT, asks=self.asks)

    def answer(self, payload: bytes, acks: int, *, port: int = 443, seq: int = 500) -> PacketVerdict:
        packet = tcp_segment(
            self.server, self.device, port, SPORT, seq=seq, ack=acks, flags=ACK | PSH, payload=payload
        )
        return self.path.packet(packet, self.subject, from_lan=False, now=1.1, at=AT, asks=self.asks)


def hello(name: str) -> bytes:
    return record(client_hello(name))


@pytest.mark.parametrize("version", [4, 6])
def test_an_allowed_name_passes_in_its_class_when_the_server_answers(version: int) -> None:
    home = Home(version)
    data = hello(ALLOWED)
    assert home.send(data) == PacketVerdict(0)
    assert home.told == [(ALLOWED, Says.ALLOW)]
    assert home.answer(SERVER_HELLO, ISN + len(data)) == PacketVerdict(5 << 2 | 1)
    flow = FlowId(7, TCP, home.device, SPORT, home.server, 443)
    live = home.live.get(flow)
    assert live is not None
    assert (live.observations[0].host, live.class_number, live.asks) == (ALLOWED, 5, False)


@pytest.mark.parametrize("version", [4, 6])
def test_the_kernel_decides_by_the_answer_to_an_allowed_hello(version: int) -> None:
    home = Home(version, reads_answers=True)
    verdict = home.send(hello(ALLOWED))
    assert verdict.byte is not None
    assert decode_verdict(verdict.byte) == (FlowState.ANSWERABLE, 5)
    live = home.live.get(FlowId(7, TCP, home.device, SPORT, home.server, 443))
    assert live is not None
    assert (live.observations[0].host, live.class_number) == (ALLOWED, 5)
    assert home.path.table.stats.passed == 1


def test_a_hello_is_decided_once() -> None:
    decided: list[str | None] = []

    def decide(seen: Observation, at: datetime) -> Decision:
        decided.append(seen.host)
        return rule(seen, at)

    home = Home(decide=decide, reads_answers=True)
    assert home.send(hello(ALLOWED)).byte not in (None, 0)
    assert decided == [ALLOWED]


def test_after_another_answer_the_flow_is_decided_here() -> None:
    home = Home(reads_answers=True)
    data = hello(ALLOWED)
    home.send(data)
    home.asks = True
    assert home.answer(RETRY, ISN + len(data)) == PacketVerdict(0)
    refused = home.send(hello(REFUSED), seq=ISN + len(data))
    assert refused.byte == 2
    assert len(home.live) == 0, "a change of rules must not open it"


@pytest.mark.parametrize(("host", "number"), [(HELPLINE, 5), (ALLOWED, MAX_CLASS)])
def test_without_a_byte_for_it_a_flow_stays_undecided(host: str, number: int) -> None:
    home = Home(reads_answers=True)
    home.classes["play"] = number
    assert home.send(hello(host)) == PacketVerdict(0)


@pytest.mark.parametrize("version", [4, 6])
def test_a_refused_name_is_marked_at_once(version: int) -> None:
    home = Home(version)
    verdict = home.send(hello(REFUSED))
    assert (verdict.byte, verdict.reply) == (2, None)
    assert home.told == [(REFUSED, Says.BLOCK)]
    assert len(home.live) == 0


def test_help_has_no_class_and_is_not_remembered() -> None:
    home = Home()
    data = hello(HELPLINE)
    home.send(data)
    assert home.answer(SERVER_HELLO, ISN + len(data)) == PacketVerdict(3)
    assert len(home.live) == 0


@pytest.mark.parametrize("version", [4, 6])
def test_a_flow_without_a_name_keeps_the_services_that_it_was_recognised_as(version: int) -> None:
    recognised = ServiceRecognition(("telegram",), RecognitionSign.ADDRESS)

    def decide(seen: Observation, at: datetime) -> Decision:
        return replace(rule(seen, at), recognised=recognised)

    home = Home(version, decide)
    home.send(b"\xef" + bytes(63))
    assert home.answer(b"\x99" * 40, ISN + 64) == PacketVerdict(5 << 2 | 1)
    live = home.live.get(FlowId(7, TCP, home.device, SPORT, home.server, 443))
    assert live is not None
    assert live.services == ("telegram",)


def request(host: str) -> bytes:
    return f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def test_plain_http_goes_on_being_asked_about() -> None:
    home = Home()
    data = request(ALLOWED)
    assert home.send(data, port=80) == PacketVerdict(0)
    assert home.answer(HTTP_OK, ISN + len(data), port=80) == PacketVerdict(5 << 2 | 3)
    refused = home.send(request(REFUSED), port=80, seq=ISN + len(data))
    assert refused.byte is None
    assert refused.reply is not None


@pytest.mark.parametrize("version", [4, 6])
def test_a_refused_request_is_answered_in_the_servers_place(version: int) -> None:
    home = Home(version)
    data = request(REFUSED)
    verdict = home.send(data, port=80)
    assert verdict.byte is None
    assert verdict.reply is not None
    reply = parse_ip(verdict.reply)
    assert checksum_ok(verdict.reply, reply)
    assert (reply.src, reply.sport, reply.dst, reply.dport) == (home.server, 80, home.device, SPORT)
    assert (reply.seq, reply.ack, reply.flags) == (500, ISN + len(data), ACK | PSH | FIN)
    head, _, body = bytes(reply.payload).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 302 ")
    assert f"Location: http://qalqan.home.arpa/refused?host={REFUSED}".encode() in head
    assert b"no-store" in head
    assert body == b""


def test_a_site_at_a_wrong_address_is_no_closed_site() -> None:
    """Its connection ends, so that the browser asks anew, and no page says that the site is not open."""
    verdict = Home().send(request(MISPLACED), port=80)
    assert (verdict.byte, verdict.reply) == (2, None)
    assert verdict.onward is not None


def test_what_is_no_packet_vanishes() -> None:
    home = Home()
    assert home.path.packet(b"\x45", home.subject, from_lan=True, now=1.0, at=AT) == PacketVerdict(None)
    assert home.send(b"", flags=SYN) == PacketVerdict(0)
    assert home.path.table.stats.malformed == 1


def test_live_flows_are_bounded() -> None:
    live = LiveFlows(limit=2)
    flows = [FlowId(slot, TCP, b"", slot, b"", 443) for slot in (1, 2, 3)]
    for flow in flows:
        live.put(flow, LiveFlow((Observation(Proto.TLS, "a.example"),), 1, asks=False))
    assert live.get(flows[0]) is None
    assert [flow for flow, _ in live.of_slot(3)] == [flows[2]]
    live.drop(flows[2])
    assert len(live) == 1


@pytest.mark.parametrize("version", [4, 6])
def test_another_connection_on_a_flow_that_passes_is_of_both_classes(version: int) -> None:
    """Long after the first one was decided, so that nothing but the live flow tells of it."""
    device, server = ADDRESSES[version]
    classes: list[frozenset[str]] = []

    def number(gates: frozenset[str]) -> int:
        classes.append(gates)
        return len(gates)

    def by_name(seen: Observation, at: datetime) -> Decision:
        verdict = Says.BLOCK if seen.host == REFUSED else Says.ALLOW
        return Decision(verdict, Reason.OPEN, "open", "product", gates=frozenset({"device", str(seen.host)}))

    home = Home(version)
    home.subject = Subject(7, "daughter", by_name, number)

    def send(payload: bytes, now: float, *, from_lan: bool = True) -> PacketVerdict:
        ends = (device, server, SPORT, 443) if from_lan else (server, device, 443, SPORT)
        packet = udp_packet(*ends, payload)
        return home.path.packet(packet, home.subject, from_lan=from_lan, now=now, at=AT)

    assert send(initial(ALLOWED), 1.0) == PacketVerdict(0)
    assert send(answer(), 1.1, from_lan=False) == PacketVerdict(2 << 2 | 1)
    assert send(initial(ALLOWED), 50.0) == PacketVerdict(2 << 2 | 1), "its table still knows it"
    assert send(initial(ALLOWED), 200.0) == PacketVerdict(0)
    assert send(initial("other.example", dcid=b"another1"), 240.0) == PacketVerdict(3 << 2 | 1)
    assert classes[-1] == {"device", ALLOWED, "other.example"}
    live = home.live.get(FlowId(7, UDP, device, SPORT, server, 443))
    assert live is not None
    assert [one.host for one in live.observations] == [ALLOWED, "other.example"]
    assert send(initial(REFUSED, dcid=b"another2"), 241.0) == PacketVerdict(2)


def test_help_beside_something_else_is_not_help() -> None:
    home = Home()
    both = hello(HELPLINE), hello(ALLOWED)
    home.send(both[0])
    home.send(both[1], flags=PSH)  # a decoy: no segment of a connection comes without ACK
    verdict = home.answer(SERVER_HELLO, ISN + len(both[0]))
    assert verdict == PacketVerdict(5 << 2 | 1)


@pytest.mark.parametrize("version", [4, 6])
def test_a_refused_connection_ends_on_both_sides(version: int) -> None:
    home = Home(version)
    onward = home.send(hello(REFUSED)).onward
    assert onward is not None
    reset = parse_ip(onward)
    assert checksum_ok(onward, reset)
    assert (reset.src, reset.sport, reset.dst, reset.dport) == (home.device, SPORT, home.server, 443)
    assert (reset.seq, reset.flags & RST) == (ISN, RST)


@pytest.mark.parametrize("version", [4, 6])
def test_refused_at_the_servers_answer_the_device_is_told(version: int) -> None:
    """The kernel lets nothing through that has payload, so nobody else would."""
    home = Home(version)
    data = hello(ALLOWED)
    home.send(data)
    block = Decision(Says.BLOCK, Reason.FAMILY_BLOCK, "block", "family")
    home.subject.decide = lambda seen, at: block  # the rules have changed meanwhile
    verdict = home.answer(SERVER_HELLO, ISN + len(data), seq=700)
    assert verdict.byte == 2
    assert verdict.reply is not None
    assert verdict.onward is not None
    reset, back = parse_ip(verdict.reply), parse_ip(verdict.onward)
    assert (reset.src, reset.sport, reset.dst, reset.dport) == (home.server, 443, home.device, SPORT)
    assert (reset.seq, reset.flags & RST) == (700, RST)
    assert (back.src, back.sport, back.dst, back.dport) == (home.device, SPORT, home.server, 443)
    assert (back.seq, back.flags) == (ISN + len(data), RST)


def test_another_class_on_a_connection_that_asks_is_told_apart() -> None:
    home = Home()

    def by_name(seen: Observation, at: datetime) -> Decision:
        return Decision(Says.ALLOW, Reason.OPEN, "open", "product", gates=frozenset({str(seen.host)}))

    home.subject = Subject(7, "daughter", by_name, lambda gates: 5 if ALLOWED in gates else 6)
    data = request(ALLOWED)
    home.send(data, port=80)
    assert home.answer(HTTP_OK, ISN + len(data), port=80) == PacketVerdict(5 << 2 | 3)
    assert home.reclassed == []
    assert home.send(request("other.example"), port=80, seq=ISN + len(data)) == PacketVerdict(6 << 2 | 3)
    assert home.reclassed == [6]


def test_a_refused_request_of_http2_is_reset() -> None:
    """A page would have to be HTTP/2."""
    home, client = Home(), Client()
    data = START + client.request(ALLOWED)
    home.send(data, port=80)
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    assert home.answer(settings, ISN + len(data), port=80) == PacketVerdict(5 << 2 | 3)
    verdict = home.send(client.request(REFUSED), port=80, seq=ISN + len(data))
    assert (verdict.byte, verdict.reply) == (2, None)
    assert verdict.onward is not None
    assert parse_ip(verdict.onward).flags & RST


def test_help_over_plain_http_goes_on_being_asked_about() -> None:
    home = Home()
    data = request(HELPLINE)
    home.send(data, port=80)
    assert home.answer(HTTP_OK, ISN + len(data), port=80) == PacketVerdict(1 << 2 | 3)
    assert home.send(request(REFUSED), port=80, seq=ISN + len(data)).reply is not None


@pytest.mark.parametrize("version", [4, 6])
def test_an_upload_before_any_answer_is_told_of(version: int) -> None:
    home = Home(version)
    head = f"POST / HTTP/1.1\r\nHost: {ALLOWED}\r\nContent-Length: 900000\r\n\r\n".encode()
    data = head + bytes(20_000)
    for start in range(0, len(data), 1000):
        packet = tcp_segment(
            home.device, home.server, SPORT, 80,
            seq=ISN + start, ack=500, flags=ACK | PSH, payload=data[start : start + 1000],
        )  # fmt: skip
        for asks in (False, True):  # the kernel knows from the second on
            verdict = home.path.packet(packet, home.subject, from_lan=True, now=1.0, at=AT, asks=asks)
            assert verdict == PacketVerdict(0)
    flow = FlowId(7, TCP, home.device, SPORT, home.server, 80)
    assert set(home.uploads) == {flow}
    assert len(home.uploads) < 10
    assert home.answer(HTTP_OK, ISN + len(data), port=80) == PacketVerdict(5 << 2 | 3)


# ---------------------------------------------------------------- a judge that needs addresses


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    "text", ["{band: 10-12, strict: true}", "{band: 10-12, mode: allow-list}", "band: 6-9"]
)
@pytest.mark.parametrize("server_first", [False, True])
def test_decoys_open_no_port_of_a_known_address(version: int, text: str, server_first: bool) -> None:
    """An allowed name and a refused one share an address; junk that dies on the way would be followed by a
    hello that nobody reads.
    """
    home = Home(version)
    judge, known = a_judge(text), Situation(addresses={home.server})
    home.subject = Subject(7, "daughter", lambda seen, at: judge.decide(seen, known, NOON), lambda _: 1)
    if server_first:
        home.answer(b"220 hello\r\n", ISN, port=8444)
    said = [home.send(b"\0" * 100, port=8444, seq=ISN + 100 * number) for number in range(40)]
    assert [one.byte for one in said[:15]] == [0] * 15
    assert said[15].byte == 2, "from a verdict on, the kernel alone carries the flow"


def test_a_server_that_speaks_alone_is_heard_at_a_known_address() -> None:
    home = Home()
    judge, known = a_judge("{band: 10-12, strict: true}"), Situation(addresses={home.server})
    home.subject = Subject(7, "daughter", lambda seen, at: judge.decide(seen, known, NOON), lambda _: 1)
    verdicts = [home.answer(b"\0" * 100, ISN, port=8000, seq=500 + 100 * number).byte for number in range(17)]
    assert verdicts[15] == 1 << 2 | 1
