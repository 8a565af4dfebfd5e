"""Tests of the packet path's queues, and of the side from which a packet comes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.core.errors import KernelError
from gateway.core.loop import Loop
from gateway.dataplane import packets
from gateway.dataplane.packets import AGE, NICENESS, PacketPath, PacketSides, go_first
from gateway.kernel.conntrack import ConntrackEntry, FlowTuple
from gateway.kernel.marks import ANSWER, ASKING, QUESTION, MarkLayout, QueueKind
from gateway.kernel.queue import DROP, FORWARD, INPUT, PREROUTING
from gateway.path.dns import PacketOutcome
from gateway.path.flows import PacketVerdict
from gateway.wire.ip.packet import UDP, checksum_ok, parse_ip
from tests.kernel.forge import datagram
from tests.kernel.home import Namespace

LAYOUT = MarkLayout()
FOREIGN = 0x50003F00  # bits of other programs
CLIENT, ASKED, REACHED = "192.168.77.10", "198.51.100.1", "192.168.77.1"
QUERY = datagram(CLIENT, REACHED, 4000, 1053, b"question")
REPLY = datagram(REACHED, CLIENT, 1053, 4000, b"forged")
STRAIGHT = datagram(REACHED, CLIENT, 53, 4000, b"forged")
DEVICE, SITE = "192.168.77.10", "198.51.100.1"
DEVICE6, SITE6 = "2001:db8:77::10", "2001:db8:1::1"


class Path(PacketPath):
    """Whose parts say what they are told to, and which sends nothing."""

    def __init__(self, loop: Loop, entry: ConntrackEntry | None = None, error: bool = False) -> None:
        self.verdict: PacketVerdict = PacketVerdict(0)
        self.outcome = PacketOutcome(True)
        self.sent: list[bytes] = []
        self.looked_for: list[FlowTuple] = []

        def behind(packet: FlowTuple) -> ConntrackEntry | None:
            self.looked_for.append(packet)
            if error:
                raise KernelError("no")
            return entry

        flows: Any = SimpleNamespace(packet=lambda *args, **words: self.verdict)
        dns: Any = SimpleNamespace(
            question_packet=lambda *args, **words: self.outcome, answer_packet=lambda *args: self.outcome
        )
        subjects: Any = {1: SimpleNamespace(slot=1)}
        super().__init__(
            loop,
            LAYOUT,
            0,
            (),
            flows=flows,
            dns=dns,
            subjects=subjects,
            wall=lambda: datetime.now(UTC),
            behind=behind,
        )
        sender: Any = SimpleNamespace(
            send=lambda packet, *where, **how: self.sent.append(packet), close=self._sender.close
        )
        self._sender = sender

    def hand(self, state: int, hook: int) -> Any:
        mark = LAYOUT.with_verdict(FOREIGN, 1 << 2 | state)
        by_byte = tuple(LAYOUT.queued_slot(mark, QueueKind.OPEN_UDP, 0) for mark in range(256))
        return self._handle(by_byte, True, QUERY, mark, hook, 0)


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.mark.lab
def test_what_goes_on_is_known_by_its_mark(loop: Loop) -> None:
    """A packet whose byte were zero would come to the queue again, for ever."""
    path = Path(loop)
    answers = []
    for byte in range(256):
        path.verdict = PacketVerdict(byte)
        answers += [path.hand(state, FORWARD) for state in (0, ASKING)]
    for hook in (PREROUTING, INPUT, FORWARD):
        answers += [path.hand(QUESTION, hook), path.hand(ANSWER, hook)]
        path.outcome = PacketOutcome(True, packet=b"mended")
        replaced = [path.hand(QUESTION, hook), path.hand(ANSWER, hook)]
        assert [packet for _, packet in replaced] == [b"mended"] * 2
        answers += [mark for mark, _ in replaced]
        path.outcome = PacketOutcome(True)
    assert all(mark & ~LAYOUT.packet == FOREIGN and LAYOUT.packet_byte(mark) for mark in answers)
    path.verdict, path.outcome = PacketVerdict(None), PacketOutcome(False)
    assert [path.hand(state, FORWARD) for state in (0, ANSWER, QUESTION, ASKING)] == [DROP] * 4
    path.close()


def entry(asked: str) -> ConntrackEntry:
    query = parse_ip(datagram(CLIENT, asked, 4000, 53, b""))
    original = FlowTuple(query.src, query.dst, UDP, 4000, 53)
    return ConntrackEntry(original, original, 0, 0, None, None, b"")


@pytest.mark.lab
@pytest.mark.parametrize("hook", [INPUT, FORWARD])
def test_a_later_question_is_answered_from_the_address_that_was_asked(loop: Loop, hook: int) -> None:
    path = Path(loop, entry(ASKED))
    path.outcome = PacketOutcome(False, reply=REPLY)
    assert path.hand(QUESTION, hook) == DROP
    assert path.sent == [datagram(ASKED, CLIENT, 53, 4000, b"forged")] or checksum_ok(
        path.sent[0], parse_ip(path.sent[0])
    )
    reply, query = parse_ip(path.sent[0]), parse_ip(QUERY)
    assert (reply.src, reply.sport) == (entry(ASKED).original.dst, 53)
    assert (reply.dst, reply.dport, bytes(reply.payload)) == (query.src, query.sport, b"forged")
    assert path.looked_for == [FlowTuple(query.src, query.dst, UDP, 4000, 1053)]
    path.close()


@pytest.mark.lab
def test_each_resolver_that_may_have_been_queried_answers(loop: Loop) -> None:
    path = Path(loop, entry(ASKED))
    resolvers = tuple(socket.inet_aton(address) for address in (ASKED, REACHED))
    path.outcome = PacketOutcome(False, reply=STRAIGHT, resolvers=resolvers)
    assert path.hand(QUESTION, INPUT) == DROP
    moved, straight = path.sent
    assert straight == STRAIGHT
    sent = parse_ip(moved)
    assert (sent.src, sent.sport, sent.dport, bytes(sent.payload)) == (resolvers[0], 53, 4000, b"forged")
    assert path.looked_for == [], "the connection table is not needed"
    path.close()


@pytest.mark.lab
@pytest.mark.parametrize(
    ("found", "error", "hook"),
    [
        (entry(ASKED), False, PREROUTING),  # not translated yet
        (None, False, INPUT),
        (None, True, INPUT),
        (entry(REACHED), False, FORWARD),
    ],
    ids=["first", "gone", "unreadable", "straight"],
)
def test_any_other_answer_is_sent_as_it_is(
    loop: Loop, found: ConntrackEntry | None, error: bool, hook: int
) -> None:
    path = Path(loop, found, error)
    path.outcome = PacketOutcome(False, reply=STRAIGHT)
    assert path.hand(QUESTION, hook) == DROP
    assert path.sent == [STRAIGHT]
    path.close()


def test_packets_are_judged_before_other_work() -> None:
    child = os.fork()
    if not child:
        go_first()
        os._exit(os.getpriority(os.PRIO_PROCESS, 0) + 20)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == NICENESS + 20


def packet(source: str, to: str) -> bytes:
    if ":" in source:
        return b"\x60" + bytes(7) + b"".join(socket.inet_pton(socket.AF_INET6, one) for one in (source, to))
    return b"\x45" + bytes(11) + socket.inet_aton(source) + socket.inet_aton(to)


@pytest.fixture
def space() -> Iterator[Namespace]:
    made = Namespace()
    made.ip(
        "link add name eth0 type veth peer name far0",
        "link add name wan type veth peer name far1",
        *(f"link set {name} up" for name in ("eth0", "far0", "wan", "far1")),
        "address add 192.168.77.1/24 dev eth0",
        "address add 2001:db8:77::1/64 dev eth0 nodad",
        "address add 203.0.113.2/30 dev wan",
    )
    with made.inside():
        yield made
    made.close()


@pytest.mark.lab
def test_with_two_arms_the_interface_tells_whatever_the_addresses(space: Namespace) -> None:
    space.ip("route add default via 203.0.113.1")
    both = PacketSides(("eth0",))
    home, out = socket.if_nametoindex("eth0"), socket.if_nametoindex("wan")
    for way in ((DEVICE, SITE), (SITE, DEVICE)):
        assert both.from_home(home, packet(*way))
        assert not both.from_home(out, packet(*way))
    assert not both.from_home(9999, packet(DEVICE, SITE)), "an interface that is gone"
    both.face(("wan",))
    assert not both.from_home(home, packet(DEVICE, SITE))
    assert both.from_home(out, packet(SITE, DEVICE))


@pytest.mark.parametrize("routed", [True, False], ids=["routed", "before there is a route"])
@pytest.mark.lab
def test_with_one_arm_what_does_not_go_home_comes_from_there(space: Namespace, routed: bool) -> None:
    if routed:
        space.ip("route add default via 192.168.77.254")
    arm, index = PacketSides(("eth0",)), socket.if_nametoindex("eth0")
    for device, site in ((DEVICE, SITE), (DEVICE6, SITE6)):
        assert arm.from_home(index, packet(device, site))
        assert not arm.from_home(index, packet(site, device))
    assert arm.from_home(index, packet("10.9.9.9", SITE)), "whatever address it writes"


@pytest.mark.lab
def test_a_network_that_comes_later_is_known_after_a_while(
    space: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.ip("route add default via 192.168.77.254")
    arm, index, now = PacketSides(("eth0",)), socket.if_nametoindex("eth0"), 1000.0
    monkeypatch.setattr(packets, "clock_gettime", lambda _: now)
    back = packet(SITE6, "2001:db8:99::10")
    assert arm.from_home(index, back), "nothing of it opens"
    space.ip("address add 2001:db8:99::1/64 dev eth0 nodad")
    now += AGE
    assert not arm.from_home(index, back)
