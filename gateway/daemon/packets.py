"""The queues' end of the packet path: marks to subjects, verdicts to marks, forged packets to the wire."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial
from time import CLOCK_BOOTTIME, clock_gettime

from gateway.daemon import lan
from gateway.kernel.marks import ANSWER, ASKING, MARK_MASK, STATE_MASK, Kind, MarkLayout, queue_numbers
from gateway.kernel.queue import DROP, FORWARD, PREROUTING, PacketQueue
from gateway.kernel.rawsend import RawSender
from gateway.loop import Loop
from gateway.path.dns import DnsPath
from gateway.path.flows import FlowPath
from gateway.path.subject import Subject

MAX_SIDES = 64  # interfaces; a tunnel that comes and goes has another index each time

_FAIL_OPEN = (Kind.OPEN_TCP, Kind.OPEN_UDP)


NICENESS = -10  # somebody waits for each verdict; the guards bound how many there are


def go_first() -> None:
    """Run before other programs: it takes a tenth off the time that a connection waits for its verdicts."""
    with contextlib.suppress(PermissionError):  # without CAP_SYS_NICE it works as well, a little later
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)


class PacketPath:
    """Binds the queues. ``subjects`` by slot; 0 stands for the devices without one."""

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
    ) -> None:
        """``interfaces`` face the home. Raises KernelError where a queue is taken or the kernel has none."""
        self.flows = flows
        self.dns = dns
        self.strays = 0  # packets of a slot that is nobody's any more
        self._loop = loop
        self.layout = layout
        self._base = base
        self._shift = layout.packet_shift
        self._others = MARK_MASK ^ layout.packet  # bits of the packet mark that are not ours
        self._subjects = subjects
        self._wall = wall
        self._sender = RawSender(layout)
        self._interfaces = interfaces
        self._sides: dict[int, bool] = {}  # interface index → whether it faces the home
        self.queues: dict[int, PacketQueue] = {}

    def bind(self, slots: frozenset[int]) -> None:
        """Bind the queues that these slots use, beside those that are bound."""
        for number in queue_numbers(self._base, slots):
            if number in self.queues:
                continue
            kind = Kind((number - self._base) % len(Kind))
            marks = (byte << self._shift for byte in range(256))
            by_byte = tuple(self.layout.queued_slot(mark, number, self._base) for mark in marks)
            handler = partial(self._handle, by_byte)
            self.queues[number] = PacketQueue(self._loop, number, handler, fail_open=kind in _FAIL_OPEN)

    def _handle(
        self, by_byte: tuple[int, ...], packet: bytes, mark: int, hook: int, indev: int
    ) -> int | bytes:
        """``by_byte``: slots by our byte of a packet's mark, in this queue."""
        byte = mark >> self._shift & 0xFF
        state = byte & STATE_MASK
        subject = self._subjects.get(by_byte[byte])
        if subject is None:
            self.strays += 1
            return DROP
        now = clock_gettime(CLOCK_BOOTTIME)
        if state == ANSWER:
            outcome = self.dns.answer_packet(packet, subject, now)
            if outcome.packet is not None:
                return outcome.packet
            return mark & self._others if outcome.accept else DROP
        if hook == FORWARD:
            from_lan = self._sides.get(indev)
            if from_lan is None:
                from_lan = self._learn_side(indev)
            verdict, reply, onward = self.flows.packet(
                packet, subject, from_lan=from_lan, now=now, at=self._wall(), asks=state == ASKING
            )
            if reply is not None:
                self._sender.send(reply, indev if from_lan else 0)
            if onward is not None:
                self._sender.send(onward, 0, tracked=True)
            return DROP if verdict is None else mark & self._others | verdict << self._shift
        if hook == PREROUTING:
            return self._question(subject, packet, mark, indev, now)
        self.strays += 1
        return DROP

    def _question(self, subject: Subject, packet: bytes, mark: int, indev: int, now: float) -> int | bytes:
        outcome = self.dns.question_packet(packet, subject, now, self._wall())
        if outcome.reply is not None:
            self._sender.send(outcome.reply, indev)
        if outcome.packet is not None:
            return outcome.packet
        return mark & self._others if outcome.accept else DROP

    def _learn_side(self, indev: int) -> bool:
        """An interface that is made anew has the old name and another index."""
        if len(self._sides) >= MAX_SIDES:
            self._sides.clear()
        side = self._sides[indev] = lan.name(indev) in self._interfaces
        return side

    @property
    def unsent(self) -> int:
        """Forged packets that the kernel would not send."""
        return self._sender.failed

    def close(self) -> None:
        for queue in self.queues.values():
            queue.close()
        self.queues.clear()
        self._sender.close()
