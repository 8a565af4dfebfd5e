"""What is fuzzed: each parser by name, as a function of any bytes that may raise nothing.

The error that a parser is allowed to raise is caught here; anything else is a finding. The same functions run
under hypothesis in `make test` and under atheris in `make fuzz`.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address

from gateway.cli.commands.replay import as_object, unread_object
from gateway.control.protocol import LineReader, Role, parse_request
from gateway.core.errors import ControlError, GatewayError, ListError, PolicyError, WireError
from gateway.lists.canaries import parse_shared_networks
from gateway.lists.formats import Format, Tally, parse_addresses, read_domains
from gateway.mqtt.commands import child_command, home_command
from gateway.path.addresses import AddressBook
from gateway.path.dns import DnsPath
from gateway.path.subject import Subject
from gateway.policy.names import networks as nets
from gateway.policy.names.domain_table import DomainTable, verify
from gateway.policy.names.resolvers import parse_resolvers
from gateway.policy.sealed.sealed_set import parse_set
from gateway.policy.values import Decision, Observation, Proto, Reason, Verdict
from gateway.policy.yaml.documents import parse_document
from gateway.replay.engine import Replay
from gateway.replay.frames import CaptureError, frames
from gateway.wire.dns.answers import NULL_ADDRESSES, fail, refuse, rename_question, restore_answer
from gateway.wire.dns.message import TcpStream, parse_message
from gateway.wire.dns.svcb import Unwanted, strip_bypass
from gateway.wire.flows.dialogue import DialogueFlow
from gateway.wire.flows.limits import Limits
from gateway.wire.flows.observe import Observer
from gateway.wire.flows.table import FlowTable
from gateway.wire.http.head import PREFACE
from gateway.wire.http.head import parse_request as parse_http
from gateway.wire.http.hpack import HpackDecoder
from gateway.wire.http.stream import RequestStream
from gateway.wire.ip.build import tcp_segment
from gateway.wire.ip.capture import CaptureReader, ip_payload
from gateway.wire.ip.fragments import Defragmenter
from gateway.wire.ip.packet import ACK, checksum_ok, parse_ip
from gateway.wire.lan.dhcp import parse_dhcp, parse_dhcp6
from gateway.wire.lan.mdns import parse_mdns
from gateway.wire.lan.overheard import overhear
from gateway.wire.names import hostname
from gateway.wire.quic.initials import CryptoStream, Initials, classify, crypto_frames, long_packets
from gateway.wire.tls.dtls import DtlsHellos, dtls_answer
from gateway.wire.tls.hello import read_client_hellos, read_server_hellos
from gateway.wire.tls.records import CLIENT_HELLO, HandshakeReader, looks_like_tls
from gateway.wire.tls.starttls import may_start_tls
from gateway.wire.tunnels import LONGEST, look_server, look_tcp, look_udp
from tests import captures
from tests.fuzz import files, passkeys, proofs, usp
from tests.fuzz.corpus import SEALED_KEY
from tests.policy.homes import ALMATY, CALENDAR, a_profile, the_world

Target = Callable[[bytes], None]
AT = datetime(2026, 11, 24, tzinfo=UTC)
LIMITS = Limits()
LINKS = (0, 1, 9, 51, 101, 113, 228, 276)


def _pieces(data: bytes) -> Iterator[bytes]:
    """The input in pieces of 1 to 64 bytes, as its first byte says."""
    size = 1 + (data[0] % 64 if data else 0)
    return (data[at : at + size] for at in range(1, len(data), size))


def packet(data: bytes) -> None:
    with contextlib.suppress(WireError):
        checksum_ok(data, parse_ip(data))


def link(data: bytes) -> None:
    for kind in LINKS:
        with contextlib.suppress(WireError):
            ip_payload(kind, data)


def capture(data: bytes) -> None:
    reader = CaptureReader()
    with contextlib.suppress(WireError):
        for piece in _pieces(data):
            reader.feed(piece)
            while reader.next_frame() is not None:
                pass


def fragments(data: bytes) -> None:
    defragmenter = Defragmenter()
    size = 1 + (data[0] if data else 0)
    for at in range(1, len(data), size):
        with contextlib.suppress(WireError):
            defragmenter.feed(data[at : at + size], 0.0)


def dns(data: bytes) -> None:
    with contextlib.suppress(WireError):
        message = parse_message(data)
        builds: tuple[Callable[[], bytes | None], ...] = (
            lambda: refuse(data, message, addresses=NULL_ADDRESSES, text="x" * 300),
            lambda: fail(data, message),
            lambda: rename_question(data, message, "forcesafesearch.google.com"),
            lambda: strip_bypass(data),
        )
        for build in builds:
            with contextlib.suppress(WireError):
                built = build()
                if built is not None:
                    parse_message(built)
        if message.question is not None:
            restore_answer(data, message.question, message.question.name)


def svcb(data: bytes) -> None:
    """The data of one HTTPS record of a message that is otherwise sound, whatever of it is unwanted."""
    head = bytes.fromhex("123481800001000100000000016100004100010161000041000100000001")
    message = head + len(data).to_bytes(2, "big") + data
    for unwanted in (Unwanted(), Unwanted(resolvers=False), Unwanted(ech=False)):
        with contextlib.suppress(WireError):
            stripped = strip_bypass(message, unwanted)
            if stripped is not None:
                parse_message(stripped)
                assert strip_bypass(stripped, unwanted) is None
    assert strip_bypass(message, Unwanted(resolvers=False, ech=False)) is None


def dns_stream(data: bytes) -> None:
    stream = TcpStream()
    with contextlib.suppress(WireError):
        for piece in _pieces(data):
            stream.feed(piece)


def dns_path(data: bytes) -> None:
    """A whole answer or question through the path; every decision is a rewrite, the longest way."""

    def decide(seen: Observation, at: datetime) -> Decision:
        return Decision(Verdict.REWRITE, Reason.SAFE_SEARCH, "", "product", rewrite="safe.example")

    path = DnsPath(pages=(), sentence=lambda seen, decision: "", sink=lambda *given: None, book=AddressBook())
    subject = Subject(1, "x", decide, lambda gates: 1)
    client = (1, bytes(4), 1)
    with contextlib.suppress(WireError):
        path.judge_query(data, subject, client, bytes(4), 0.0, AT)
    with contextlib.suppress(WireError):
        path.edit_answer(data, client, 0.0, over_udp=True)
    path.question_packet(data, subject, 0.0, AT, first=False)
    path.answer_packet(data, subject, 0.0)


def dhcp(data: bytes) -> None:
    for parse in (parse_dhcp, parse_dhcp6):
        with contextlib.suppress(WireError):
            read = parse(data)
            if read is not None:
                assert (read.host_name + read.vendor_class + read.user_class).isprintable()


def overheard(data: bytes) -> None:
    """Multicast DNS alone, and whole packets of the LAN."""
    for parse in (parse_mdns, overhear):
        with contextlib.suppress(WireError):
            parse(data)


def tls(data: bytes) -> None:
    looks_like_tls(data)
    for read in (read_client_hellos, read_server_hellos):
        with contextlib.suppress(WireError):
            read(data)
    reader = HandshakeReader(CLIENT_HELLO)
    with contextlib.suppress(WireError):
        for piece in _pieces(data):
            reader.feed(piece)


def quic(data: bytes) -> None:
    classify(data)
    long_packets(data)
    initials = Initials()
    with contextlib.suppress(WireError):
        initials.from_client(data)
    with contextlib.suppress(WireError):
        initials.from_server(data)
    with contextlib.suppress(WireError):
        CryptoStream(CLIENT_HELLO).feed(crypto_frames(data))


def dtls(data: bytes) -> None:
    hellos = DtlsHellos()
    with contextlib.suppress(WireError):
        for piece in (data, *_pieces(data)):
            hellos.from_client(piece)
    dtls_answer(data)


def http(data: bytes) -> None:
    with contextlib.suppress(WireError):
        parse_http(data)
    stream = RequestStream()
    with contextlib.suppress(WireError):
        for piece in _pieces(data):
            stream.feed(piece)


def http2(data: bytes) -> None:
    """Frames after the preface, and a header block."""
    stream = RequestStream()
    stream.feed(PREFACE)
    with contextlib.suppress(WireError):
        for piece in _pieces(data):
            stream.feed(piece)
    with contextlib.suppress(WireError):
        HpackDecoder().decode(data)


def dialogue(data: bytes) -> None:
    """A client's bytes in plain text before TLS."""
    may_start_tls([data], data)
    observer = Observer(b"\xc0\x00\x02\x01", 25, (), LIMITS)
    flow = DialogueFlow(observer, 0, b"", LIMITS)
    offset = 0
    for piece in _pieces(data):
        flow.from_lan(offset, piece, lambda _: True)
        offset += len(piece)


