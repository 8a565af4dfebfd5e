"""Reads packets from a netfilter queue on the event loop, and returns a verdict for each in bounded time.

The queue holds a packet until it gets a verdict, so every path through the callback ends with one.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from netfilterqueue import COPY_PACKET, NetfilterQueue, Packet

from gateway.core.errors import KernelError
from gateway.core.loop import Loop
from gateway.core.service_manager import inherited_descriptor
from gateway.kernel.marks import COPY_RANGE

_log = logging.getLogger(__name__)

DROP = -1  # a handler's result: drop the packet

MAX_LENGTH = 1024  # packets that wait for a verdict; at 50 µs each the last one waits 50 ms
RECEIVE_BUFFER = 2 << 20  # bytes; MAX_LENGTH packets of 1500 bytes with their metadata
BATCH = 64  # packets per loop turn, so that a flood does not delay the @alive lease or the control socket

_SOL_NETLINK = 270
_NETLINK_NO_ENOBUFS = 5
_NFNL_SUBSYS_QUEUE_CONFIG = 3 << 8 | 2
_NFQA_CFG_MASK, _NFQA_CFG_FLAGS = 4, 5
_FAIL_OPEN, _MERGED = 1, 4  # linux/netfilter/nfnetlink_queue.h: NFQA_CFG_F_FAIL_OPEN, NFQA_CFG_F_GSO
STATISTICS = Path("/proc/net/netfilter/nfnetlink_queue")
_MOST_STATISTICS = 1 << 16  # bytes; a queue has a line of 60

PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = range(5)  # linux/netfilter.h: enum nf_inet_hooks

Answer = int | tuple[int, bytes]
"""A handler's result: a new mark, DROP, or a new mark and the bytes that replace the packet."""
Handler = Callable[[bytes, int, int, int], Answer]
"""``handler(packet, mark, hook, indev)``. A packet that is not dropped passes its chain again (NF_REPEAT):
the mark must show that it was here, or the packet is queued forever. ``packet`` has at most COPY_RANGE bytes;
``hook`` is PREROUTING to POSTROUTING, ``indev`` the index of the interface on which the packet arrived."""


@dataclass(frozen=True, slots=True)
class QueueCounters:
    """The kernel's statistics of one netfilter queue, in packets."""

    waiting: int  # packets without a verdict now
    queue_dropped: int  # the queue was full
    user_dropped: int  # the socket's buffer was full


class _TurnIsOver(Exception):
    """Raised in the callback to end the binding's read loop after BATCH packets. The packet has its verdict.

    The loop would read as long as packets arrive. Reading with our own socket is possible too, and costs 2 us
    more per packet.
    """


class PacketQueue:
    """Binds netfilter queue ``number``, and gives each packet the verdict that ``handler`` returns.

    A packet is dropped if ``handler`` raises. ``fail_open``: when the queue is full, packets pass unfiltered
    instead of being dropped. ``merged``: the kernel does not take merged segments apart, nor complete
    checksums that it left to the network card. ``after`` is called after each verdict that ``handler``
    returned, for work that the packet need not wait for. Raises KernelError if the number is in use, without
    CAP_NET_ADMIN, and if the kernel has no queue support.
    """

    def __init__(
        self,
        loop: Loop,
        number: int,
        handler: Handler,
        *,
        fail_open: bool,
        merged: bool = False,
        after: Callable[[], None] | None = None,
    ) -> None:
        self.number = number
        self.packets = 0
        self.faults = 0  # packets for which ``handler`` or ``after`` raised
        self._handler = handler
        self._after = after
        self._loop = loop
        self._turn_ends = 0
        self._queue = NetfilterQueue()
        try:
            self._queue.bind(number, self._callback, MAX_LENGTH, COPY_PACKET, COPY_RANGE, RECEIVE_BUFFER)
        except OSError as error:
            raise KernelError(_why_not(number, error)) from error
        # A duplicate, because the binding owns the descriptor; options apply to the socket behind both.
        self._socket = socket.socket(fileno=os.dup(self._queue.get_fd()))
        self._socket.setblocking(False)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_NO_ENOBUFS, 1)
        flags = _FAIL_OPEN * fail_open | _MERGED * merged
        if flags:
            self._socket.send(_flags_message(number, flags))
        loop.on_readable(self._socket, self._readable)

    def _readable(self) -> None:
        self._turn_ends = self.packets + BATCH
        try:
            self._queue.run(block=False)
        except _TurnIsOver:
            return

    def _callback(self, packet: Packet) -> None:
        decided = False
        try:
            answer = self._handler(packet.get_payload(), packet.get_mark(), packet.hook, packet.indev)
            _give(packet, answer)
            decided = True
            if self._after is not None:
                self._after()
        except Exception:  # noqa: BLE001  the only place: no packet may stop the filter or stay in the queue
            self.faults += 1
            length = packet.get_payload_len()
            if decided:
                _log.exception("Recording the decision about a packet of %d bytes failed.", length)
            else:
                _log.exception("Packet of %d bytes dropped: judging it failed.", length)
                packet.drop()
        self.packets += 1
        if self.packets >= self._turn_ends:
            raise _TurnIsOver

    def close(self) -> None:
        self._loop.forget(self._socket)
        self._socket.close()
        self._queue.unbind()


def _give(packet: Packet, answer: Answer) -> None:
    """Drop a packet, or set its mark, and its new bytes if any, and let it pass its chain again."""
    if isinstance(answer, tuple):
        answer, replacement = answer
        packet.set_payload(replacement)
    if answer < 0:
        packet.drop()
    else:
        packet.set_mark(answer)
        packet.repeat()


def _flags_message(number: int, flags: int) -> bytes:
    """Return the netlink message (NFQNL_MSG_CONFIG) that sets ``flags`` of a queue; the binding cannot."""
    attributes = b"".join(
        struct.pack("=HH", 8, kind) + struct.pack(">I", flags) for kind in (_NFQA_CFG_MASK, _NFQA_CFG_FLAGS)
    )
    body = struct.pack(">BBH", 0, 0, number) + attributes
    return struct.pack("=IHHII", 16 + len(body), _NFNL_SUBSYS_QUEUE_CONFIG, 1, 0, 0) + body


def _why_not(number: int, error: OSError) -> str:
    if number in read_counters():
        return f"queue {number} is taken by another program; stop it or set another `queue_base`"
    if os.geteuid() != 0:
        return f"queue {number} cannot be bound without root or CAP_NET_ADMIN"
    return f"queue {number} cannot be bound ({error}); load the kernel module nfnetlink_queue"


def read_counters(path: Path = STATISTICS) -> dict[int, QueueCounters]:
    """Return the counters of every bound netfilter queue by number.

    Empty without queue support or permission.
    """
    try:
        text = path.read_text("ascii")
    except FileNotFoundError:
        return {}
    except PermissionError:  # only root may read it; the systemd unit opens it for us
        number = inherited_descriptor(path.name)
        text = "" if number is None else os.pread(number, _MOST_STATISTICS, 0).decode("ascii")
    rows = (tuple(map(int, line.split())) for line in text.splitlines())
    return {row[0]: QueueCounters(row[2], row[5], row[6]) for row in rows}
