"""The least that can read the queues: a thread that notes each packet and answers with a verdict byte."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass

from netfilterqueue import COPY_PACKET, NetfilterQueue, Packet

from gateway.kernel.marks import HELD, QUEUES, UDP_QUEUES, MarkLayout, QueueKind, verdict_again
from tests.kernel.home import Namespace

DROP = -1
HOLD = HELD


@dataclass(frozen=True, slots=True)
class Seen:
    """A packet as it came out of a queue."""

    queue: int  # counted from the base
    slot: int
    hook: int  # enum nf_inet_hooks
    answer: bool  # a DNS answer
    question: bool  # a DNS question
    asking: bool  # of a connection that goes on being asked about
    mark: int  # whole, with the bits of others
    data: bytes  # from the IP header on


Judge = Callable[[Seen], int]
"""A verdict byte, HOLD or DROP."""


def _is_from_lan(packet: bytes) -> bool:
    return packet[12:14] == bytes([192, 168]) if packet[0] >> 4 == 4 else packet[8] == 0xFD


class Listener:
    """Reads queues ``base`` to ``base + 23``; ``close`` is to the kernel what the end of the process is."""

    def __init__(
        self, namespace: Namespace, base: int, judge: Judge, layout: MarkLayout | None = None
    ) -> None:
        self.seen: list[Seen] = []
        self.judge = judge
        self._base, self._layout = base, layout or MarkLayout()
        self._queues: list[NetfilterQueue] = []
        with namespace.inside():
            for number in range(QUEUES):
                queue = NetfilterQueue()
                queue.bind(base + number, self._callback(number), 1024, COPY_PACKET, 3800)
                self._queues.append(queue)
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _callback(self, number: int) -> Callable[[Packet], None]:
        def callback(packet: Packet) -> None:
            mark = packet.get_mark()
            slot = self._layout.queued_slot(mark, self._base + number, self._base)
            layout = self._layout
            told = layout.is_answer(mark), layout.is_question(mark), layout.is_asking(mark)
            seen = Seen(number, slot, packet.hook, *told, mark, packet.get_payload())
            self.seen.append(seen)
            byte = self.judge(seen)
            if byte == DROP:
                packet.drop()
                return
            if seen.asking and _is_from_lan(seen.data):
                byte = verdict_again(byte, udp=QueueKind(number % len(QueueKind)) in UDP_QUEUES)
            packet.set_mark(self._layout.with_verdict(mark, byte))
            packet.repeat()

        return callback

    def _run(self) -> None:
        by_descriptor = {queue.get_fd(): queue for queue in self._queues}
        while True:
            ready, _, _ = select.select([self._stop, *by_descriptor], [], [])
            if self._stop in ready:
                return
            for descriptor in ready:
                by_descriptor[descriptor].run(block=False)

    def close(self) -> None:
        if not self._queues:
            return
        os.write(self._stopped, b".")
        self._thread.join()
        while self._queues:
            self._queues.pop().unbind()
        os.close(self._stop)
        os.close(self._stopped)
