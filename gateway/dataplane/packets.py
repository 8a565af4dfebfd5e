"""Connects the netfilter queues to the packet path, and translates marks to subjects and back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import CLOCK_BOOTTIME, clock_gettime

from gateway.core.errors import KernelError
from gateway.core.loop import Loop
from gateway.kernel.conntrack import Entry, FlowTuple
from gateway.kernel.marks import (
    ANSWER,
    ASKING,
    HELD,
    MARK_MASK,
    QUESTION,
    STATE_MASK,
    MarkLayout,
    QueueKind,
    queue_numbers,
    verdict_again,
)
from gateway.kernel.queue import DROP, FORWARD, PREROUTING, Answer, PacketQueue
from gateway.kernel.rawsend import RawSender
from gateway.lan import interfaces as lan
from gateway.lan.uplink import Prefix, near, ways_out
from gateway.path.dns import DnsPath, PacketOutcome
from gateway.path.flows import FlowPath
from gateway.path.live_flows import FlowId, LiveFlow
from gateway.path.subject import Subject
from gateway.wire.ip.build import udp_readdressed
from gateway.wire.ip.packet import UDP, parse_ip

NICENESS = -10  # connections wait for verdicts; the limits bound how many
MAX_KNOWN = 64  # interfaces; a tunnel that comes and goes has another index each time
AGE = 30.0  # seconds; a provider's prefix may change
_FAIL_OPEN = (QueueKind.OPEN_TCP, QueueKind.OPEN_UDP)
_UDP = (QueueKind.OPEN_UDP, QueueKind.CLOSED_UDP)


@dataclass(frozen=True, slots=True)
class FlowForgotten:
    """An undecided connection had to make room before it was completely read."""

    flow: FlowId


@dataclass(frozen=True, slots=True)
class FlowReclassified:
    """A request on a running connection belongs to another class."""

    flow: FlowId
    live: LiveFlow


@dataclass(frozen=True, slots=True)
class UploadStarted:
    """A client sends much data before it gets an answer."""

    flow: FlowId


def go_first() -> None:
    """Raise this process's priority: a connection then waits a tenth less for its verdicts."""
    with contextlib.suppress(PermissionError):  # without CAP_SYS_NICE it works too, slightly slower
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


class PacketPath:
    """Binds the queues. ``subjects`` by slot; 0 is for devices without one."""

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
        behind: Callable[[FlowTuple], Entry | None],
    ) -> None:
        """``interfaces`` face the LAN. ``behind`` finds a packet's connection (Conntrack.behind).

        Raises KernelError if a queue is taken or the kernel does not support queues.
        """
        self.flows = flows
        self.dns = dns
        self.unmatched_packets = 0  # packets of a slot that no device has any more
        self._loop = loop
        self.layout = layout
        self._base = base
        self._shift = layout.packet_shift
        self._others = MARK_MASK ^ layout.packet  # bits of the packet mark that belong to other programs
        self._held = HELD << layout.packet_shift
        self._behind = behind
        self._subjects = subjects
        self._wall = wall
        self._sender = RawSender(layout)
        self._sides = PacketSides(interfaces)
        self.queues: dict[int, PacketQueue] = {}

    def bind(self, slots: frozenset[int]) -> None:
        """Bind the queues that these slots use, in addition to those that are bound."""
        for number in queue_numbers(self._base, slots):
            if number in self.queues:
                continue
            kind = QueueKind((number - self._base) % len(QueueKind))
            marks = (byte << self._shift for byte in range(256))
            by_byte = tuple(self.layout.queued_slot(mark, number, self._base) for mark in marks)
            handler = partial(self._handle, by_byte, kind in _UDP)
            self.queues[number] = PacketQueue(self._loop, number, handler, fail_open=kind in _FAIL_OPEN)

    def _handle(
        self, by_byte: tuple[int, ...], udp: bool, packet: bytes, mark: int, hook: int, indev: int
    ) -> Answer:
        """Judge a packet. ``by_byte``: slots by Qalqan's byte of a packet's mark, in this queue."""
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
        if asking and from_lan:
            verdict = verdict_again(verdict, udp=udp)
        return mark & self._others | (verdict << self._shift or self._held)

    def _question(self, subject: Subject, packet: bytes, mark: int, hook: int, indev: int) -> Answer:
        outcome = self.dns.question_packet(packet, subject, clock_gettime(CLOCK_BOOTTIME), self._wall())
        if outcome.reply is not None:
            first = hook == PREROUTING
            self._sender.send(outcome.reply if first else self._as_asked(outcome.reply), indev)
        return self._onward(outcome, mark)

    def _onward(self, outcome: PacketOutcome, mark: int) -> Answer:
        if not outcome.accept:
            return DROP
        held = mark & self._others | self._held
        return held if outcome.packet is None else (held, outcome.packet)

    def _as_asked(self, reply: bytes) -> bytes:
        """Return a forged answer with the address that the device queried.

        If the connection is older than the query, NAT changed the query's destination, and the kernel knows
        the connection.
        """
        packet = parse_ip(reply)
        try:
            entry = self._behind(FlowTuple(packet.dst, packet.src, UDP, packet.dport, packet.sport))
        except KernelError:
            return reply  # the device does not receive it, and repeats the query
        if entry is None or entry.original.dst == packet.src:
            return reply
        return udp_readdressed(reply, entry.original.dst, entry.original.dport)

    def face(self, interfaces: Collection[str]) -> None:
        """Replace the interfaces that face the LAN."""
        self._sides.face(interfaces)

    def close(self) -> None:
        for queue in self.queues.values():
            queue.close()
        self.queues.clear()
        self._sender.close()


class PacketSides:
    """Tells whether a packet of the queue comes from the LAN or from outside.

    Decides by the interface where that is unambiguous, else by the packet's destination.

    In a one-armed setup, a packet that does not go to a network of the LAN comes from a device. If a device's
    network is unknown to this machine, answers to it count as its own packets; this opens nothing.
    """

    def __init__(self, interfaces: Collection[str]) -> None:
        """``interfaces`` face the LAN."""
        self._interfaces = interfaces
        self._known: dict[int, bool] = {}
        self._near: dict[str, tuple[float, tuple[Prefix, ...]]] = {}

    def face(self, interfaces: Collection[str]) -> None:
        """Replace the interfaces that face the LAN."""
        self._interfaces = interfaces
        self._known.clear()
        self._near.clear()

    def from_home(self, indev: int, packet: bytes) -> bool:
        """Whether a packet that arrived at interface ``indev`` comes from the LAN."""
        side = self._known.get(indev)
        return self._learn(indev, packet) if side is None else side

    def _learn(self, indev: int, packet: bytes) -> bool:
        """Decide for an unknown index. A recreated interface has its old name and a new index."""
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
        """Whether the packet's destination is in a network of the interface."""
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
