"""Connects the netfilter queues to the packet path, and maps marks to subjects and verdicts to marks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from functools import partial
from time import CLOCK_BOOTTIME, clock_gettime

from gateway.core.errors import KernelError
from gateway.core.loop import Loop
from gateway.kernel.conntrack import ConntrackEntry, FlowTuple
from gateway.kernel.marks import (
    ANSWER,
    ASKING,
    HELD,
    MARK_MASK,
    MERGED_QUEUES,
    OPEN_QUEUES,
    QUESTION,
    STATE_MASK,
    UDP_QUEUES,
    FlowState,
    MarkLayout,
    QueueKind,
    decode_verdict,
    queue_numbers,
    verdict_again,
)
from gateway.kernel.queue import DROP, FORWARD, PREROUTING, Answer, PacketQueue
from gateway.kernel.rawsend import RawSender
from gateway.lan import interfaces as lan
from gateway.lan.uplink import Prefix, near, ways_out
from gateway.path.dns import PORT, DnsPath, PacketOutcome
from gateway.path.flows import FlowPath
from gateway.path.subject import Sink, Subject
from gateway.policy.values import Decision, Observation
from gateway.wire.ip.build import udp_readdressed
from gateway.wire.ip.packet import UDP, Packet, parse_ip

NICENESS = -10  # connections wait for verdicts; rate limits bound their number
MAX_KNOWN = 64  # cached interfaces; a recreated tunnel has a new index each time
AGE = 30.0  # seconds for which prefixes are cached; a provider may change them


def go_first() -> None:
    """Raise the priority of this process, which cuts the delay of verdicts by a tenth."""
    with contextlib.suppress(PermissionError):  # without CAP_SYS_NICE, verdicts are slightly slower
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


class LateRecords:
    """Collects decisions, and passes them to ``sink`` when `record` is called, after the packet's verdict.

    Recording takes a fifth of the time of a packet.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting: list[tuple[Subject, Observation, Decision, datetime]] = []

    def add(self, subject: Subject, seen: Observation, decision: Decision, at: datetime) -> None:
        self._waiting.append((subject, seen, decision, at))

    def record(self) -> None:
        """Pass the decisions added since the last call to the sink."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for record in waiting:
                self._sink(*record)


class PacketPath:
    """Binds the netfilter queues, and judges their packets by the rules of each packet's slot.

    A slot is a filtered device, or several with one profile. ``subjects``: the rules by slot; 0 is for
    devices without a slot.
    """

    def __init__(
        self,
        loop: Loop,
        layout: MarkLayout,
        base: int,
        interfaces: Collection[str],
        *,
        flows: FlowPath,
        dns: DnsPath,
        subjects: Mapping[int, Subject],
        wall: Callable[[], datetime],
        behind: Callable[[FlowTuple], ConntrackEntry | None],
        after: Callable[[], None] | None = None,
    ) -> None:
        """Prepare the path; `bind` binds queues. Raises KernelError without the needed privileges.

        ``base``: the number of the first queue. ``interfaces``: the LAN interfaces. ``behind``: finds the
        connection of a packet (`Conntrack.behind`). ``after`` is called after each verdict.
        """
        self.flows = flows
        self.dns = dns
        self.unmatched_packets = 0  # packets of slots without devices, or from an unexpected hook
        self._loop = loop
        self.layout = layout
        self._base = base
        self._shift = layout.packet_shift
        self._others = MARK_MASK ^ layout.packet  # bits of the packet mark that other programs use
        self._held = HELD << layout.packet_shift
        self._behind = behind
        self._after = after
        self._subjects = subjects
        self._wall = wall
        self._sender = RawSender(layout)
        self._sides = PacketSides(interfaces)
        self.queues: dict[int, PacketQueue] = {}

    def bind(self, slots: frozenset[int]) -> None:
        """Bind the netfilter queues of these slots (filtered devices), in addition to the bound ones.

        Raises KernelError if a queue is in use or the kernel does not support queues.
        """
        for number in queue_numbers(self._base, slots):
            if number in self.queues:
                continue
            kind = QueueKind((number - self._base) % len(QueueKind))
            marks = (byte << self._shift for byte in range(256))
            by_byte = tuple(self.layout.queued_slot(mark, number, self._base) for mark in marks)
            handler = partial(self._handle, by_byte, kind in UDP_QUEUES)
            self.queues[number] = PacketQueue(
                self._loop,
                number,
                handler,
                fail_open=kind in OPEN_QUEUES,
                merged=kind in MERGED_QUEUES,
                after=self._after,
            )

    def _handle(
        self, by_byte: tuple[int, ...], udp: bool, packet: bytes, mark: int, hook: int, indev: int
    ) -> Answer:
        """Judge a queued packet and return the answer: drop it, or let it pass with a mark, perhaps changed.

        ``by_byte``: the slot (filtered device) for each value of Qalqan's byte in the mark. ``udp``: whether
        the queue is one for UDP. The others are as in `gateway.kernel.queue.Handler`.
        """
        byte = mark >> self._shift & 0xFF
        state = byte & STATE_MASK
        subject = self._subjects.get(by_byte[byte])
        if subject is None:
            self.unmatched_packets += 1
            return DROP
        if state == ANSWER:
            return self._onward(self.dns.answer_packet(packet, subject, clock_gettime(CLOCK_BOOTTIME)), mark)
        if state == QUESTION:
            return self._question(subject, packet, mark, hook, indev)
        if hook == FORWARD:
            return self._flow(subject, packet, mark, indev, asking=state == ASKING, udp=udp)
        self.unmatched_packets += 1
        return DROP

    def _flow(
        self, subject: Subject, packet: bytes, mark: int, indev: int, *, asking: bool, udp: bool
    ) -> Answer:
        from_lan = self._sides.from_home(indev, packet)
        now, asks = clock_gettime(CLOCK_BOOTTIME), asking and not udp
        verdict, reply, onward = self.flows.packet(
            packet, subject, from_lan=from_lan, now=now, at=self._wall(), asks=asks
        )
        if reply is not None:
            self._sender.send(reply, indev if from_lan else 0)
        if onward is not None:
            self._sender.send(onward, 0, tracked=True)
        if verdict is None:
            return DROP
        # Of plain HTTP (ASKS), a server's segment is queued only during a long upload.
        if asking and (from_lan or decode_verdict(verdict)[0] is FlowState.ASKS):
            verdict = verdict_again(verdict, udp=udp)
        return mark & self._others | (verdict << self._shift or self._held)

    def _question(self, subject: Subject, packet: bytes, mark: int, hook: int, indev: int) -> Answer:
        first = hook == PREROUTING
        at = self._wall()
        outcome = self.dns.question_packet(packet, subject, clock_gettime(CLOCK_BOOTTIME), at, first=first)
        if outcome.reply is not None:
            for reply in (outcome.reply,) if first else self._as_asked(outcome.reply, outcome.resolvers):
                self._sender.send(reply, indev)
        return self._onward(outcome, mark)

    def _onward(self, outcome: PacketOutcome, mark: int) -> Answer:
        if not outcome.accept:
            return DROP
        held = mark & self._others | self._held
        return held if outcome.packet is None else (held, outcome.packet)

    def _as_asked(self, reply: bytes, resolvers: Collection[bytes]) -> Iterator[bytes]:
        """Yield a generated answer with the resolver's address as seen by the device.

        NAT may have changed the destination of the query. ``resolvers``: the addresses that the device may
        have queried. An answer is sent from each, and the device ignores all but one. If there are none, the
        connection table has the address.
        """
        packet = parse_ip(reply)
        for resolver in resolvers or self._original(packet):
            queried = (resolver, PORT)
            yield reply if queried == (packet.src, packet.sport) else udp_readdressed(reply, *queried)

    def _original(self, answer: Packet) -> tuple[bytes]:
        """Return the queried resolver by the connection table, else the source of the answer.

        The device then ignores the answer, and repeats the query.
        """
        with contextlib.suppress(KernelError):
            entry = self._behind(FlowTuple(answer.dst, answer.src, UDP, answer.dport, answer.sport))
            if entry is not None:
                return (entry.original.dst,)
        return (answer.src,)

    def face(self, interfaces: Collection[str]) -> None:
        """Use ``interfaces`` as the LAN interfaces from now on."""
        self._sides.face(interfaces)

    def close(self) -> None:
        for queue in self.queues.values():
            queue.close()
        self.queues.clear()
        self._sender.close()


class PacketSides:
    """Decides whether a queued packet comes from the LAN or from outside.

    The input interface decides if it is unambiguous. In a one-armed setup the destination decides: a packet
    that does not go to a network of the LAN comes from a device. Answers to a device in a network that this
    machine does not know then count as packets of the device, which allows nothing more.
    """

    def __init__(self, interfaces: Collection[str]) -> None:
        """``interfaces``: the LAN interfaces."""
        self._interfaces = interfaces
        self._known: dict[int, bool] = {}
        self._near: dict[str, tuple[float, tuple[Prefix, ...]]] = {}

    def face(self, interfaces: Collection[str]) -> None:
        """Use ``interfaces`` as the LAN interfaces from now on, and forget cached indexes and networks."""
        self._interfaces = interfaces
        self._known.clear()
        self._near.clear()

    def from_home(self, indev: int, packet: bytes) -> bool:
        """Return whether a queued packet comes from the LAN. ``indev``: the index of its input interface."""
        side = self._known.get(indev)
        return self._learn(indev, packet) if side is None else side

    def _learn(self, indev: int, packet: bytes) -> bool:
        """Return whether a packet from an interface with an uncached index comes from the LAN.

        A recreated interface has a new index.
        """
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        name = lan.name(indev)
        if name is None or name not in self._interfaces:
            self._known[indev] = False
            return False
        if name not in self._near:
            out = ways_out()
            if out and name not in out:
                self._known[indev] = True
                return True
        return not self._is_near(name, packet)

    def _is_near(self, name: str, packet: bytes) -> bool:
        """Return whether the destination of a packet is in a network of the interface."""
        now = clock_gettime(CLOCK_BOOTTIME)
        read, prefixes = self._near.get(name, (now - AGE, ()))
        if now - read >= AGE:
            prefixes = near(name)
            self._near[name] = now, prefixes
        to = packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]
        number = int.from_bytes(to, "big")
        return any(
            prefix.size == len(to) and number >> prefix.host_bits == prefix.number >> prefix.host_bits
            for prefix in prefixes
        )