def tunnels(data: bytes) -> None:
    """A datagram to any port, and a stream of which every prefix is looked at by itself."""
    for port in (53, 443, 4500):
        look_udp(data, port)
    none = False
    for end in range(1, min(len(data), LONGEST) + 1):
        look_server(data[:end])
        told = look_tcp(data[:end])
        assert not none or told is None, "what is no tunnel is none with more behind it"
        none = told is None


def tunnel_flows(data: bytes) -> None:
    """Segments of one stream, each behind a byte for its side and place, and its length."""
    table = FlowTable(verify_checksums=False)
    device, server = b"\xc0\xa8\x01\x07", b"\xcb\x00\x71\x09"
    for side, one in _sided(data):
        src, dst, ports = (device, server, (40000, 22)) if side & 1 else (server, device, (22, 40000))
        packet = tcp_segment(src, dst, *ports, seq=side >> 2, ack=1, flags=ACK, payload=one[:1400])
        table.packet(packet, from_lan=bool(side & 1), now=0.0, judge=lambda seen: seen.proto is not Proto.SSH)


def _sided(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Packets behind the first byte, each behind a byte that says its side and more, and its length."""
    at = 1
    while at + 3 <= len(data):
        end = at + 3 + int.from_bytes(data[at + 1 : at + 3], "big")
        yield data[at], data[at + 3 : end]
        at = end


def flows(data: bytes) -> None:
    """IP packets from either side through one flow table."""
    table = FlowTable(verify_checksums=False, handshakes=bool(data[:1] and data[0] & 1))
    now = 0.0
    for side, one in _sided(data):
        table.packet(one, from_lan=bool(side & 1), now=now, judge=lambda seen: seen.proto is not Proto.HTTP)
        now += side / 8


def _replayed(read: Callable[[int], bytes]) -> None:
    """All that `qalqan replay` does with a file."""
    profile, world = a_profile("band: 10-12\nblock: [www.openssl.example]"), the_world()
    one = Replay(
        profile,
        world,
        CALENDAR,
        lambda asked: _printed(as_object(asked, ALMATY)),
        now=AT,
        unread=lambda frame: _printed(unread_object(frame, ALMATY)),
    )
    problem = ""
    try:
        for frame in frames(read, "fuzz"):
            one.frame(frame)
    except CaptureError as error:
        problem = str(error)
    assert not problem or problem.isprintable()
    assert one.tally.frames >= one.tally.cut + one.tally.broken + one.tally.foreign


def _printed(told: dict[str, object]) -> None:
    assert "\n" not in json.dumps(told)
    for kind, end in (("src", "sport"), ("dst", "dport")):
        if told["proto"] != "frame" or told[kind] is not None:
            ip_address(str(told[kind]))
        assert told[end] in range(1 << 16)


def replay(data: bytes) -> None:
    """A capture file."""
    _replayed(io.BytesIO(data).read)


def replay_packets(data: bytes) -> None:
    """IP packets on the link that the first byte chooses, so that no record's length is ever wrong."""
    link = list(captures.LINKS.values())[data[0] % len(captures.LINKS) if data else 0]
    packets = [(1e9 + number / 50, link.wrap(one)) for number, (_, one) in enumerate(_sided(data))]
    _replayed(io.BytesIO(captures.pcap(packets, link.number)).read)


def host_name(data: bytes) -> None:
    with contextlib.suppress(WireError):
        assert hostname(data).isascii()


def document(data: bytes) -> None:
    with contextlib.suppress(PolicyError):
        parse_document(data, "fuzz.yaml")


def sealed_set(data: bytes) -> None:
    """With the key that it wants, where there is one; then every look-up stays inside."""
    with contextlib.suppress(ListError):
        parsed = parse_set(data)
        assert parsed.head.count == len(parsed.entries)
        parsed.opened(SEALED_KEY).holds("a.example.invalid")


def table(data: bytes) -> None:
    with contextlib.suppress(ListError):
        DomainTable(data).categories("a.b.example")
    with contextlib.suppress(ListError):
        verify(data)


def lists(data: bytes) -> None:
    for form in Format:
        with contextlib.suppress(ListError):
            for _ in read_domains("fuzz", [data], form, Tally()):
                pass


def addresses(data: bytes) -> None:
    """A line of a list; a packed address."""
    for entry in parse_addresses(data.strip()) or ():
        one = nets.network(entry.decode("ascii"))
        assert entry.decode("ascii") in nets.keys(one.network_address.packed)
    for size in (4, 16):
        if len(data) >= size:
            nets.keys(data[:size])


def resolvers(data: bytes) -> None:
    with contextlib.suppress(PolicyError):
        known = parse_resolvers(data, "fuzz.yaml", lambda name: "." not in name)
        for entry in known.addresses:
            nets.network(entry)
    with contextlib.suppress(PolicyError):
        parse_shared_networks(data, "fuzz.yaml").hit("192.0.2.7")


def control(data: bytes) -> None:
    reader = LineReader(1 << 14)
    with contextlib.suppress(ControlError):
        for line in reader.feed(data):
            with contextlib.suppress(GatewayError):
                request = parse_request(line, role=Role.WEB, uid=1)
                request.text("who")
                request.moment_or_none("until")
                request.whole("minutes", least=1, most=9)


def mqtt(data: bytes) -> None:
    """A command over MQTT, for a child and for the home. The daemon can read each that is taken."""
    for read in (partial(child_command, profile="a"), partial(home_command, filter_switch=True)):
        with contextlib.suppress(ControlError):
            command = read(data)
            command.verb.decode_request(command.values)


TARGETS: dict[str, Target] = {
    one.__name__: one
    for one in (
        packet,
        link,
        capture,
        fragments,
        dns,
        svcb,
        dns_stream,
        dns_path,
        dhcp,
        overheard,
        tls,
        quic,
        dtls,
        http,
        http2,
        dialogue,
        tunnels,
        tunnel_flows,
        flows,
        replay,
        replay_packets,
        host_name,
        document,
        table,
        sealed_set,
        lists,
        addresses,
        resolvers,
        control,
        mqtt,
        *proofs.TARGETS,
        *files.SEEDS,
        *passkeys.SEEDS,
        *usp.SEEDS,
    )
}
